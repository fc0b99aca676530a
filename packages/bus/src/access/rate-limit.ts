/** How often a client may call: a bucket per client that fills at a steady rate up to a burst. Knows nothing of calls. */

/** Clients whose buckets are kept; of more, those that are full again are forgotten. */
const maxBuckets = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param now a clock in ms that never goes back */
  constructor(perSecond: number, burst: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#now = now;
  }

  /** Takes one call of the client's: 0 when it may go on, else the time in ms after which there is room for one. */
  take(client: string): number {
    const nowMs = this.#now();
    const bucket = this.#buckets.get(client) ?? { tokens: this.#burst, atMs: nowMs };
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * this.#perSecond);
    bucket.atMs = nowMs;
    if (!this.#buckets.has(client)) this.#makeRoom(nowMs);
    this.#buckets.set(client, bucket);
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / this.#perSecond) * 1000);
    bucket.tokens -= 1;
    return 0;
  }

  #makeRoom(nowMs: number): void {
    if (this.#buckets.size < maxBuckets) return;
    const fullAfterMs = (this.#burst / this.#perSecond) * 1000;
    for (const [client, { atMs }] of this.#buckets) if (nowMs - atMs > fullAfterMs) this.#buckets.delete(client);
    // All are busy: the one that has been here longest begins anew.
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= maxBuckets && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
