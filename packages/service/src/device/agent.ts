/**
 * The checkpoint agent: it owns the life of the engine beside it, a process of its own. The process may stand by without the device; it computes
 * only while this service holds the device's lease and the process itself the device's lock on this host. Giving the device back ends the process,
 * so that all of its memory is free. What the engine computes, and when, is its owner's business.
 */
import { type DeviceLease, type ProcessPort, SegueError, type TakeDeviceCall } from '@segue/core';
import type { Metrics } from '../metrics.js';
import { type AgentMetrics, agentMetricTable } from './agent-metrics.js';
import { type ClaimOptions, DeviceClaim } from './claim.js';
import { EngineProcess } from './engine-process.js';

export interface AgentOptions extends Pick<ClaimOptions, 'bus' | 'device' | 'holder' | 'leaseMs'> {
  /** Program of the engine's process. */
  readonly entry: URL;
  /** What the process is told first, so that it is ready when its turn comes; answered at once when it is. */
  readonly warmUp: object;
  /** How long to wait for a device that somebody else has, in ms. */
  readonly waitMs: number;
  readonly metrics: Metrics;
  readonly log: AgentLog;
}

export interface AgentLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** `absent`: no process; `standby`: a process without the device; `holding`: it has the device. */
export type AgentState = 'absent' | 'standby' | 'holding';

export interface AgentStatus {
  readonly state: AgentState;
  readonly device: string;
  /** Of the lease; null while it is not held. */
  readonly epoch: number | null;
  /** Of the engine's process; null while there is none. */
  readonly pid: number | null;
  /** Memory of the engine's process; 0 while there is none. */
  readonly residentBytes: number;
  /** Processes started since the agent was. */
  readonly starts: number;
}

/** How giving the device back went. */
export interface ReleaseReport {
  readonly durationMs: number;
  /** Memory of the process before, and of what is left of it. */
  readonly residentBytes: number;
  readonly leftBytes: number;
}

const nothingHeld: ReleaseReport = { durationMs: 0, residentBytes: 0, leftBytes: 0 };

export class CheckpointAgent {
  readonly #options: AgentOptions;
  readonly #metrics: AgentMetrics;
  readonly #claim: DeviceClaim;
  readonly #stopping = new AbortController();
  #process: EngineProcess | null = null;
  #holding: EngineProcess | null = null;
  #starts = 0;
  /** One change at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#metrics = options.metrics.define(agentMetricTable, undefined, {
      engine_resident_bytes: () => this.#residentBytes(),
    });
    const { bus, device, holder, leaseMs } = options;
    this.#claim = new DeviceClaim({ bus, device, holder, leaseMs, onLost: (error) => this.#onLost(error) });
  }

  get device(): string {
    return this.#options.device;
  }

  get state(): AgentState {
    if (this.#holding) return 'holding';
    return this.#process ? 'standby' : 'absent';
  }

  async status(): Promise<AgentStatus> {
    const { device, state } = this;
    const pid = this.#process?.pid ?? null;
    const residentBytes = await this.#residentBytes();
    return { state, device, epoch: this.#claim.epoch, pid, residentBytes, starts: this.#starts };
  }

  async #residentBytes(): Promise<number> {
    return this.#process === null ? 0 : (await this.#process.resident()).totalBytes;
  }

  /** Has a process ready, without the device: starting one takes a good part of a switch. */
  async standBy(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const process = this.#started();
    await process.call(this.#options.warmUp);
  }

  /**
   * The process with the device. Resolves at once while it has it. UNAVAILABLE when the device is somebody else's for longer than `waitMs`; the process
   * then stands by.
   */
  acquire(): Promise<ProcessPort> {
    return this.#inTurn(async () => {
      if (this.#holding && !this.#holding.hasEnded) return this.#holding;
      this.#requireRunning();
      const { waitMs, device, log } = this.#options;
      const sinceMs = performance.now();
      const process = this.#started();
      const isReady = process.call(this.#options.warmUp);
      isReady.catch(() => undefined);
      const epoch = await this.#claim.acquire(waitMs, this.#stopping.signal);
      try {
        const waitedMs = performance.now() - sinceMs;
        await isReady;
        const take: TakeDeviceCall = { name: 'take', device, epoch, waitMs };
        await process.call(take);
        // The lease may have been lost meanwhile.
        if (this.#claim.epoch !== epoch) throw new SegueError('UNAVAILABLE', `device ${device} was lost at once`);
        this.#holding = process;
        const tookMs = performance.now() - sinceMs;
        this.#metrics.device_held.set(1);
        this.#metrics.device_epoch.set(epoch);
        this.#metrics.device_wait_seconds.observe(waitedMs / 1_000);
        this.#metrics.device_take_seconds.observe(tookMs / 1_000);
        log.info({ device, epoch, waitedMs: Math.round(waitedMs), tookMs: Math.round(tookMs) }, 'the device is taken');
        return process;
      } catch (error) {
        await this.#end('failed');
        await this.#giveBack();
        throw error;
      }
    });
  }

  /** Tells who is next that the device comes free soon. */
  async announceEnd(): Promise<void> {
    if (this.#holding) await this.#claim.announceEnd();
  }

  /** Ends the process and gives the device back. */
  release(): Promise<ReleaseReport> {
    return this.#inTurn(async () => {
      const held = this.#holding !== null;
      const { device, log } = this.#options;
      const epoch = this.#claim.epoch;
      const report = await this.#end('released');
      if (epoch !== null) await this.#giveBack();
      if (held) {
        this.#metrics.device_release_seconds.observe(report.durationMs / 1_000);
        log.info({ device, epoch, ...report, durationMs: Math.round(report.durationMs) }, 'the device is given back');
      }
      return report;
    });
  }

  /** Ends the process, whatever it does, and has another stand by. The device stays ours when it was. */
  async restart(): Promise<void> {
    await this.#inTurn(() => this.#end('restarted'));
    await this.standBy();
  }

  /** Makes ready when another one's turn ends. Lasts as long as `leases`. */
  async follow(leases: AsyncIterable<DeviceLease>): Promise<void> {
    for await (const lease of leases) {
      if (lease.device !== this.device || !lease.ending || lease.holder === this.#options.holder) continue;
      await this.standBy().catch((error) => this.#tellFailure(error));
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.release();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #started(): EngineProcess {
    if (this.#process) return this.#process;
    const started = new EngineProcess(this.#options.entry);
    this.#process = started;
    this.#starts++;
    this.#metrics.engine_starts_total.inc();
    void started.ended.then((how) => {
      if (this.#process !== started) return;
      this.#process = null;
      this.#forget(started);
      this.#metrics.engine_ends_total.inc({ reason: 'died' });
      this.#options.log.warn({ pid: started.pid, how }, "the engine's process has ended by itself");
    });
    return started;
  }

  async #end(reason: 'released' | 'restarted' | 'lost' | 'failed'): Promise<ReleaseReport> {
    const ending = this.#process;
    if (!ending) return nothingHeld;
    this.#process = null;
    this.#forget(ending);
    const sinceMs = performance.now();
    const before = await ending.resident();
    await ending.kill();
    const left = await ending.resident();
    this.#metrics.engine_ends_total.inc({ reason });
    const durationMs = performance.now() - sinceMs;
    return { durationMs, residentBytes: before.totalBytes, leftBytes: left.totalBytes };
  }

  #forget(process: EngineProcess): void {
    if (this.#holding !== process) return;
    this.#holding = null;
    this.#metrics.device_held.set(0);
  }

  /** Others wait for the end of a lease that cannot be given back. */
  async #giveBack(): Promise<void> {
    await this.#claim.release().catch((error) => this.#tellFailure(error));
  }

  #onLost(error: SegueError): void {
    this.#options.log.warn({ device: this.device, error: error.message }, 'the device is lost: its engine is ended');
    this.#end('lost').catch((failure) => this.#tellFailure(failure));
  }

  #tellFailure(error: unknown): void {
    const { message } = SegueError.from(error);
    this.#options.log.warn({ device: this.device, error: message }, 'the agent could not do as asked');
  }

  #requireRunning(): void {
    if (this.#stopping.signal.aborted) throw new SegueError('UNAVAILABLE', 'the agent stops');
  }
}
