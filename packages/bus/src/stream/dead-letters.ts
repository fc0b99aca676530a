/** Messages that nobody could use, with the reason, on their way to the store, which keeps them. */
import { SegueError } from '@segue/core';
import { headers, type StoredMsg } from 'nats';
import type { DeadLetter, HeldLetter } from './bus.js';
import { type Connection, fromNats, withPatience } from './connection.js';
import { checksumHeader, deadPrefix, deadStream, queues } from './subjects.js';

const header = { subject: 'Segue-Subject', reason: 'Segue-Reason', at: 'Segue-At', bytes: 'Segue-Bytes' } as const;
const maxReasonChars = 500;

export class DeadLetters {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** @param id by which a repetition is known; left out: every call adds one */
  async add(stream: string, letter: DeadLetter, id?: string): Promise<void> {
    const { nc, js, log } = this.#connection;
    log.warn({ stream, subject: letter.subject, reason: letter.reason }, 'put a message among the dead letters');
    const fields = headers();
    fields.set(header.subject, letter.subject);
    // Header values are one line of plain text.
    fields.set(header.reason, letter.reason.replace(/[^\x20-\x7e]/g, '?').slice(0, maxReasonChars));
    fields.set(header.at, String(letter.atMs));
    fields.set(header.bytes, String(letter.bodyBytes));
    if (letter.checksum !== '') fields.set(checksumHeader, letter.checksum);
    await withPatience(nc, 'writing a dead letter', () =>
      js.publish(`${deadPrefix}.${stream}`, letter.body, { headers: fields, ...(id !== undefined && { msgID: id }) }),
    );
  }

  /** The newest, oldest of them first. */
  async list(max: number): Promise<DeadLetter[]> {
    const { first_seq: first, last_seq: last } = await this.#state();
    const letters = await this.#read(Math.max(first, last - max + 1), max);
    return letters.map(({ letter }) => letter);
  }

  /** The oldest. */
  async take(max: number): Promise<HeldLetter[]> {
    const { first_seq: first, messages } = await this.#state();
    return messages === 0 ? [] : this.#read(first, max);
  }

  async republish({ subject, body, checksum }: Pick<DeadLetter, 'subject' | 'body' | 'checksum'>): Promise<void> {
    if (!Object.values(queues).some(({ prefix }) => new RegExp(`^${prefix}\\.[^.*> ]+\\.[^.*> ]+$`).test(subject))) {
      throw new SegueError('INVALID_INPUT', `${JSON.stringify(subject.slice(0, 200))} is not a subject of a queue`);
    }
    const { nc, js } = this.#connection;
    const fields = headers();
    if (checksum !== '') fields.set(checksumHeader, checksum);
    await withPatience(nc, `publishing to ${subject}`, () => js.publish(subject, body, { headers: fields }));
  }

  async #state() {
    const { nc, jsm } = this.#connection;
    return (await withPatience(nc, 'reading dead letters', () => jsm.streams.info(deadStream))).state;
  }

  async #read(from: number, max: number): Promise<HeldLetter[]> {
    const { jsm } = this.#connection;
    const letters: HeldLetter[] = [];
    let seq = Math.max(1, from);
    while (letters.length < max) {
      const message = await this.#next(seq);
      if (message === null) break;
      seq = message.seq + 1;
      const remove = async () => {
        await jsm.streams.deleteMessage(deadStream, message.seq, false).catch((error: unknown) => {
          const failure = fromNats(error, 'removing a dead letter');
          if (failure.code !== 'NOT_FOUND') throw failure;
        });
      };
      letters.push({ letter: letterOf(message), remove });
    }
    return letters;
  }

  /** The first message from `seq` on; null when there is none. */
  async #next(seq: number): Promise<StoredMsg | null> {
    const { nc, jsm } = this.#connection;
    try {
      const query = { seq, next_by_subj: `${deadPrefix}.>` };
      return await withPatience(nc, 'reading dead letters', () => jsm.streams.getMessage(deadStream, query));
    } catch (error) {
      const failure = SegueError.from(error);
      if (failure.code === 'NOT_FOUND') return null;
      throw failure;
    }
  }
}

function letterOf({ header: fields, data }: StoredMsg): DeadLetter {
  return {
    subject: fields.get(header.subject),
    reason: fields.get(header.reason),
    atMs: Number(fields.get(header.at)),
    body: data,
    bodyBytes: Number(fields.get(header.bytes)) || data.byteLength,
    checksum: fields.get(checksumHeader),
  };
}
