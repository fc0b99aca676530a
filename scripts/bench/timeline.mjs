/**
 * How long the page's timeline of a large run takes: `npm run bench -- timeline [--trajectories 11000] [--iterations 40] [--json]`. A store is filled with a run, a third of
 * whose trajectories span two iterations, and served over gRPC as in a cluster. Printed are, in ms: the first answer after the controller has started, the next one, and the one after an
 * iteration more; and the whole list from the store alone.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { addService, connectReplay, createServer, listen, replayContract, stopServer } from '@segue/bus';
import { groupId, hashTokens, segmentId, trajectoryId } from '@segue/core';
import { ReplayStore, replayHandlers } from '@segue/replay';
import { pageData } from '../../packages/controller/dist/page/data.js';

const { values: options } = parseArgs({
  options: {
    trajectories: { type: 'string', default: '11000' },
    iterations: { type: 'string', default: '40' },
    json: { type: 'boolean', default: false },
  },
});
const runId = 'large';
const groupSize = 8;
const iterations = Number(options.iterations);
const groupsPerIteration = Math.ceil(Number(options.trajectories) / groupSize / iterations);
const promptTokens = Int32Array.of(1, 2, 3);
const responseTokens = Int32Array.from({ length: 64 }, (_, i) => i);

const folder = mkdtempSync(join(tmpdir(), 'segue-timeline-'));
const store = new ReplayStore({ folder, maxStoreBytes: 4 * 1024 ** 3 });
const server = createServer();
try {
  await fill();
  addService(server, replayContract, replayHandlers(store));
  const replay = connectReplay(`127.0.0.1:${await listen(server, '127.0.0.1', 0)}`);
  const data = pageData({ replay: async () => replay }, {}, {});
  const look = async () => {
    const startedAt = performance.now();
    const rows = await data.trajectories(runId, 0, Number.MAX_SAFE_INTEGER);
    return { ms: performance.now() - startedAt, rows: rows.length };
  };
  const alone = performance.now();
  const all = [...store.listTrajectories(runId)].length;
  const storeMs = performance.now() - alone;
  const first = await look();
  const next = await look();
  await addIteration(iterations);
  const later = await look();
  replay.close();
  const result = { trajectories: all, storeMs, firstMs: first.ms, nextMs: next.ms, afterIterationMs: later.ms };
  const rounded = Object.fromEntries(Object.entries(result).map(([key, value]) => [key, Math.round(value)]));
  process.stdout.write(options.json ? `${JSON.stringify(rounded)}\n` : `${lines(rounded).join('\n')}\n`);
} finally {
  await stopServer(server, 0);
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}

function lines({ trajectories, storeMs, firstMs, nextMs, afterIterationMs }) {
  return [
    `${trajectories} trajectories: read by the store alone in ${storeMs} ms`,
    `first answer ${firstMs} ms, next ${nextMs} ms, after an iteration more ${afterIterationMs} ms`,
  ];
}

async function fill() {
  await store.putRun(
    {
      id: runId,
      configJson: '{}',
      state: 'created',
      createdAtMs: 0,
      revision: 0,
      error: '',
      progressJson: '',
      trainProblems: 0,
      evaluationProblems: 0,
      warmupProblems: 0,
    },
    null,
  );
  const problems = Array.from({ length: groupsPerIteration * (iterations + 1) }, (_, i) => ({
    id: `p${i}`,
    purpose: 'train',
    prompt: 'p',
    promptTokens,
    answer: '7',
    scorer: 'exact',
    tags: [],
    difficulty: null,
    metadata: {},
    response: null,
  }));
  await store.putProblems({ runId, batchId: 'all' }, problems);
  for (let iteration = 0; iteration < iterations; iteration++) await addIteration(iteration);
}

/** What is unfinished goes on and ends; of what begins, every third trajectory is cut. */
async function addIteration(iteration) {
  const resumed = [...store.listUnfinished(runId)];
  const groups = Array.from({ length: groupsPerIteration }, (_, i) => {
    const index = iteration * groupsPerIteration + i;
    return { id: groupId(runId, index), runId, index, problemId: `p${index}`, size: groupSize, iteration };
  });
  const begun = groups.flatMap((group) =>
    Array.from({ length: groupSize }, (_, member) => ({
      trajectoryId: trajectoryId(group.id, member),
      groupId: group.id,
      problemId: group.problemId,
      segmentIndex: 0,
      lastSpan: false,
    })),
  );
  const again = resumed.map(({ id, groupId: group, problemId }) => ({
    trajectoryId: id,
    groupId: group,
    problemId,
    segmentIndex: 1,
    lastSpan: false,
  }));
  await store.openIteration({
    runId,
    iteration,
    policyVersion: 0,
    maxAttempts: 3,
    newGroups: groups,
    tasks: [...again, ...begun],
  });
  await Promise.all([...again, ...begun].map((task, i) => write(task, iteration, i)));
  await store.closeIteration({ runId, iteration });
  // No version is trained: nothing of it is seen in a timeline.
  await store.freezeBatch({ runId, iteration, maxGroups: 0, minUsable: groupSize + 1, keepEqual: true });
  await store.commitIteration({ runId, iteration, policyVersionOut: 0, metricsJson: '{}' });
}

async function write({ trajectoryId: id, segmentIndex: index }, iteration, i) {
  const cut = index === 0 && i % 3 === 0;
  const start = hashTokens(promptTokens);
  await store.appendSegment(runId, {
    id: segmentId(id, index),
    trajectoryId: id,
    index,
    attempt: 0,
    iteration,
    policyVersion: 0,
    actorId: 'actor-0',
    prefixHash: index === 0 ? start : hashTokens(responseTokens, start),
    tokens: responseTokens,
    logProbs: new Float32Array(responseTokens.length),
    origins: null,
    lossMask: null,
    endReason: cut ? 'budget' : 'stop',
    error: null,
    meter: { promptTokens: 3, reprefillTokens: 0, startedAtMs: 1_000, endedAtMs: 2_000 },
  });
  if (cut) return;
  const reward = i % 2;
  await store.recordScore(runId, {
    trajectoryId: id,
    scorer: 'exact',
    status: reward > 0 ? 'ok' : 'wrong',
    reward,
    detail: '',
    durationMs: 1,
  });
}
