/**
 * The live view as text: a pure function from what is known of the run to lines. It knows no terminal; `live.ts` draws it.
 */
import type { EvaluationEvent, IterationEvent } from '@segue/core';
import pc from 'picocolors';
import type { RunViewState } from './run-view.js';

export interface ViewContext {
  readonly run: string;
  readonly nowMs: number;
  readonly startedAtMs: number;
  /** Iterations that the run has in all. */
  readonly iterationsPlanned: number;
  readonly columns: number;
}

const phaseWords: Readonly<Record<string, string>> = {
  idle: 'getting ready',
  warmup: 'warm-up on worked examples',
  evaluate: 'held-out evaluation',
  plan: 'planning',
  rollout: 'rollout',
  close: 'closing: cutting and saving what runs',
  train: 'training',
  activate: 'handing the new weights to the actors',
};

const recentRows = 12;

/** The whole view, newest iterations last. */
export function renderView(view: RunViewState, context: ViewContext): string {
  const lines = [
    headline(view, context),
    activity(view, context),
    '',
    tableHead(),
    ...view.iterations.slice(-recentRows).map((iteration) => tableRow(iteration, accuracyOf(view, iteration))),
    '',
    ...accuracyLines(view),
  ];
  return lines.map((line) => fit(line, context.columns)).join('\n');
}

/** One line per iteration, for output that is no terminal. */
export function tableHead(): string {
  return pc.dim('  iter  version  reward  held-out  tokens mean/p95  partial  trained  tokens/s   idle  seconds');
}

export function tableRow(i: IterationEvent, accuracy: number | null): string {
  const finished = Math.max(1, i.finishedTrajectories);
  const cells = [
    String(i.iteration).padStart(6),
    `${i.policyVersionIn}>${i.policyVersionOut}`.padStart(9),
    (i.rewardMean === null ? '-' : i.rewardMean.toFixed(3)).padStart(8),
    (accuracy === null ? '' : accuracy.toFixed(3)).padStart(10),
    `${i.responseTokensMean.toFixed(0)}/${i.responseTokensP95.toFixed(0)}`.padStart(17),
    percent(i.spanningTrajectories / finished).padStart(9),
    `${i.groupsTrained}`.padStart(9),
    rate(i.generatedTokens, i.rolloutMs).padStart(10),
    percent(i.actorIdleShare).padStart(7),
    (i.wallMs / 1000).toFixed(1).padStart(9),
  ];
  return cells.join('');
}

function headline(view: RunViewState, context: ViewContext): string {
  const elapsed = clock((context.nowMs - context.startedAtMs) / 1000);
  const bar = progressBar(view.iterations.length, context.iterationsPlanned);
  return `${pc.bold('segue')} ${context.run}  ${bar} ${view.iterations.length}/${context.iterationsPlanned} iterations  ${elapsed}`;
}

function activity(view: RunViewState, context: ViewContext): string {
  const since = ((context.nowMs - view.phaseSinceMs) / 1000).toFixed(0);
  const words = [pc.cyan(phaseWords[view.phase] ?? view.phase), view.phaseSinceMs > 0 ? `${since} s` : ''];
  if (view.phase === 'warmup' && view.warmup) {
    words.push(`${progressBar(view.warmup.step, view.warmup.steps)} loss ${view.warmup.loss.toFixed(3)}`);
  } else if (view.progress) {
    const p = view.progress;
    words.push(
      `${progressBar(p.committedTasks, p.plannedTasks)} ${p.committedTasks}/${p.plannedTasks} segments`,
      `${p.usefulGroups} useful of ${p.completeGroups} complete groups`,
      `${Math.round(p.tokensPerSecond)} tokens/s`,
    );
  } else if (view.train) {
    words.push(`${view.train.stage} ${progressBar(view.train.step, view.train.steps)}`);
  }
  if (view.waiting) {
    const w = view.waiting;
    const from = w.from ? ` from ${w.from}` : '';
    words.push(
      pc.yellow(`waits for ${w.count} ${w.what}${from} since ${((context.nowMs - w.sinceMs) / 1000).toFixed(0)} s`),
    );
  }
  return words.filter((word) => word !== '').join('  ');
}

/** Held-out accuracy measured right after this iteration, at the sampling temperature. */
export function accuracyOf(view: RunViewState, iteration: IterationEvent): number | null {
  const completed = iteration.iteration + 1;
  return view.evaluations.findLast((e) => e.iteration === completed && e.temperature > 0)?.accuracy ?? null;
}

/** What the evaluations before and after say, one line each. */
export function accuracyLines(view: RunViewState): string[] {
  return view.evaluations.filter((e) => e.when !== 'between').map(accuracyLine);
}

/** One evaluation in one line. */
export function accuracyLine(e: EvaluationEvent): string {
  const how = e.temperature === 0 ? 'greedy' : `temperature ${e.temperature}, ${e.samples} samples each`;
  const when = e.when === 'between' ? `after ${e.iteration} iterations` : `${e.when} RL`;
  return `held-out accuracy ${when}: ${pc.bold(e.accuracy.toFixed(3))} (${e.problems} problems, ${how}; ${e.responseTokensMean.toFixed(0)} tokens on average)`;
}

function progressBar(done: number, total: number, width = 20): string {
  const filled = total > 0 ? Math.min(width, Math.round((done / total) * width)) : 0;
  return `${pc.green('━'.repeat(filled))}${pc.dim('━'.repeat(width - filled))}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`;
}

function rate(tokens: number, ms: number): string {
  return ms > 0 ? ((1000 * tokens) / ms).toFixed(0) : '-';
}

function clock(totalSeconds: number): string {
  const whole = Math.max(0, Math.floor(totalSeconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** Cuts a line to the terminal's width; escape sequences take no room. */
function fit(line: string, columns: number): string {
  const escapeCharacter = String.fromCharCode(27);
  const pieces = line.split(new RegExp(`(${escapeCharacter}\\[[0-9;]*m)`));
  let room = columns;
  let result = '';
  for (const [index, piece] of pieces.entries()) {
    if (index % 2 === 1) result += piece;
    else {
      result += piece.slice(0, Math.max(0, room));
      room -= piece.length;
    }
  }
  return result;
}
