/**
 * Puts values of one kind into their queue's stream: written, gathered where the queue gathers, cut into parts where they are large, each message under an
 * id by which the stream knows a repetition. It knows nothing of who takes them.
 */
import { headers } from 'nats';
import { currentTrace, formatTraces, traceHeader } from '../tracing.js';
import { checksum, encodeBodies, encodeBody } from './codec.js';
import { type Connection, publishToStream, withPatience } from './connection.js';
import { Gatherer } from './gatherer.js';
import type { Format } from './messages.js';
import type { Outgoing, Parcel } from './outgoing.js';
import { formatPart, partHeader, splitBody } from './parts.js';
import { checksumHeader, type QueueSpec } from './subjects.js';

/** Publishes on the way at once: more gains nothing. */
const publishWindow = 64;

export class Publisher<T> {
  readonly #connection: Connection;
  readonly #spec: QueueSpec;
  readonly #format: Format<T>;
  readonly #gatherer: Gatherer<Parcel>;

  constructor(connection: Connection, spec: QueueSpec, format: Format<T>) {
    this.#connection = connection;
    this.#spec = spec;
    this.#format = format;
    this.#gatherer = new Gatherer((parcels) => this.#send(parcels));
  }

  /** In order; resolves when the stream has all. */
  async publish(messages: readonly Outgoing<T>[]): Promise<void> {
    for (let at = 0; at < messages.length; at += publishWindow) {
      await Promise.all(messages.slice(at, at + publishWindow).map((message) => this.#publishOne(message)));
    }
  }

  #publishOne({ value, ...address }: Outgoing<T>): Promise<void> {
    const trace = address.trace ?? currentTrace() ?? undefined;
    const parcel = { ...address, trace, body: encodeBody(this.#format.write(value)) };
    return this.#spec.gathers ? this.#gatherer.add(parcel) : this.#send([parcel]);
  }

  /** Sends parcels of one run as one message. */
  async #send(parcels: readonly Parcel[]): Promise<void> {
    const [first] = parcels;
    if (first === undefined) return;
    const subject = `${this.#spec.prefix}.${first.runId}.${first.trajectoryId}`;
    const body = encodeBodies(parcels.map((parcel) => parcel.body));
    const sum = checksum(body);
    const id = parcels.length === 1 ? first.id : `${first.id}-and-${parcels.length - 1}-${sum}`;
    const parts = splitBody(body);
    const traces = formatTraces(parcels.map((parcel) => parcel.trace ?? null));
    await Promise.all(
      parts.map((part, index) => {
        const fields = headers();
        fields.set(checksumHeader, sum);
        if (traces !== '') fields.set(traceHeader, traces);
        if (parts.length > 1) fields.set(partHeader, formatPart(index, parts.length, `${id} ${sum}`));
        const messageId = parts.length > 1 ? `${id}-p${index}` : id;
        return withPatience(this.#connection.nc, `publishing to ${subject}`, () =>
          publishToStream(this.#connection, subject, part, fields, messageId),
        );
      }),
    ).catch(async (error: unknown) => {
      throw await this.#connection.explain(error);
    });
  }
}
