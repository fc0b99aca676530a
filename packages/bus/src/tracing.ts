/**
 * Traces across processes: the W3C `traceparent` as it travels with calls and messages, and spans around work. The one place that knows OpenTelemetry's API;
 * without its SDK (packages/service/src/tracing.ts loads it when it is asked for) all of this does nothing. A span is begun only where a trace comes in, so
 * that what nobody asked about costs nothing; the submission of problems alone begins one.
 */
import { type Attributes, context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { SegueError } from '@segue/core';

/** Name of the metadata and of the header that it travels in. */
export const traceHeader = 'traceparent';

/** Where a span belongs, as text: version, trace, span, flags. */
export type TraceParent = string;

const tracer = trace.getTracer('segue');
/** Sampled: what a caller does not record is not followed. */
const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f][13579bdf]$/;

let isOn = false;

/** Called where the SDK is loaded. */
export function turnOnTracing(): void {
  isOn = true;
}

/** Whether this process records spans. */
export function isTracing(): boolean {
  return isOn;
}

/** The span that this work belongs to, be it one of a program that calls us; null when it is not traced. */
export function currentTrace(): TraceParent | null {
  const span = trace.getActiveSpan();
  return span === undefined ? null : textOf(span);
}

/** Reads what came from outside; null for anything but the trace of a caller that records it. */
export function readTrace(value: unknown): TraceParent | null {
  return isOn && typeof value === 'string' && pattern.test(value) ? value : null;
}

/** Of several bodies in one message, in their order; nothing when none is traced. */
export function formatTraces(traces: readonly (TraceParent | null)[]): string {
  return traces.some((one) => one !== null) ? traces.map((one) => one ?? '').join(',') : '';
}

/** @param count of the bodies */
export function readTraces(header: string, count: number): (TraceParent | null)[] {
  const values = header === '' || !isOn ? [] : header.split(',');
  return Array.from({ length: count }, (_, i) => readTrace(values[i]));
}

export interface SpanText {
  readonly name: string;
  /** null: it begins a trace. */
  readonly parent: TraceParent | null;
  readonly kind?: 'server' | 'producer' | 'consumer' | 'internal';
  readonly attributes?: Attributes;
  /** Unix time in ms, when it began earlier. */
  readonly startedAtMs?: number;
}

const kinds = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const;

/** A span that has begun. */
export class OpenSpan {
  readonly #span: Span;

  constructor({ name, parent, kind = 'internal', attributes = {}, startedAtMs }: SpanText) {
    const [, traceId = '', spanId = ''] = pattern.exec(parent ?? '') ?? [];
    const around =
      parent === null
        ? ROOT_CONTEXT
        : trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: 1, isRemote: true });
    const options = { kind: kinds[kind], attributes, ...(startedAtMs !== undefined && { startTime: startedAtMs }) };
    this.#span = tracer.startSpan(name, options, around);
  }

  /** For what it hands on. */
  get trace(): TraceParent | null {
    return textOf(this.#span);
  }

  /** What is called or published in there belongs to it. */
  run<T>(work: () => T): T {
    return context.with(trace.setSpan(context.active(), this.#span), work);
  }

  end(error: SegueError | null = null): void {
    if (error !== null) {
      this.#span.setAttribute('segue.code', error.code);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error.rawMessage });
    }
    this.#span.end();
  }
}

/** Does the work inside a span of the trace that came in; without one, just does it. */
export function traced<T>(text: SpanText, work: () => Promise<T>): Promise<T> {
  return text.parent === null || !isOn ? work() : inSpan(text, work);
}

/** Does the work inside a span, of a trace of its own where none comes in. */
export async function inSpan<T>(text: SpanText, work: () => Promise<T>): Promise<T> {
  if (!isOn) return work();
  const span = new OpenSpan(text);
  try {
    const value = await span.run(work);
    span.end();
    return value;
  } catch (error) {
    span.end(SegueError.from(error));
    throw error;
  }
}

function textOf(span: Span): TraceParent | null {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return (traceFlags & 1) === 1 ? `00-${traceId}-${spanId}-01` : null;
}
