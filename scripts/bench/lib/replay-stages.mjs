/**
 * What `npm run bench -- replay` measures: the store's real path (real nats-server, real store process, client processes) and each of its stages
 * alone, all in records per second. Every measurement has a run of its own, so that all records are new. Beside the rates: how busy the paths kept the store's
 * thread and all processors.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectReplay, connectTables, pause } from '@segue/bus';
import { groupId, memorySettings, trajectoryId } from '@segue/core';
import { defaultClusterOptions, LocalCluster } from '../../../packages/cli/dist/cluster/local-cluster.js';
import { startContender } from './contender.mjs';
import { threadTimes, timesBetween } from './processor-time.mjs';
import { groupSize, smallRun } from './replay-worker.mjs';

const workerFile = fileURLToPath(new URL('./replay-worker.mjs', import.meta.url));
/** Calls and publications of one client on the way at once. */
const window = 32;
/** Samples in one call. */
const batch = 32;
/** Items that are sampled from. */
const sampledItems = 256;
/** Commits in one transaction, as the store has them under load. */
const commitBatch = 64;

const tableSettings = ['tables.bench.sampler=prioritized', `tables.bench.maxBatch=${batch}`];

/** Starts everything; ends everything. @param rig how many clients at most, and whether stages go without the memory settings of a service */
export async function withReplayBench({ maxClients, plain }, use) {
  const folder = await mkdtemp(join(tmpdir(), 'segue-bench-'));
  const fail = (error) => {
    throw error;
  };
  const options = { ...defaultClusterOptions, settings: { replay: [...tableSettings, 'logLevel=error'] } };
  const cluster = new LocalCluster({ ...options, dataFolder: join(folder, 'store'), only: ['replay'] }, fail);
  const broker = new LocalCluster({ ...options, dataFolder: join(folder, 'broker'), only: [] }, fail);
  const workers = [];
  try {
    await cluster.start();
    await broker.start();
    const start = async (kind = 'work', env = {}) => {
      const worker = await startContender(process.execPath, [workerFile, kind], env);
      workers.push(worker);
      return worker;
    };
    const bench = new ReplayBench({
      address: cluster.child('replay').address.address,
      natsUrl: `nats://${cluster.child('nats').address.address}`,
      emptyBroker: `nats://${broker.child('nats').address.address}`,
      clients: await Promise.all(Array.from({ length: maxClients }, () => start())),
      brokerClients: await Promise.all(Array.from({ length: maxClients }, () => start())),
      stage: await (plain ? start() : start('stage', memorySettings(process.env))),
      store: cluster.child('replay'),
      nats: cluster.child('nats'),
    });
    await bench.open();
    return await use(bench);
  } finally {
    for (const worker of workers) await worker.end();
    await cluster.stop();
    await broker.stop();
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
}

/** The store's own appends in one process. @param plain without the memory settings of a service @param use is given what measures: the processor time of an append, in microseconds */
export async function withStoreAlone({ plain }, use) {
  const [kind, env] = plain ? ['work', {}] : ['stage', memorySettings(process.env)];
  const worker = await startContender(process.execPath, [workerFile, kind], env);
  try {
    return await use(async (shape) => (await worker.step({ op: 'store', ...shape })).cpuMicroseconds);
  } finally {
    await worker.end();
  }
}

class ReplayBench {
  #parts;
  #runs = 0;
  /** By path. */
  #busy = new Map();

  constructor(parts) {
    this.#parts = parts;
    this.replay = connectReplay(parts.address);
    this.tables = connectTables(parts.address);
  }

  async open() {
    const { stage, emptyBroker } = this.#parts;
    await stage.step({ op: 'setUp', natsUrl: emptyBroker });
  }

  /** A run with `count` trajectories in an open iteration. @returns its id */
  async #newRun(count) {
    const runId = `bench-${this.#runs++}`;
    const { run, problem, opening } = smallRun(runId, count);
    await this.replay.putRun({ run, expectedRevision: null });
    await this.replay.putProblems({ runId, batchId: 'first' }, [problem]);
    await this.replay.openIteration(opening);
    return runId;
  }

  /** Each client's share, prepared. */
  async #prepare(workers, count, request) {
    const share = Math.floor(count / workers.length);
    const ranges = workers.map((_, i) => ({ from: i * share, count: share, window }));
    await Promise.all(workers.map((worker, i) => worker.step({ op: 'prepare', ...request, ...ranges[i] })));
    return { ranges, total: share * workers.length };
  }

  /** Asks again after half of the time that the rest takes by what is there: a question costs bench and store as much as some inserts. */
  async #committed(runId, total, beganAtMs) {
    for (;;) {
      const { appendsByOutcome } = await this.replay.getStatistics({ runId });
      const committed = appendsByOutcome.committed ?? 0;
      if (committed >= total) return;
      const restMs = ((performance.now() - beganAtMs) / Math.max(1, committed)) * (total - committed);
      await pause(Math.min(50, Math.max(2, restMs / 2)));
    }
  }

  /** Over the bus into the store: until all is committed. */
  async natsInserts({ clients, count, bytes }) {
    const workers = this.#parts.clients.slice(0, clients);
    const runId = await this.#newRun(count);
    const { ranges, total } = await this.#prepare(workers, count, { natsUrl: this.#parts.natsUrl, runId, bytes });
    return this.#path('natsInserts', total, async () => {
      const beganAtMs = performance.now();
      await Promise.all(workers.map((worker, i) => worker.step({ op: 'publish', ...ranges[i] })));
      await this.#committed(runId, total, beganAtMs);
    });
  }

  /** AppendSegment: until all is answered. */
  async grpcInserts({ clients, count, bytes }) {
    const runId = await this.#newRun(count);
    return this.#appends('grpcInserts', this.#parts.address, runId, { clients, count, bytes });
  }

  async #appends(path, address, runId, { clients, count, bytes }) {
    const workers = this.#parts.clients.slice(0, clients);
    const { ranges, total } = await this.#prepare(workers, count, { address, runId, bytes });
    const appending = () => Promise.all(workers.map((worker, i) => worker.step({ op: 'append', ...ranges[i] })));
    return this.#path(path, total, appending);
  }

  /** SampleItems with data, in calls of 32. */
  async samples({ clients, count, bytes }) {
    const runId = await this.#newRun(sampledItems);
    const [worker] = this.#parts.clients;
    const range = { from: 0, count: sampledItems, window };
    await worker.step({ op: 'prepare', address: this.#parts.address, runId, bytes, endReason: 'stop', ...range });
    await worker.step({ op: 'append', ...range });
    const refs = Array.from({ length: sampledItems }, (_, n) =>
      trajectoryId(groupId(runId, Math.floor(n / groupSize)), n % groupSize),
    );
    const scoreOf = (id) => ({ trajectoryId: id, scorer: 'exact', status: 'ok', reward: 1, detail: '', durationMs: 1 });
    await Promise.all(refs.map((ref) => this.replay.recordScore({ runId, score: scoreOf(ref) })));
    const items = refs.map((ref, n) => ({ key: '', ref, priority: 1 + (n % 5) }));
    await this.tables.insertItems({ runId, table: 'bench', items, waitMs: 0 });
    return this.#sampling('samples', this.#parts.address, runId, { clients, count, bytes });
  }

  async #sampling(path, address, runId, { clients, count, bytes }) {
    const workers = this.#parts.clients.slice(0, clients);
    await this.#prepare(workers, 0, { address, runId, bytes });
    const calls = Math.max(1, Math.floor(count / batch / clients));
    const request = { op: 'sample', calls, batch, window: 4 };
    const sampling = () => Promise.all(workers.map((worker) => worker.step(request)));
    return this.#path(path, calls * batch * clients, sampling);
  }

  /** A rate, and what the processes took of the processors meanwhile. */
  async #path(name, count, work) {
    const { store, nats, clients, stage } = this.#parts;
    // This process too: it asks for what is committed.
    const pids = [store.pid, nats.pid, stage.pid, process.pid, ...clients.map(({ pid }) => pid)];
    const times = () => Promise.all(pids.map(threadTimes));
    const before = await times();
    const perSecond = await rate(count, work);
    const took = (await times()).map((after, i) => timesBetween(before[i], after));
    const ms = (count / perSecond) * 1000;
    const all = took.flat().reduce((sum, one) => sum + one, 0);
    const busy = { store: (took[0][0] ?? 0) / ms, processors: all / ms / availableParallelism() };
    this.#busy.set(name, [...(this.#busy.get(name) ?? []), busy]);
    return perSecond;
  }

  /**
   * Of a path since this was asked for last, one for each measurement but the first, which warms up (alternate.mjs): the shares that its processes took of the store's
   * one thread and of all processors.
   */
  takeBusy(path) {
    const [, ...busy] = this.#busy.get(path) ?? [];
    this.#busy.delete(path);
    return busy;
  }

  // ---- stages alone ----

  /** What an insert makes the broker do: store the message, deliver it, take the acknowledgement. Of the taker as much as it takes to open each. */
  async broker({ clients, count, bytes }) {
    const { stage, emptyBroker, brokerClients } = this.#parts;
    const workers = brokerClients.slice(0, clients);
    const runId = `alone-${this.#runs++}`;
    const { ranges, total } = await this.#prepare(workers, count, { natsUrl: emptyBroker, runId, bytes });
    return rate(total, () =>
      Promise.all([
        stage.step({ op: 'consume', natsUrl: emptyBroker, count: total }),
        ...workers.map((worker, i) => worker.step({ op: 'publish', ...ranges[i] })),
      ]),
    );
  }

  /** Publish until the stream has it, and no more: nobody takes it meanwhile. */
  async publishAlone({ clients, count, bytes }) {
    const { stage, emptyBroker, brokerClients } = this.#parts;
    const workers = brokerClients.slice(0, clients);
    const runId = `alone-${this.#runs++}`;
    const { ranges, total } = await this.#prepare(workers, count, { natsUrl: emptyBroker, runId, bytes });
    const perSecond = await rate(total, () =>
      Promise.all(workers.map((worker, i) => worker.step({ op: 'publish', ...ranges[i] }))),
    );
    await stage.step({ op: 'consume', natsUrl: emptyBroker, count: total });
    return perSecond;
  }

  /** AppendSegment, answered from memory. */
  async rpc(shape) {
    const { address } = await this.#parts.stage.step({ op: 'serve', runId: 'alone', bytes: shape.bytes });
    return this.#appends('rpc', address, 'alone', shape);
  }

  /** SampleItems, answered from memory. */
  async rpcSamples(shape) {
    const { address } = await this.#parts.stage.step({ op: 'serve', runId: 'alone', bytes: shape.bytes });
    return this.#sampling('rpcSamples', address, 'alone', shape);
  }

  async commit({ count, bytes }) {
    const { ms } = await this.#parts.stage.step({ op: 'commit', count, bytes, batch: commitBatch });
    return (count / ms) * 1000;
  }

  /** The rows that samples change: about 150 bytes each. */
  commitSamples({ count }) {
    return this.commit({ count, bytes: 150 });
  }
}

async function rate(count, work) {
  const begin = performance.now();
  await work();
  return (count / (performance.now() - begin)) * 1000;
}
