/**
 * A link between two processes that can be cut: a TCP proxy. It can break its connections and refuse new ones, fall silent as if every packet were
 * dropped (connections stay, nothing comes through), or hold every piece back for a while. It knows nothing of what goes through.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export class Link {
  /** @type {'open' | 'cut' | 'silent' | 'slow'} */
  #state = 'open';
  #delayMs = 0;
  /** Resolves when a silence is over. */
  #heard = Promise.resolve();
  #hear = () => {};
  #sockets = new Set();
  #server;
  #target;

  /**
   * @param {string} name for people
   * @param {() => string | null} target host:port of the other end, asked for at every new connection; null while it is not there
   */
  constructor(name, target) {
    this.name = name;
    this.#target = target;
    this.#server = createServer((socket) => this.#join(socket));
  }

  /** @returns {Promise<string>} host:port to connect to */
  async listen() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  get state() {
    return this.#state;
  }

  /** Breaks all connections and every new one. */
  cut() {
    this.heal();
    this.#state = 'cut';
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Nothing comes through, and nobody is told. */
  silence() {
    this.heal();
    this.#state = 'silent';
    this.#heard = new Promise((resolve) => {
      this.#hear = resolve;
    });
  }

  /** Every piece arrives later. */
  slow(delayMs) {
    this.heal();
    this.#state = 'slow';
    this.#delayMs = delayMs;
  }

  heal() {
    this.#state = 'open';
    this.#delayMs = 0;
    this.#hear();
  }

  close() {
    this.heal();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #join(near) {
    this.#sockets.add(near);
    // A peer that goes away shows as the end of the stream; an error says nothing more.
    near.on('error', () => {});
    near.once('close', () => this.#sockets.delete(near));
    const target = this.#state === 'cut' ? null : this.#target();
    if (target === null) return void near.resetAndDestroy();
    const [host, port] = target.split(':');
    const far = connect(Number(port), host);
    this.#sockets.add(far);
    far.on('error', () => {});
    far.once('close', () => this.#sockets.delete(far));
    for (const socket of [near, far]) socket.setNoDelay(true);
    void this.#carry(near, far);
    void this.#carry(far, near);
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
  }

  async #carry(from, to) {
    try {
      for await (const piece of from) {
        await this.#heard;
        if (this.#delayMs > 0) await pause(this.#delayMs);
        if (!to.write(piece)) await once(to, 'drain');
      }
      to.end();
    } catch {
      // One side broke off: the other one is destroyed with it.
    }
  }
}
