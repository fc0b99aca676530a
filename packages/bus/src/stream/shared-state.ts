/**
 * The small shared state of the cluster: which policy a run's actors serve, which iteration is open, who is there, who scores, whose turn it is on a device.
 * Each is a bucket of its own, by key. It knows nothing of the work that goes through the queues.
 */
import { type DeviceLease, requireId, type ServiceName } from '@segue/core';
import { Bucket } from './bucket.js';
import type { ActivePolicy, IterationSignal, KeptLease, Registration, ScorerEntry, Untilable } from './bus.js';
import { type Connection, fromNats } from './connection.js';
import { deviceLeaseFormat, policyFormat, registrationFormat, scorerFormat, signalFormat } from './messages.js';
import { buckets } from './subjects.js';

export class SharedState {
  readonly #policies: Bucket<ActivePolicy>;
  readonly #signals: Bucket<IterationSignal>;
  readonly #registry: Bucket<Registration>;
  readonly #scorers: Bucket<ScorerEntry>;
  readonly #devices: Bucket<DeviceLease>;
  readonly #closed: AbortSignal;

  /** @param closed ends every watch */
  constructor(connection: Connection, closed: AbortSignal) {
    this.#closed = closed;
    this.#policies = new Bucket(connection, buckets.policies, policyFormat);
    this.#signals = new Bucket(connection, buckets.iterations, signalFormat);
    this.#registry = new Bucket(connection, buckets.registry, registrationFormat);
    this.#scorers = new Bucket(connection, buckets.scorers, scorerFormat);
    this.#devices = new Bucket(connection, buckets.devices, deviceLeaseFormat);
  }

  protected get buckets(): readonly Pick<Bucket<unknown>, 'setUp' | 'makeRoom'>[] {
    return [this.#policies, this.#signals, this.#registry, this.#scorers, this.#devices];
  }

  async makeRoom(): Promise<void> {
    await Promise.all(this.buckets.map((bucket) => bucket.makeRoom()));
  }

  /** Fires with the caller's signal and with the end of the bus. */
  protected until({ signal }: Untilable): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#closed]) : this.#closed;
  }

  putActivePolicy(policy: ActivePolicy): Promise<void> {
    return this.#policies.put(requireId(policy.runId, 'runId'), policy);
  }

  getActivePolicy(runId: string): Promise<ActivePolicy | null> {
    return this.#policies.get(requireId(runId, 'runId'));
  }

  watchActivePolicies(options: Untilable = {}) {
    return this.#policies.watch(this.until(options));
  }

  putIterationSignal(signal: IterationSignal): Promise<void> {
    return this.#signals.put(requireId(signal.runId, 'runId'), signal);
  }

  getIterationSignal(runId: string): Promise<IterationSignal | null> {
    return this.#signals.get(requireId(runId, 'runId'));
  }

  watchIterationSignals(options: Untilable = {}) {
    return this.#signals.watch(this.until(options));
  }

  async signalledRuns(): Promise<string[]> {
    const [policies, signals] = await Promise.all([this.#policies.keys(), this.#signals.keys()]);
    return [...new Set([...policies, ...signals])];
  }

  async forgetSignals(runId: string): Promise<void> {
    requireId(runId, 'runId');
    await Promise.all([this.#policies.forget(runId), this.#signals.forget(runId)]);
  }

  async register(registration: Registration): Promise<void> {
    const key = `${registration.service}.${requireId(registration.id, 'id')}`;
    try {
      await this.#registry.putOnce(key, registration);
    } catch (error) {
      throw fromNats(error, `registering ${key}`);
    }
  }

  async unregister(service: ServiceName, id: string): Promise<void> {
    try {
      await this.#registry.remove(`${service}.${requireId(id, 'id')}`);
    } catch (error) {
      throw fromNats(error, `unregistering ${service}.${id}`);
    }
  }

  async registrations(service?: ServiceName): Promise<Registration[]> {
    const all = await this.#registry.list();
    return service === undefined ? all : all.filter((registration) => registration.service === service);
  }

  putScorer(entry: ScorerEntry): Promise<void> {
    return this.#scorers.put(`${requireId(entry.scorer, 'scorer')}.${requireId(entry.instance, 'instance')}`, entry);
  }

  scorers(): Promise<ScorerEntry[]> {
    return this.#scorers.list();
  }

  watchScorers(options: Untilable = {}) {
    return this.#scorers.watch(this.until(options));
  }

  async deviceLease(device: string): Promise<KeptLease | null> {
    const seen = await this.#devices.getSeen(requireId(device, 'device'));
    return seen && { lease: seen.value, revision: seen.revision };
  }

  putDeviceLease(lease: DeviceLease, revision: number): Promise<number | null> {
    return this.#devices.putIf(requireId(lease.device, 'device'), lease, revision);
  }

  watchDeviceLeases(options: Untilable = {}) {
    return this.#devices.watch(this.until(options));
  }
}
