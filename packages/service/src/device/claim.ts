/**
 * The claim of one service on a device: takes the lease when it may, renews it while it is held, gives it back. The lease is kept on the bus and
 * changed by compare-and-set alone, so that of two who want it one gets it; each change of hands has a greater epoch. A holder that
 * cannot renew in time, or finds a greater epoch, has lost the device and is told so. It knows nothing of engines.
 */
import { type Bus, type KeptLease, pause } from '@segue/bus';
import { type DeviceLease, mayTakeDevice, SegueError, takenDevice } from '@segue/core';

export interface ClaimOptions {
  readonly bus: Pick<Bus, 'deviceLease' | 'putDeviceLease'>;
  readonly device: string;
  /** Id of this service. */
  readonly holder: string;
  /** After which a lease that is not renewed is over; renewed at a third of it. */
  readonly leaseMs: number;
  /** The device is lost: what uses it must end at once. */
  readonly onLost: (error: SegueError) => void;
}

/** Between two looks at a device that somebody else has. */
const lookEveryMs = 10;
/** Of the lease, after which a holder that could not renew gives up: before others may take it. */
const giveUpShare = 0.8;

export class DeviceClaim {
  readonly #options: ClaimOptions;
  #kept: KeptLease | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** Ends the hold where no renewal comes through in time, whether they fail or hang. */
  #deadline: NodeJS.Timeout | undefined;
  /** Writes of the lease come one after the other: each names the revision before it. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ClaimOptions) {
    this.#options = options;
  }

  /** null while the device is not ours. */
  get epoch(): number | null {
    return this.#kept?.lease.epoch ?? null;
  }

  /**
   * Takes the device, or goes on having it. UNAVAILABLE with its holder when it is not free within `waitMs`.
   * @returns the epoch
   */
  acquire(waitMs: number, signal: AbortSignal): Promise<number> {
    return this.#inTurn(async () => {
      if (this.#kept) return this.#kept.lease.epoch;
      const untilMs = performance.now() + waitMs;
      for (let seen = { revision: -1, sinceMs: 0 }; ; ) {
        const { bus, device, holder, leaseMs } = this.#options;
        const found = await bus.deviceLease(device);
        const revision = found?.revision ?? 0;
        if (revision !== seen.revision) seen = { revision, sinceMs: performance.now() };
        const lease = found?.lease ?? null;
        if (mayTakeDevice(lease, holder, performance.now() - seen.sinceMs, leaseMs)) {
          const beganMs = performance.now();
          const taken = await this.#put(takenDevice(lease, device, holder), revision);
          if (taken) return this.#hold(taken, beganMs);
          continue;
        }
        if (signal.aborted) throw new SegueError('CANCELLED', `nobody waits for device ${device} any more`);
        if (performance.now() >= untilMs) throw heldBy(lease);
        await pause(lookEveryMs, signal);
      }
    });
  }

  /** Tells who is next that the device is given back soon. */
  async announceEnd(): Promise<void> {
    await this.#inTurn(() => this.#change({ ending: true })).catch(() => undefined);
  }

  /** Gives it back. When that cannot be told the lease ends by itself. */
  async release(): Promise<void> {
    await this.#inTurn(async () => {
      this.#stopTimers();
      try {
        await this.#change({ holder: '', ending: false });
      } finally {
        this.#kept = null;
      }
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #hold(kept: KeptLease, beganMs: number): number {
    this.#kept = kept;
    this.#stopTimers();
    this.#timer = setInterval(() => void this.#renew(), this.#options.leaseMs / 3);
    this.#countFrom(beganMs);
    return kept.lease.epoch;
  }

  async #renew(): Promise<void> {
    const beganMs = performance.now();
    try {
      await this.#inTurn(() => this.#change({}));
      if (this.#kept) this.#countFrom(beganMs);
    } catch (error) {
      const failure = SegueError.from(error);
      if (this.#kept && !failure.retryable) this.#lose(failure);
    }
  }

  /** @param beganMs when the newest write that came through was sent */
  #countFrom(beganMs: number): void {
    const { leaseMs, device } = this.#options;
    clearTimeout(this.#deadline);
    const leftMs = beganMs + giveUpShare * leaseMs - performance.now();
    this.#deadline = setTimeout(() => {
      this.#lose(new SegueError('UNAVAILABLE', `the lease of device ${device} could not be renewed in time`));
    }, leftMs);
  }

  #stopTimers(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#deadline);
  }

  /** Writes the lease again while it is ours; FAILED_PRECONDITION when somebody else has it. */
  async #change(changes: Partial<DeviceLease>): Promise<void> {
    for (let kept = this.#kept; kept; kept = await this.#ours(kept.lease)) {
      const written = await this.#put({ ...kept.lease, ...changes }, kept.revision);
      if (!written) continue;
      // Lost while the answer was on its way, it stays lost.
      if (this.#kept) this.#kept = written;
      return;
    }
  }

  async #put(lease: DeviceLease, revision: number): Promise<KeptLease | null> {
    const written = await this.#options.bus.putDeviceLease(lease, revision);
    return written === null ? null : { lease, revision: written };
  }

  /** A write of ours may have been done though its answer was lost. */
  async #ours({ device, holder, epoch }: DeviceLease): Promise<KeptLease> {
    const found = await this.#options.bus.deviceLease(device);
    if (found && found.lease.holder === holder && found.lease.epoch === epoch) return found;
    throw new SegueError(
      'FAILED_PRECONDITION',
      `device ${device} was taken from ${holder} (epoch ${epoch}): ${heldBy(found?.lease ?? null).rawMessage}`,
    );
  }

  #lose(error: SegueError): void {
    this.#stopTimers();
    this.#kept = null;
    this.#options.onLost(error);
  }
}

function heldBy(lease: DeviceLease | null): SegueError {
  if (lease === null) return new SegueError('UNAVAILABLE', 'nothing is kept of the device');
  const { device, holder, epoch } = lease;
  return new SegueError('UNAVAILABLE', `device ${device} is held by ${holder || 'nobody'} (epoch ${epoch})`);
}
