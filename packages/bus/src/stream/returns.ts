/**
 * Which deliveries of a message were lost with their takers. The server counts deliveries alone; what was neither acknowledged nor given back was
 * lost. Who takes a message that was lost before says when the work on it begins: what only waited when its taker died is not counted. Notes are
 * read only when somebody has to know, and a first delivery needs none. They are told again while the server is away; nobody waits for that, but for
 * the word that work begins.
 */
import { SegueError } from '@segue/core';
import type { Deliveries } from './bus.js';
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
    const { sequence, deliveryCount } = delivery;
    const notes = await this.#notes(`${this.#subject(sequence)}.>`);
    return countLost(notes.get(sequence) ?? nothing, deliveryCount - 1);
  }

  /** What became of the deliveries of every message, at one look: an older server walks through all notes for each question. */
  async deliveries(): Promise<(sequence: number) => Deliveries> {
    const all = await this.#notes(this.#subject('>'));
    return (sequence) => {
      const notes = all.get(sequence) ?? nothing;
      const deliveryCount = Math.max(1, ...[...notes].map((note) => Number.parseInt(note, 10)));
      return {
        deliveryCount,
        lostBefore: countLost(notes, deliveryCount - 1),
        isNewestLost: countsAsLost(notes, deliveryCount),
      };
    };
  }

  /** What was said of deliveries, by the number of the message: the number of each, and what of it. The library reads page by page. */
  async #notes(filter: string): Promise<ReadonlyMap<number, ReadonlySet<string>>> {
    const { nc, jsm } = this.#connection;
    try {
      const { state } = await withPatience(nc, `reading ${returnsStream}`, () =>
        jsm.streams.info(returnsStream, { subjects_filter: filter }),
      );
      const notes = new Map<number, Set<string>>();
      const start = this.#subject('').length;
      for (const subject of Object.keys(state.subjects ?? {})) {
        const end = subject.indexOf('.', start);
        const sequence = Number(subject.slice(start, end));
        const ofMessage = notes.get(sequence) ?? new Set();
        notes.set(sequence, ofMessage.add(subject.slice(end + 1)));
      }
      return notes;
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

  #subject(sequence: number | string): string {
    return `${returnsPrefix}.${this.#stream}.${sequence}`;
  }
}

const nothing: ReadonlySet<string> = new Set();

/** Of the deliveries 1 to `last`. */
function countLost(notes: ReadonlySet<string>, last: number): number {
  return Array.from({ length: last }, (_, i) => i + 1).filter((count) => countsAsLost(notes, count)).length;
}

/** @param count number of the delivery */
function countsAsLost(notes: ReadonlySet<string>, count: number): boolean {
  return !notes.has(`${count}`) && (!notes.has(`${count}.held`) || notes.has(`${count}.begun`));
}
