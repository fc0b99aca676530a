/**
 * A process of `npm run bench -- replay`: a client that publishes, appends or samples, or one stage alone (consuming, an RPC server that stores
 * nothing, LMDB's group commit). Answers each line of JSON with one line; it measures nothing but what it did itself. A stage has the memory settings of a service, as the
 * store has: how often V8 collects decides what an answer of 32 KB costs.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  addService,
  connectBus,
  connectReplay,
  connectTables,
  createServer,
  encodeRow,
  listen,
  replayContract,
  tablesContract,
} from '@segue/bus';
import { emptyTokenHash, groupId, hashTokens, trajectoryId } from '@segue/core';
import { open } from 'lmdb';
import { ReplayStore } from '../../../packages/replay/dist/store.js';
import { boundHeapGrowth, defaultHeapGrowthPercent } from '../../../packages/service/dist/heap-growth.js';
import { newGroups, promptTokens, runRecord, segmentOf, trainProblem } from '../../lib/stored-run.mjs';

export const groupSize = 16;

/** The n-th record of a run: a first segment with 8 bytes per token. */
function recordOf(runId, n, bytes, endReason = 'budget') {
  const id = trajectoryId(groupId(runId, Math.floor(n / groupSize)), n % groupSize);
  const length = Math.max(1, Math.round(bytes / 8));
  return segmentOf(id, 0, {
    prefixHash: hashTokens(promptTokens, emptyTokenHash),
    tokens: Int32Array.from({ length }, (_, i) => (i * 7 + n) % 150_000),
    logProbs: Float32Array.from({ length }, (_, i) => -((i * 31 + n) % 97) / 16),
    endReason,
  });
}

/** Runs `work` for `from` to `from + count` - 1 with at most `window` on the way. */
async function inWindow({ from, count, window }, work) {
  let next = from;
  const lane = async () => {
    while (next < from + count) await work(next++);
  };
  await Promise.all(Array.from({ length: window }, lane));
}

/** A run with one problem and `count` trajectories of it, and the call that begins them. */
export function smallRun(runId, count) {
  const problem = trainProblem('p0');
  const length = Math.ceil(count / groupSize);
  const sized = Array.from({ length }, (_, index) => ({ index, size: groupSize, problemId: problem.id }));
  const { groups, tasks } = newGroups(runId, 0, sized);
  const opening = { runId, iteration: 0, policyVersion: 0, maxAttempts: 3, newGroups: groups, tasks };
  return { run: runRecord(runId), problem, opening };
}

const open_ = {};
const bus = async (url) => (open_.bus ??= await connectBus({ url, name: `bench-${process.pid}` }));

const operations = {
  /** Connects and makes the records, so that neither is measured. */
  async prepare({ natsUrl, address, runId, from, count, bytes, endReason }) {
    if (natsUrl) await bus(natsUrl);
    if (address && open_.address !== address) {
      open_.replay?.close();
      open_.tables?.close();
      open_.replay = connectReplay(address);
      open_.tables = connectTables(address);
      open_.address = address;
    }
    open_.runId = runId;
    open_.records = new Map(
      Array.from({ length: count }, (_, i) => [from + i, recordOf(runId, from + i, bytes, endReason)]),
    );
    return {};
  },
  async publish(range) {
    await inWindow(range, (n) => open_.bus.publishSegment(open_.runId, open_.records.get(n)));
    return {};
  },
  async append(range) {
    await inWindow(range, (n) => open_.replay.appendSegment({ runId: open_.runId, segment: open_.records.get(n) }));
    return {};
  },
  /** @returns how many samples came */
  async sample({ calls, batch, window }) {
    let samples = 0;
    await inWindow({ from: 0, count: calls, window }, async () => {
      const request = { runId: open_.runId, table: 'bench', count: batch, waitMs: 10_000, withData: true };
      for await (const _ of open_.tables.sampleItems(request)) samples++;
    });
    return { samples };
  },
  /** The broker alone: takes and acknowledges what the others publish. */
  async consume({ natsUrl, count }) {
    await (await bus(natsUrl)).setUp();
    const ended = new AbortController();
    let acknowledged = 0;
    let inHand = 0;
    let wake = () => {};
    // By a count, as the store waits: a race of all promises would be the dearest part of the stage.
    const below = async (limit) => {
      while (inHand >= limit) await new Promise((resolve) => (wake = resolve));
    };
    for await (const lease of open_.bus.consumeSegments({ signal: ended.signal })) {
      inHand++;
      void lease.ack().then(() => {
        inHand--;
        if (++acknowledged === count) ended.abort();
        wake();
      });
      await below(128);
    }
    await below(1);
    return {};
  },
  async setUp({ natsUrl }) {
    await (await bus(natsUrl)).setUp();
    return {};
  },
  /** RPC alone: the same messages, answered from memory. */
  async serve({ bytes, runId }) {
    const server = createServer();
    const refuse = async () => {
      throw new Error('not in this benchmark');
    };
    const named = (contract) => Object.fromEntries(Object.keys(contract.methods).map((name) => [name, refuse]));
    addService(server, replayContract, {
      ...named(replayContract),
      appendSegment: async ({ segment }) => ({ outcome: 'committed', kept: segment, detail: '' }),
    });
    const record = recordOf(runId, 0, bytes);
    const trajectory = {
      id: record.trajectoryId,
      groupId: groupId(runId, 0),
      problemId: 'p0',
      promptTokens,
      state: 'scored',
      segments: [record],
      score: { trajectoryId: record.trajectoryId, scorer: 'exact', status: 'ok', reward: 1, detail: '', durationMs: 1 },
    };
    const item = {
      key: record.trajectoryId,
      ref: record.trajectoryId,
      priority: 1,
      timesSampled: 1,
      sequence: 0,
      touched: 1,
    };
    addService(server, tablesContract, {
      ...named(tablesContract),
      async *sampleItems({ count }) {
        for (let i = 0; i < count; i++)
          yield { item, probability: 1, tableSize: 1, removed: false, trajectory, group: null };
      },
    });
    return { address: `127.0.0.1:${await listen(server, '127.0.0.1', 0)}` };
  },
  /** The store without any wire: its appends, all rows of them, 128 on the way as from the bus. @returns the processor time of one */
  async store({ count, bytes }) {
    const folder = await mkdtemp(join(tmpdir(), 'segue-bench-store-'));
    const store = new ReplayStore({ folder, maxStoreBytes: 2 ** 40 });
    const runId = 'alone';
    const { run, problem, opening } = smallRun(runId, count);
    await store.putRun(run, null);
    await store.putProblems({ runId, batchId: 'first' }, [problem]);
    await store.openIteration(opening);
    const records = Array.from({ length: count }, (_, n) => recordOf(runId, n, bytes));
    const cpuBefore = process.cpuUsage();
    await inWindow({ from: 0, count, window: 128 }, (n) => store.appendSegment(runId, records[n]));
    const { user, system } = process.cpuUsage(cpuBefore);
    await store.close();
    await rm(folder, { recursive: true });
    return { cpuMicroseconds: (user + system) / count };
  },
  /** Group commit alone: rows of this size, `batch` in a transaction, each transaction on disk before the next. */
  async commit({ count, bytes, batch }) {
    const folder = await mkdtemp(join(tmpdir(), 'segue-bench-lmdb-'));
    const root = open({ path: folder, encoding: 'binary', noSubdir: false });
    const row = encodeRow({ data: createHash('sha256').update('row').digest(), body: new Uint8Array(bytes) });
    const begin = performance.now();
    for (let at = 0; at < count; at += batch) {
      root.transactionSync(() => {
        for (let i = at; i < Math.min(count, at + batch); i++)
          void root.put(['run', Math.floor(i / groupSize), i % groupSize, 0], row);
      });
    }
    const ms = performance.now() - begin;
    await root.close();
    await rm(folder, { recursive: true });
    return { ms };
  },
};

if (process.argv[2] === 'stage') boundHeapGrowth(defaultHeapGrowthPercent);
if (process.argv[2] === 'work' || process.argv[2] === 'stage') {
  process.stdout.write('{"ready":"1"}\n');
  for await (const line of createInterface({ input: process.stdin })) {
    const { op, ...request } = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await operations[op](request))}\n`);
  }
  process.exit();
}
