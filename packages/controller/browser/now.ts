/** What the cluster does at this moment: the run's phase, each actor, and what is waited for, since when and from whom. */
import type { ActorReport, ClusterStatus, Waiting } from '@segue/core';
import { el, facts } from './dom.js';
import { decimals, duration, percent, whole } from './format.js';
import type { RunState } from './run-state.js';

export function drawNow(place: HTMLElement, run: RunState, status: ClusterStatus | null): void {
  place.replaceChildren(drawRun(run), ...(status ? [drawActors(status), drawWaits(status.waiting)] : []));
}

function drawRun({ phase, phaseSinceMs, warmup, progress, iterations, state, error }: RunState): HTMLElement {
  const last = iterations.at(-1);
  const working = state === 'running';
  return facts({
    state: error === null ? state : `${state}: ${error}`,
    phase: working && phase ? `${phase.phase}, for ${duration(Date.now() - phaseSinceMs)}` : null,
    iteration: phase ? String(phase.iteration) : null,
    'warm-up':
      working && phase?.phase === 'warmup' && warmup
        ? `step ${warmup.step} of ${warmup.steps}, loss ${decimals(warmup.loss, 3)}`
        : null,
    tasks: progress ? `${progress.committedTasks} of ${progress.plannedTasks} committed` : null,
    'tokens/s': progress ? whole(progress.tokensPerSecond) : null,
    reward: last ? decimals(last.rewardMean, 3) : null,
    'policy version': last ? String(last.policyVersionOut) : null,
    partial: last
      ? `${percent(last.spanningTrajectories / Math.max(1, last.finishedTrajectories))} of finished trajectories span iterations`
      : null,
    'actors idle': last ? percent(last.actorIdleShare) : null,
  });
}

function drawActors({ actors }: ClusterStatus): HTMLElement {
  if (actors.length === 0) return el('p', { class: 'warn' }, 'no actor has registered');
  return el('div', {}, el('h3', {}, 'Actors'), el('table', {}, el('tbody', {}, ...actors.map(drawActor))));
}

function drawActor({ actorId, running, slots, policyVersion, seenAtMs }: ActorReport): HTMLElement {
  const fill = el('meter', {
    min: 0,
    max: slots,
    value: running,
    'aria-label': `${actorId}: ${running} of ${slots} slots`,
  });
  const cells = [
    actorId,
    el('span', {}, fill, ` ${running} of ${slots}`),
    policyVersion === null ? 'no version' : `version ${policyVersion}`,
    `${duration(Date.now() - seenAtMs)} ago`,
  ];
  return el('tr', {}, ...cells.map((cell) => el('td', {}, cell)));
}

function drawWaits(waiting: readonly Waiting[]): HTMLElement {
  const lines = waiting.map(({ what, from, count, sinceMs }) =>
    el('li', {}, `${count} ${what}${from === '' ? '' : ` from ${from}`}, for ${duration(Date.now() - sinceMs)}`),
  );
  if (lines.length === 0) return el('p', { class: 'empty' }, 'Nothing is waited for.');
  return el('div', {}, el('h3', {}, 'Waits for'), el('ul', {}, ...lines));
}
