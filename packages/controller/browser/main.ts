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
import { drawTimeline, type Span } from './rollouts.js';
import { newRunState, type RunState, takeEvent } from './run-state.js';
import { drawTrajectory } from './trajectory.js';

/** Between two looks at the cluster, in ms. */
const statusEveryMs = 1_000;
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
  const [from, to] = [query.get('from'), query.get('to')];
  return {
    run: query.get('run') ?? '',
    zoom: from !== null && to !== null ? { from: Number(from), to: Number(to) } : null,
  };
}

function writeAddress(): void {
  const query = new URLSearchParams({ run: runId, ...(zoom && { from: String(zoom.from), to: String(zoom.to) }) });
  history.replaceState(null, '', `#${query}`);
}

function span(): Span {
  const last = Math.max(0, ...run.iterations.map(({ iteration }) => iteration), run.phase?.iteration ?? 0);
  return zoom ?? { from: 0, to: last };
}

function choose(next: string): void {
  unfollow();
  runId = next;
  run = newRunState();
  [rows, problems] = [[], []];
  drawAll();
  if (runId === '') return;
  writeAddress();
  unfollow = followEvents(runId, {
    onEvent: (event) => {
      takeEvent(run, event);
      if (event.kind === 'iteration' || event.kind === 'evaluation') redrawSoon();
      if (event.kind === 'state') listRuns().catch(tell);
    },
    onConnection: (connected) => say(connected ? '' : 'the controller cannot be reached; trying again'),
    onRest: redrawSoon,
  });
  redrawSoon();
}

/** Events come in bursts when a run is opened: one drawing, and one question for the rest, serves them all. */
let redrawPlanned = false;
function redrawSoon(): void {
  if (redrawPlanned) return;
  redrawPlanned = true;
  window.setTimeout(() => {
    redrawPlanned = false;
    drawLearning(places.learning, run);
    readRows().catch(tell);
    readProblems().catch(tell);
  }, redrawPauseMs);
}

async function readRows(): Promise<void> {
  const asked = runId;
  const { from, to } = span();
  const found = await api.trajectories(asked, from, to);
  if (asked !== runId) return;
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

function drawRollouts(): void {
  drawTimeline(places.rollouts, {
    rows,
    span: span(),
    onPick: (id) => void read(id),
    onZoom: (next) => {
      zoom = next;
      writeAddress();
      readRows().catch(tell);
    },
  });
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
  try {
    drawTrajectory(places.trajectory, await api.trajectory(id), () => places.trajectory.close());
    places.trajectory.showModal();
  } catch (error) {
    tell(error);
  }
}

async function listRuns(): Promise<void> {
  const runs = await api.runs();
  const options = runs.map(({ id, state }) => el('option', { value: id, selected: id === runId }, `${id} (${state})`));
  places.runs.replaceChildren(...options);
  if (runId !== '' && runs.some(({ id }) => id === runId)) return;
  const working = runs.find(({ state }) => state === 'running') ?? runs[0];
  if (working) choose(working.id);
  else say('no run yet');
}

async function look(): Promise<void> {
  try {
    status = await api.status();
    if (runId === '') await listRuns();
    drawNow(places.now, run, status);
  } catch (error) {
    tell(error);
  }
  window.setTimeout(() => void look(), statusEveryMs);
}

function say(text: string): void {
  places.connection.textContent = text;
}

function tell(error: unknown): void {
  say(error instanceof Error ? error.message : String(error));
}

places.runs.addEventListener('change', () => {
  zoom = null;
  choose(places.runs.value);
});
window.addEventListener('resize', drawRollouts);

({ run: runId, zoom } = readAddress());
if (runId !== '') choose(runId);
listRuns().catch(tell);
void look();
