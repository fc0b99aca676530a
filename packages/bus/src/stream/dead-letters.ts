/** Messages that nobody could use, kept for people with the reason. */
import { headers } from 'nats';
import type { DeadLetter } from './bus.js';
import { type Connection, withPatience } from './connection.js';
import { deadPrefix, deadStream } from './subjects.js';

const header = { subject: 'Segue-Subject', reason: 'Segue-Reason', at: 'Segue-At' } as const;
const maxReasonChars = 500;

export class DeadLetters {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async add(stream: string, letter: DeadLetter): Promise<void> {
    const { nc, js, log } = this.#connection;
    log.warn({ stream, subject: letter.subject, reason: letter.reason }, 'put a message among the dead letters');
    const fields = headers();
    fields.set(header.subject, letter.subject);
    // Header values are one line of plain text.
    fields.set(header.reason, letter.reason.replace(/[^\x20-\x7e]/g, '?').slice(0, maxReasonChars));
    fields.set(header.at, String(letter.atMs));
    await withPatience(nc, 'writing a dead letter', () =>
      js.publish(`${deadPrefix}.${stream}`, letter.body, { headers: fields }),
    );
  }

  /** The newest, oldest of them first. */
  async list(max: number): Promise<DeadLetter[]> {
    const { nc, jsm } = this.#connection;
    const { state } = await withPatience(nc, 'reading dead letters', () => jsm.streams.info(deadStream));
    const letters: DeadLetter[] = [];
    for (let seq = Math.max(1, state.first_seq, state.last_seq - max + 1); seq <= state.last_seq; seq++) {
      const { header: fields, data } = await jsm.streams.getMessage(deadStream, { seq });
      letters.push({
        subject: fields.get(header.subject),
        reason: fields.get(header.reason),
        atMs: Number(fields.get(header.at)),
        body: data,
      });
    }
    return letters;
  }
}
