/**
 * Large bodies travel in parts of at most 448 KiB (a server takes 1 MiB, headers included, and large batches of large
 * messages break connections). Each part is a message of its own; they are leased, acknowledged and given back together.
 */
import { maxBodyBytes } from './codec.js';
import type { HeldMessage } from './delivery.js';

const partBytes = 448 * 1024;
const maxParts = Math.ceil(maxBodyBytes / partBytes);
/** How long the parts that are here wait for the missing ones, and how long a message that has ended is remembered. */
const patienceMs = 10 * 60_000;

export function splitBody(body: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < body.byteLength; at += partBytes) parts.push(body.subarray(at, at + partBytes));
  return parts;
}

export const partHeader = 'Segue-Part';

/** `2/3 <id>`: the third of three parts of the message `id`. */
export function formatPart(index: number, count: number, id: string): string {
  return `${index}/${count} ${id}`;
}

interface Place {
  readonly index: number;
  readonly count: number;
  /** Of the message: what it is and its checksum, so that the same key has the same body. */
  readonly key: string;
}

/** null: no part, or none that a message may have. */
function readPart(header: string): Place | null {
  const [, index, count, id] = /^(\d{1,4})\/(\d{1,4}) (.+)$/.exec(header) ?? [];
  if (id === undefined || Number(count) > maxParts || Number(index) >= Number(count)) return null;
  return { index: Number(index), count: Number(count), key: `${id} ${count}` };
}

/** A message in all its parts. */
export interface WholeMessage {
  /** Of its parts, and of copies that were published when the stream had forgotten the first: they end with it. */
  readonly deliveries: readonly HeldMessage[];
  readonly body: Uint8Array;
  /** null: it came in one piece. */
  readonly key: string | null;
}

interface Incomplete {
  readonly parts: (HeldMessage | null)[];
  /** Of parts that are here. */
  readonly copies: HeldMessage[];
  readonly sinceMs: number;
}

export class PartJoiner {
  readonly #incomplete = new Map<string, Incomplete>();
  /** Messages that were acknowledged, and when. */
  readonly #ended = new Map<string, number>();

  /** The whole message once its last part is here, else null. A message that is delivered again takes its earlier delivery's place. */
  add(delivery: HeldMessage): WholeMessage | null {
    const place = readPart(delivery.header(partHeader));
    // A part that cannot be is a message of its own: its checksum, which is another body's, refuses it.
    if (place === null) return { deliveries: [delivery], body: delivery.message.data, key: null };
    const { index, count, key } = place;
    const entry = this.#incomplete.get(key) ?? {
      parts: new Array<null>(count).fill(null),
      copies: [],
      sinceMs: Date.now(),
    };
    put(entry, index, delivery);
    const parts = entry.parts.filter((part) => part !== null);
    if (parts.length < entry.parts.length) {
      this.#incomplete.set(key, entry);
      return null;
    }
    this.#incomplete.delete(key);
    const body = Buffer.concat(parts.map((part) => part.message.data));
    return { deliveries: [...parts, ...entry.copies], body, key };
  }

  /** The message was acknowledged. Answers copies of its parts that have come since it was whole: they would wait for others that never come. */
  end({ key }: WholeMessage): HeldMessage[] {
    if (key === null) return [];
    // At the end, also where a copy of the whole has ended before: the oldest comes first.
    this.#ended.delete(key);
    this.#ended.set(key, Date.now());
    const entry = this.#incomplete.get(key);
    this.#incomplete.delete(key);
    return entry === undefined ? [] : held(entry);
  }

  /** Whether it is a copy of a part whose message was acknowledged. */
  hasEnded(delivery: HeldMessage): boolean {
    const place = readPart(delivery.header(partHeader));
    return place !== null && this.#ended.has(place.key);
  }

  /** Takes out the parts whose other parts did not come in time: their publisher died. */
  takeOrphans(waitMs = patienceMs): HeldMessage[] {
    const orphans: HeldMessage[] = [];
    for (const [key, entry] of this.#incomplete) {
      if (Date.now() - entry.sinceMs < waitMs) continue;
      this.#incomplete.delete(key);
      orphans.push(...held(entry));
    }
    for (const [key, atMs] of this.#ended) {
      // The others have ended later.
      if (Date.now() - atMs < waitMs) break;
      this.#ended.delete(key);
    }
    return orphans;
  }
}

function held({ parts, copies }: Incomplete): HeldMessage[] {
  return [...parts.filter((part) => part !== null), ...copies];
}

/** Another message with the same part is a copy, which waits for an end of its own. */
function put({ parts, copies }: Incomplete, index: number, delivery: HeldMessage): void {
  const known = copies.findIndex(({ sequence }) => sequence === delivery.sequence);
  if (known >= 0) {
    copies[known] = delivery;
    return;
  }
  const before = parts[index] ?? null;
  if (before !== null && before.sequence !== delivery.sequence) copies.push(delivery);
  else parts[index] = delivery;
}
