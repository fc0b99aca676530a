/**
 * Messages that a server counts and cannot read. Where bits of a block on its disk have changed, a nats-server 2.9 goes on counting what was in it, takes new
 * messages into it, and gives none of them to anybody, by the queue's consumer or by number; nor can it delete one. A purge of what it counts mends that.
 * Here such a stream is told, by the server's own answers, from one of which somebody can still be given something. Who makes anew what was lost is no
 * business of this file.
 */
import { pause } from '../abort.js';
import { type Connection, fromNats } from './connection.js';
import { nextMessage } from './forgotten.js';

/** Looks in a row that have to show the same. */
const looksNeeded = 3;
const defaultBetweenLooksMs = 1_000;
/** After a look that failed, as where the right to purge is missing. */
const afterFailureMs = 10_000;
/** Messages that are asked for at once. */
const readWindow = 64;
/** Searches for what has come since the last one, within a look, and purges while more comes. */
const searches = 5;
const betweenPurgesMs = 20;

export class UnreadableMessages {
  readonly #connection: Pick<Connection, 'jsm' | 'log'>;
  readonly #stream: string;
  readonly #betweenLooksMs: number;
  /** In a row, that showed nothing that can be read. */
  #looks = 0;
  #nextLookAtMs = 0;

  constructor(connection: Pick<Connection, 'jsm' | 'log'>, stream: string, betweenLooksMs = defaultBetweenLooksMs) {
    this.#connection = connection;
    this.#stream = stream;
    this.#betweenLooksMs = betweenLooksMs;
  }

  /**
   * Looks, unless it did a moment ago; takes out what the stream counts, once several looks in a row have shown that none of it can be read. Answers how many
   * messages that were. What comes meanwhile stays, or keeps the rest from going until the next look. Failures are told to the log alone.
   */
  async remove(): Promise<number> {
    if (performance.now() < this.#nextLookAtMs) return 0;
    this.#nextLookAtMs = Number.POSITIVE_INFINITY;
    try {
      const removed = await this.#look();
      this.#nextLookAtMs = performance.now() + this.#betweenLooksMs;
      return removed;
    } catch (error) {
      this.#nextLookAtMs = performance.now() + afterFailureMs;
      const stream = this.#stream;
      const { message } = fromNats(error, `looking for what cannot be read in ${stream}`);
      this.#connection.log.warn(
        { stream, error: message },
        'what the server cannot read could not be looked for, or not taken out',
      );
      return 0;
    }
  }

  async #look(): Promise<number> {
    const last = await this.#lastOfUnreadable();
    this.#looks = last === null ? 0 : this.#looks + 1;
    if (last === null || this.#looks < looksNeeded) return 0;
    const removed = await this.#purge(last);
    this.#looks = 0;
    const { log } = this.#connection;
    log.warn(
      { stream: this.#stream, messages: removed },
      'the message server cannot read what it keeps, as after damage to its disk: it was taken out, and is made again by whoever waits for it',
    );
    return removed;
  }

  /** The server refuses to take out a part of a block that it cannot read: so it is all, while nothing newer has come. */
  async #purge(upTo: number): Promise<number> {
    let last = upTo;
    for (let tries = 1; ; tries++) {
      try {
        const { purged } = await this.#connection.jsm.streams.purge(this.#stream, { seq: last + 1 });
        return purged;
      } catch (error) {
        if (tries === searches) throw error;
      }
      await pause(betweenPurgesMs);
      const next = await this.#lastOfUnreadable();
      if (next === null) return 0;
      last = next;
    }
  }

  /** The number of the last message, where the server counts some and can read none; else null. */
  async #lastOfUnreadable(): Promise<number | null> {
    if (await this.#isWell()) return null;
    let counted = await this.#counted();
    let asked = 0;
    for (let search = 0; search < searches; search++) {
      const last = counted.at(-1);
      if (last === undefined) return null;
      // The newest first: where all is well that one is there.
      if (await this.#canReadAny(counted.filter((sequence) => sequence > asked).reverse())) return null;
      asked = last;
      counted = await this.#counted();
      // What was acknowledged in between could not be read either, and is not counted any more; what has come since is asked for in its turn.
      if (counted.at(-1) === asked) return asked;
    }
    return null;
  }

  /** Whether nothing is counted, or an end of it can be read: all that a stream in order is asked, as the numbers that are gone from it may be many thousands. */
  async #isWell(): Promise<boolean> {
    const { state } = await this.#connection.jsm.streams.info(this.#stream);
    const { messages, first_seq: first, last_seq: last } = state;
    return messages === 0 || (await this.#canRead(first)) || (last !== first && (await this.#canRead(last)));
  }

  async #canReadAny(sequences: readonly number[]): Promise<boolean> {
    const [newest, ...others] = sequences;
    if (newest === undefined) return false;
    if (await this.#canRead(newest)) return true;
    for (let at = 0; at < others.length; at += readWindow) {
      const answers = await Promise.all(others.slice(at, at + readWindow).map((sequence) => this.#canRead(sequence)));
      if (answers.includes(true)) return true;
    }
    return false;
  }

  async #canRead(sequence: number): Promise<boolean> {
    return (await nextMessage(this.#connection.jsm, this.#stream, { seq: sequence })) !== null;
  }

  /** Numbers of the messages that the server says are there, oldest first. */
  async #counted(): Promise<number[]> {
    const { state } = await this.#connection.jsm.streams.info(this.#stream, { deleted_details: true });
    if (state.messages === 0) return [];
    const gone = new Set(state.deleted);
    const { first_seq: first, last_seq: last } = state;
    return Array.from({ length: Math.max(0, last + 1 - first) }, (_, i) => first + i).filter((seq) => !gone.has(seq));
  }
}
