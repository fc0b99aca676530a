/**
 * How long the page's timeline of a large run takes: `npm run bench -- timeline [--trajectories 11000] [--iterations 40] [--json]`. A store is filled with a run, a third of
 * whose trajectories span two iterations, and served by a real store and a real controller. Printed are, in ms: what the controller takes to answer right after its start, once more, and after an
 * iteration more; and in a real Chromium (SEGUE_CHROMIUM, else on PATH), after another start, from opening the page to all bars drawn, and from a click on an iteration's number to its bars.
 */
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { connectReplay } from '@segue/bus';
import { groupId, hashTokens, segmentId, trajectoryId } from '@segue/core';
import { ReplayStore } from '@segue/replay';
import { chromium } from 'playwright-core';
import { defaultClusterOptions, LocalCluster } from '../../packages/cli/dist/cluster/local-cluster.js';

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

const data = mkdtempSync(join(tmpdir(), 'segue-timeline-'));
try {
  await fill();
  const measured = { ...(await withCluster(askController)), ...(await withCluster(openPage)) };
  const rounded = Object.fromEntries(Object.entries(measured).map(([key, value]) => [key, Math.round(value)]));
  process.stdout.write(options.json ? `${JSON.stringify(rounded)}\n` : `${lines(rounded).join('\n')}\n`);
} finally {
  rmSync(data, { recursive: true, force: true });
}

function lines({ trajectories, firstMs, nextMs, afterIterationMs, ...page }) {
  return [
    `${trajectories} trajectories: first answer ${firstMs} ms, next ${nextMs} ms, after an iteration more ${afterIterationMs} ms`,
    page.drawnMs === undefined
      ? 'no Chromium on PATH (set SEGUE_CHROMIUM)'
      : `in Chromium: drawn ${page.drawnMs} ms after opening the page, one iteration ${page.zoomMs} ms after a click on it`,
  ];
}

/** A store and a controller as processes, over the data as they are. */
async function withCluster(work) {
  const settings = { ...defaultClusterOptions, dataFolder: data, only: ['replay', 'controller'] };
  const cluster = new LocalCluster(settings, (error) => {
    throw error;
  });
  await cluster.start();
  try {
    return await work(cluster);
  } finally {
    await cluster.stop();
  }
}

async function askController(cluster) {
  const origin = `http://${cluster.child('controller').address.metricsAddress}`;
  const ask = async () => {
    const startedAt = performance.now();
    const response = await fetch(`${origin}/api/runs/${runId}/trajectories`);
    const rows = await response.json();
    return { ms: performance.now() - startedAt, rows: rows.length };
  };
  const [first, next] = [await ask(), await ask()];
  const replay = connectReplay(cluster.child('replay').address.address);
  await addIteration(remoteStore(replay), iterations);
  replay.close();
  const later = await ask();
  return { trajectories: later.rows, firstMs: first.ms, nextMs: next.ms, afterIterationMs: later.ms };
}

async function openPage(cluster) {
  const executablePath = process.env.SEGUE_CHROMIUM ?? findChromium();
  if (executablePath === undefined) return {};
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage({ viewport: { width: 1300, height: 900 } });
    await page.goto(`http://${cluster.child('controller').address.metricsAddress}/#run=${runId}`);
    const drawnMs = await shownAt(page, String(iterations));
    const startedAt = await page.evaluate(() => performance.now());
    const width = await page.evaluate(() => document.querySelector('#rollouts canvas').width);
    await page.locator('#rollouts canvas').click({ position: { x: (width * 3.5) / (iterations + 1), y: 8 } });
    return { drawnMs, zoomMs: (await shownAt(page, '3')) - startedAt };
  } finally {
    await browser.close();
  }
}

/** When the bars up to an iteration stand on the screen, in ms since the page was opened. */
function shownAt(page, last) {
  return page.evaluate(
    (wanted) =>
      new Promise((resolve, reject) => {
        setTimeout(
          () => reject(new Error(`the bars up to iteration ${wanted} were not drawn within a minute`)),
          60_000,
        );
        const look = () => {
          const isThere = document.querySelector('#span-to')?.value === wanted;
          // The frame after the one that draws it: then it has been shown.
          requestAnimationFrame(isThere ? () => resolve(performance.now()) : look);
        };
        look();
      }),
    last,
  );
}

function findChromium() {
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  const paths = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The calls that write a run, over gRPC. */
function remoteStore(replay) {
  return {
    openIteration: (request) => replay.openIteration(request),
    appendSegment: (id, segment) => replay.appendSegment({ runId: id, segment }),
    recordScore: (id, score) => replay.recordScore({ runId: id, score }),
    closeIteration: (request) => replay.closeIteration(request),
    freezeBatch: (request) => replay.freezeBatch(request),
    commitIteration: (request) => replay.commitIteration(request),
    appendEvent: (request) => replay.appendEvent(request),
    unfinished: () => replay.listUnfinished({ runId }),
  };
}

async function fill() {
  const store = new ReplayStore({ folder: join(data, 'replay'), maxStoreBytes: 4 * 1024 ** 3 });
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
  const local = {
    openIteration: (request) => store.openIteration(request),
    appendSegment: (id, segment) => store.appendSegment(id, segment),
    recordScore: (id, score) => store.recordScore(id, score),
    closeIteration: (request) => store.closeIteration(request),
    freezeBatch: (request) => store.freezeBatch(request),
    commitIteration: (request) => store.commitIteration(request),
    appendEvent: (request) => store.appendEvent(request),
    unfinished: () => store.listUnfinished(runId),
  };
  for (let iteration = 0; iteration < iterations; iteration++) await addIteration(local, iteration);
  await store.close();
}

/** What is unfinished goes on and ends; of what begins, every third trajectory is cut. */
async function addIteration(store, iteration) {
  const resumed = [];
  for await (const summary of store.unfinished()) resumed.push(summary);
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
  const body = JSON.stringify({ phase: 'rollout', iteration });
  await store.appendEvent({ runId, kind: 'phase', bodyJson: body, atMs: 0, key: `rollout-${iteration}` });
  await Promise.all([...again, ...begun].map((task, i) => write(store, task, iteration, i)));
  await store.closeIteration({ runId, iteration });
  // No version is trained: nothing of it is seen in a timeline.
  await store.freezeBatch({ runId, iteration, maxGroups: 0, minUsable: groupSize + 1, keepEqual: true });
  await store.commitIteration({ runId, iteration, policyVersionOut: 0, metricsJson: '{}' });
}

async function write(store, { trajectoryId: id, segmentIndex: index }, iteration, i) {
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
