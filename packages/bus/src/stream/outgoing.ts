/** What a queue publishes: a value with where it belongs, and the same as it travels. Types alone. */
import type { TraceParent } from '../tracing.js';

/** A message to publish: where it belongs and the id by which a repetition is known. */
export interface Outgoing<T> {
  readonly runId: string;
  readonly trajectoryId: string;
  readonly id: string;
  readonly value: T;
  /** What it belongs to; left out: what its publisher does at the moment. */
  readonly trace?: TraceParent | undefined;
}

/** The same, as it travels. */
export type Parcel = Omit<Outgoing<never>, 'value'> & { readonly body: Uint8Array };
