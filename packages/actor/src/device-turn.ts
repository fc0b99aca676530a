/**
 * The actor's turn on a device that it shares with the trainer: it begins when a version is to be served and ends when the controller asks for the
 * device. In between an engine may ask for its process at any time; outside of it none gets one, whoever asks.
 */
import { type DeviceReleased, type ProcessPort, SegueError } from '@segue/core';
import type { CheckpointAgent } from '@segue/service';
import type { Lanes } from './lanes.js';

export class DeviceTurn {
  readonly #agent: Pick<CheckpointAgent, 'acquire' | 'release' | 'announceEnd'>;
  #isOurs = false;

  constructor(agent: Pick<CheckpointAgent, 'acquire' | 'release' | 'announceEnd'>) {
    this.#agent = agent;
  }

  /** A version is announced, or about to be. */
  begin(): void {
    this.#isOurs = true;
  }

  /** The process that engines live in. */
  async acquire(): Promise<ProcessPort> {
    if (this.#isOurs) return this.#agent.acquire();
    throw new SegueError('UNAVAILABLE', 'the device is in use for training: ask again when the next version is served');
  }

  /** The rollout phase closes: who is next may make ready. */
  async announceEnd(): Promise<void> {
    if (this.#isOurs) await this.#agent.announceEnd();
  }

  async end(lanes: Pick<Lanes, 'rest'>): Promise<DeviceReleased> {
    this.#isOurs = false;
    let released: DeviceReleased = { durationMs: 0, residentBytes: 0, leftBytes: 0 };
    await lanes.rest(async () => {
      released = await this.#agent.release();
    });
    return released;
  }
}
