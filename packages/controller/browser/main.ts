/**
 * The page: follows the chosen run's events, asks for the rest now and then, and draws. The run and the span of iterations stand in the address, so
 * that a view can be sent to somebody.
 */
import type { PageProblem, PageTrajectory } from '@segue/controller';
import type { ClusterStatus } from '@segue/core';
import { api, followEvents } from './api.js';
import { byId, el } from './dom.js';
import { drawLearning } from './learning.js';
import { drawNow } from './now.js';
import { drawProblems, type ProblemOrder } from './problems.js';
import { makeTimeline } from './rollouts.js';
import { newRunState, type RunState, takeEvent } from './run-state.js';
import { clampSpan, readSpan, type Span } from './span.js';
import { drawTrajectory } from './trajectory.js';

/** Between two looks at the cluster, in ms. */
const statusEveryMs = 1_000;
/** Looks at the cluster until the list of runs is read again. */
const looksPerList = 5;
/** How long a burst of events is gathered, in ms. */
const redrawPauseMs = 200;

const places = {
  runs: byId('runs') as HTMLSelectElement,
  connection: byId('connection'),
  now: byId('now'),
  learning: byId('learning'),
  rollouts: byId('rollouts'),
  problems: byId('problems'),
  trajectory: byId('trajectory') as HTMLDialogElement,
};

let runId = '';
let run: RunState = newRunState();
let status: ClusterStatus | null = null;
let rows: readonly PageTrajectory[] = [];
let problems: readonly PageProblem[] = [];
let order: ProblemOrder = { column: 'tries', descending: true };
/** null: all iterations. */
let zoom: Span | null = null;
let unfollow = () => {};

function readAddress(): { run: string; zoom: Span | null } {
  const query = new URLSearchParams(location.hash.slice(1));
  return { run: query.get('run') ?? '', zoom: readSpan(query.get('from'), query.get('to')) };
}

function writeAddress(): void {
  const query = new URLSearchParams({ run: runId, ...(zoom && { from: String(zoom.from), to: String(zoom.to) }) });
  history.replaceState(null, '', `#${query}`);
}

function span(): Span {
  const last = run.lastIteration;
  return clampSpan(zoom ?? { from: 0, to: last }, last);
}

function choose(next: string): void {
  unfollow();
  runId = next;
  run = newRunState();
  [rows, problems] = [[], []];
  troubles.clear();
  showTroubles();
  drawAll();
  if (runId === '') return;
  writeAddress();
  unfollow = followEvents(runId, {
    onEvent: (event) => {
      takeEvent(run, event);
      const beginsColumn = event.kind === 'phase' && event.body.phase === 'rollout';
      if (beginsColumn || event.kind === 'iteration' || event.kind === 'evaluation') redrawSoon();
      if (event.kind === 'state') void within('runs', listRuns);
    },
    onConnection: (connected) => say('events', connected ? '' : 'the controller cannot be reached; trying again'),
    onRest: redrawSoon,
    onFailure: (message) => say('events', message),
  });
  void readRest();
}

/** Events come in bursts when a run is opened: one drawing serves them all. */
let redrawPlanned = false;
function redrawSoon(): void {
  if (redrawPlanned) return;
  redrawPlanned = true;
  window.setTimeout(() => {
    redrawPlanned = false;
    drawLearning(places.learning, run);
    drawRollouts();
    void readRest();
  }, redrawPauseMs);
}

/** Asks for what no event tells, one thing after the other; what is wanted meanwhile is asked for once, afterwards. */
let reading: 'no' | 'yes' | 'again' = 'no';
async function readRest(): Promise<void> {
  const isIdle = reading === 'no';
  reading = isIdle ? 'yes' : 'again';
  if (!isIdle) return;
  await within('rollouts', readRows);
  await within('problems', readProblems);
  const wanted = reading;
  reading = 'no';
  if (wanted === 'again') redrawSoon();
}

async function readRows(): Promise<void> {
  const [askedRun, askedZoom] = [runId, zoom];
  const found = await api.trajectories(askedRun, zoom);
  if (askedRun !== runId || askedZoom !== zoom) return;
  rows = found;
  drawRollouts();
}

async function readProblems(): Promise<void> {
  const asked = runId;
  const found = await api.problems(asked);
  if (asked !== runId) return;
  problems = found;
  drawProblemTable();
}

const drawTimeline = makeTimeline(places.rollouts, {
  onPick: (id) => void within('trajectory', () => read(id)),
  onZoom: (next) => {
    zoom = next;
    writeAddress();
    void within('rollouts', readRows);
  },
});

function drawRollouts(): void {
  drawTimeline({ rows, span: span() });
}

function drawProblemTable(): void {
  drawProblems(places.problems, problems, order, (next) => {
    order = next;
    drawProblemTable();
  });
}

function drawAll(): void {
  drawNow(places.now, run, status);
  drawLearning(places.learning, run);
  drawRollouts();
  drawProblemTable();
}

async function read(id: string): Promise<void> {
  drawTrajectory(places.trajectory, await api.trajectory(id), () => places.trajectory.close());
  places.trajectory.showModal();
}

/** What the list of runs shows. */
let listed = '';

async function listRuns(): Promise<void> {
  const runs = await api.runs();
  const told = JSON.stringify([runId, runs.map(({ id, state }) => [id, state])]);
  // An open list stays as it is while nothing changes.
  if (told === listed) return;
  listed = told;
  const options = runs.map(({ id, state }) => el('option', { value: id, selected: id === runId }, `${id} (${state})`));
  places.runs.replaceChildren(...options);
  if (runId !== '' && runs.some(({ id }) => id === runId)) return;
  const working = runs.find(({ state }) => state === 'running') ?? runs[0];
  if (working) choose(working.id);
  else say('choice', 'no run yet');
}

let looks = 0;
async function look(): Promise<void> {
  status = await api.status();
  if (runId === '' || looks++ % looksPerList === 0) await listRuns();
  drawNow(places.now, run, status);
}

async function lookAgainAndAgain(): Promise<void> {
  await within('status', look);
  window.setTimeout(() => void lookAgainAndAgain(), statusEveryMs);
}

/** What is wrong, by what it was noticed at: it goes when that works again. */
const troubles = new Map<string, string>();

function say(where: string, text: string): void {
  if (text === '') troubles.delete(where);
  else troubles.set(where, text);
  showTroubles();
}

function showTroubles(): void {
  places.connection.textContent = [...new Set(troubles.values())].join('; ');
}

/** Does it, and says what went wrong; when it goes well, what went wrong before is over. */
async function within(where: string, work: () => Promise<void>): Promise<void> {
  const asked = runId;
  try {
    await work();
    say(where, '');
  } catch (error) {
    // What concerned the run that was shown before is nobody's trouble now.
    if (asked === runId) say(where, error instanceof Error ? error.message : String(error));
  }
}

places.runs.addEventListener('change', () => {
  zoom = null;
  choose(places.runs.value);
});
window.addEventListener('resize', drawRollouts);

/** Also where a view that was sent is opened in a page that stands already. */
function followAddress(): void {
  const address = readAddress();
  zoom = address.zoom;
  if (address.run !== '' && address.run !== runId) choose(address.run);
  else if (runId !== '') void within('rollouts', readRows);
}

window.addEventListener('hashchange', followAddress);
followAddress();
void lookAgainAndAgain();
