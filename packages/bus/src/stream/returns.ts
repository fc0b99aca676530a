/**
 * Which deliveries of a message were lost with their takers. The server counts deliveries alone; what was neither acknowledged nor given back was
 * lost. Who takes a message that was lost before says when the work on it begins: what only waited when its taker died is not counted. Notes are
 * read only when somebody has to know, and a first delivery needs none. They are told again while the server is away; nobody waits for that, but for
 * the word that work begins.
 */
import { SegueError } from '@segue/core';
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

  /** It has come again: what was said of the deliveries before is not how it stands. */
  taken(delivery: HeldMessage): void {
    this.#say(delivery, '.taken');
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
    const notes = await this.#notesOn(delivery.sequence);
    const earlier = Array.from({ length: delivery.deliveryCount - 1 }, (_, i) => i + 1);
    return earlier.filter((count) => countsAsLost(notes, count)).length;
  }

  /** Whether the newest delivery of a message is lost if its taker is gone: it was not given back, and does not wait. */
  async wouldBeLost(sequence: number): Promise<boolean> {
    const notes = await this.#notesOn(sequence);
    const newest = Math.max(1, ...[...notes].map((note) => Number.parseInt(note, 10)));
    return countsAsLost(notes, newest);
  }

  /** What was said of a message's deliveries: the number of each, and what of it. */
  async #notesOn(sequence: number): Promise<ReadonlySet<string>> {
    const { nc, jsm } = this.#connection;
    const subject = this.#subject(sequence);
    try {
      const { state } = await withPatience(nc, `reading ${returnsStream}`, () =>
        jsm.streams.info(returnsStream, { subjects_filter: `${subject}.>` }),
      );
      return new Set(Object.keys(state.subjects ?? {}).map((noted) => noted.slice(subject.length + 1)));
    } catch (error) {
      throw fromNats(error, `reading ${returnsStream}`);
    }
  }

  #say(delivery: HeldMessage, what: string): void {
    const { nc, log } = this.#connection;
    publishMark(this.#connection, this.#noteOn(delivery, what)).catch((error: unknown) => {
      // Who leaves has sent it once, before all that ends with the connection.
      if (nc.isClosed() || nc.isDraining()) return;
      const reason = SegueError.from(error).message;
      log.warn({ stream: this.#stream, reason }, 'what became of a delivery was not kept: it may count as lost');
    });
  }

  #noteOn(delivery: HeldMessage, what: string): string {
    return `${this.#subject(delivery.sequence)}.${delivery.deliveryCount}${what}`;
  }

  #subject(sequence: number): string {
    return `${returnsPrefix}.${this.#stream}.${sequence}`;
  }
}

/** @param count number of the delivery */
function countsAsLost(notes: ReadonlySet<string>, count: number): boolean {
  return !notes.has(`${count}`) && (!notes.has(`${count}.held`) || notes.has(`${count}.begun`));
}
