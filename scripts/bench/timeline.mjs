/**
 * How long the page's timeline of a large run takes: `npm run bench -- timeline [--trajectories 11000] [--iterations 40] [--json]`. A store is filled with a run, a third of
 * whose trajectories span two iterations, and served by a real store and a real controller. Printed are, in ms: what the controller takes to answer right after its start, once more, and after an
 * iteration more; and in a real Chromium (SEGUE_CHROMIUM, else on PATH), after another start, from opening the page to all bars drawn, and from a click on an iteration's number to its bars.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connectReplay } from '@segue/bus';
import { hashTokens, SegueError } from '@segue/core';
import { ReplayStore } from '@segue/replay';
import { defaultClusterOptions, LocalCluster } from '../../packages/cli/dist/cluster/local-cluster.js';
import { findChromium, startChromium } from '../lib/chromium.mjs';
import { newGroups, promptTokens, runRecord, segmentOf, trainProblem } from '../lib/stored-run.mjs';

const { values: options } = parseArgs({
  options: {
    trajectories: { type: 'string', default: '11000' },
    iterations: { type: 'string', default: '40' },
    json: { type: 'boolean', default: false },
  },
});
for (const name of ['trajectories', 'iterations']) {
  if (!/^[1-9]\d*$/.test(options[name])) throw new SegueError('INVALID_INPUT', `--${name} must be an integer from 1`);
}
const runId = 'large';
const groupSize = 8;
const iterations = Number(options.iterations);
/** The iteration whose number is clicked: one in the middle of the run's, of which there is one more by then. */
const clicked = Math.min(3, iterations - 1);
const groupsPerIteration = Math.ceil(Number(options.trajectories) / groupSize / iterations);
/** Every group has a problem of its own. */
const problemIdOf = (index) => `p${index}`;
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
  const path = findChromium();
  if (path === null) return {};
  const browser = await startChromium(path);
  try {
    const page = await browser.newPage({ viewport: { width: 1300, height: 900 } });
    await page.goto(`http://${cluster.child('controller').address.metricsAddress}/#run=${runId}`);
    const drawnMs = await shownAt(page, String(iterations));
    const startedAt = await page.evaluate(() => performance.now());
    const width = await page.evaluate(() => document.querySelector('#rollouts canvas').width);
    await page
      .locator('#rollouts canvas')
      .click({ position: { x: (width * (clicked + 0.5)) / (iterations + 1), y: 8 } });
    return { drawnMs, zoomMs: (await shownAt(page, String(clicked))) - startedAt };
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

/** The calls that write a run, over gRPC, as a store in this process has them. */
function remoteStore(replay) {
  return {
    openIteration: (request) => replay.openIteration(request),
    appendSegment: (id, segment) => replay.appendSegment({ runId: id, segment }),
    recordScore: (id, score) => replay.recordScore({ runId: id, score }),
    closeIteration: (request) => replay.closeIteration(request),
    freezeBatch: (request) => replay.freezeBatch(request),
    commitIteration: (request) => replay.commitIteration(request),
    appendEvent: (request) => replay.appendEvent(request),
    listUnfinished: (id) => replay.listUnfinished({ runId: id }),
  };
}

async function fill() {
  const store = new ReplayStore({ folder: join(data, 'replay'), maxStoreBytes: 4 * 1024 ** 3 });
  await store.putRun(runRecord(runId), null);
  const count = groupsPerIteration * (iterations + 1);
  const problems = Array.from({ length: count }, (_, i) => trainProblem(problemIdOf(i)));
  await store.putProblems({ runId, batchId: 'all' }, problems);
  for (let iteration = 0; iteration < iterations; iteration++) await addIteration(store, iteration);
  await store.close();
}

/** What is unfinished goes on and ends; of what begins, every third trajectory is cut. */
async function addIteration(store, iteration) {
  const resumed = [];
  for await (const summary of store.listUnfinished(runId)) resumed.push(summary);
  const from = iteration * groupsPerIteration;
  const indexes = Array.from({ length: groupsPerIteration }, (_, i) => from + i);
  const sized = indexes.map((index) => ({ index, size: groupSize, problemId: problemIdOf(index) }));
  const begun = newGroups(runId, iteration, sized);
  const again = resumed.map(({ id, groupId: group, problemId }) => ({
    trajectoryId: id,
    groupId: group,
    problemId,
    segmentIndex: 1,
    lastSpan: false,
  }));
  const tasks = [...again, ...begun.tasks];
  const opening = { runId, iteration, policyVersion: 0, maxAttempts: 3, newGroups: begun.groups, tasks };
  await store.openIteration(opening);
  const body = JSON.stringify({ phase: 'rollout', iteration });
  await store.appendEvent({ runId, kind: 'phase', bodyJson: body, atMs: 0, key: `rollout-${iteration}` });
  await Promise.all(tasks.map((task, i) => write(store, task, iteration, i)));
  await store.closeIteration({ runId, iteration });
  // No version is trained: nothing of it is seen in a timeline.
  await store.freezeBatch({ runId, iteration, maxGroups: 0, minUsable: groupSize + 1, keepEqual: true });
  await store.commitIteration({ runId, iteration, policyVersionOut: 0, metricsJson: '{}' });
}

async function write(store, { trajectoryId: id, segmentIndex: index }, iteration, i) {
  const cut = index === 0 && i % 3 === 0;
  const start = hashTokens(promptTokens);
  const segment = segmentOf(id, index, {
    iteration,
    prefixHash: index === 0 ? start : hashTokens(responseTokens, start),
    tokens: responseTokens,
    logProbs: new Float32Array(responseTokens.length),
    endReason: cut ? 'budget' : 'stop',
  });
  await store.appendSegment(runId, segment);
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
