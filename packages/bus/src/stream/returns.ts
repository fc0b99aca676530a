/**
 * Which deliveries of a message were lost with their takers. The server counts deliveries alone; what was neither acknowledged nor given back was
 * lost. Who takes a message that was lost before says when the work on it begins: what only waited when its taker died is not counted. Notes are
 * read only when somebody has to know, and a first delivery needs none.
 */
import { type Connection, fromNats, publishMark, withPatience } from './connection.js';
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

  /** It was given back. On the way at once, before what is sent next. */
  note(delivery: HeldMessage): void {
    this.#say(delivery, '');
  }

  /** It waits for its turn. */
  hold(delivery: HeldMessage): void {
    this.#say(delivery, '.held');
  }

  /** Its turn has come; resolves when the server knows. */
  begin(delivery: HeldMessage): Promise<void> {
    return publishMark(this.#connection, this.#noteOn(delivery, '.begun'));
  }

  /** Deliveries before this one that ended neither acknowledged nor given back, after the work had begun. */
  async lostBefore(delivery: HeldMessage): Promise<number> {
    const { nc, jsm } = this.#connection;
    const subject = this.#subject(delivery);
    try {
      const { state } = await withPatience(nc, `reading ${returnsStream}`, () =>
        jsm.streams.info(returnsStream, { subjects_filter: `${subject}.>` }),
      );
      const notes = new Set(Object.keys(state.subjects ?? {}).map((noted) => noted.slice(subject.length + 1)));
      const earlier = Array.from({ length: delivery.deliveryCount - 1 }, (_, i) => String(i + 1));
      return earlier.filter((n) => !notes.has(n) && (!notes.has(`${n}.held`) || notes.has(`${n}.begun`))).length;
    } catch (error) {
      throw fromNats(error, `reading ${returnsStream}`);
    }
  }

  #say(delivery: HeldMessage, what: string): void {
    const { nc } = this.#connection;
    if (!nc.isClosed()) nc.publish(this.#noteOn(delivery, what));
  }

  #noteOn(delivery: HeldMessage, what: string): string {
    return `${this.#subject(delivery)}.${delivery.deliveryCount}${what}`;
  }

  #subject(delivery: HeldMessage): string {
    return `${returnsPrefix}.${this.#stream}.${delivery.sequence}`;
  }
}
