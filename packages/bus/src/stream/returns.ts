/**
 * Which deliveries of a message were given back. The server counts deliveries alone; what was neither acknowledged nor given back was
 * lost with its taker. A note is written before the message is given back, and read only when somebody has to know.
 */
import { type Connection, fromNats, withPatience } from './connection.js';
import type { HeldMessage } from './delivery.js';
import { returnsPrefix, returnsStream } from './subjects.js';

export class Returns {
  readonly #connection: Connection;
  readonly #stream: string;

  /** @param stream of the queue */
  constructor(connection: Connection, stream: string) {
    this.#connection = connection;
    this.#stream = stream;
  }

  /** On the way at once, before what is sent next. */
  note(delivery: HeldMessage): void {
    const { nc } = this.#connection;
    if (!nc.isClosed()) nc.publish(`${this.#subject(delivery)}.${delivery.deliveryCount}`);
  }

  /** Deliveries before this one that ended neither acknowledged nor given back. */
  async lostBefore(delivery: HeldMessage): Promise<number> {
    const { nc, jsm } = this.#connection;
    const query = { subjects_filter: `${this.#subject(delivery)}.*` };
    try {
      const { state } = await withPatience(nc, `reading ${returnsStream}`, () =>
        jsm.streams.info(returnsStream, query),
      );
      return Math.max(0, delivery.deliveryCount - 1 - Object.keys(state.subjects ?? {}).length);
    } catch (error) {
      throw fromNats(error, `reading ${returnsStream}`);
    }
  }

  #subject(delivery: HeldMessage): string {
    return `${returnsPrefix}.${this.#stream}.${delivery.sequence}`;
  }
}
