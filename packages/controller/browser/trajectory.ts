/** One trajectory for reading: its segments with text, version and log-probs, unlikely tokens marked, and its score. */
import type { PageSegmentText, PageTrajectoryText } from '@segue/controller';
import { el, facts } from './dom.js';
import { decimals, duration } from './format.js';

export function drawTrajectory(dialog: HTMLElement, trajectory: PageTrajectoryText, close: () => void): void {
  const { id, problemId, state, prompt, segments, score } = trajectory;
  dialog.replaceChildren(
    el('button', { type: 'button', class: 'close', click: close }, 'close'),
    el('h2', {}, id),
    facts({
      problem: problemId,
      state,
      score: score
        ? `${score.scorer}: ${score.status}, reward ${decimals(score.reward, 3)}${score.detail ? `, ${score.detail}` : ''}`
        : null,
    }),
    el('h3', {}, 'prompt'),
    el('div', { class: 'text' }, prompt),
    ...segments.flatMap(drawSegment),
  );
}

function drawSegment(segment: PageSegmentText): HTMLElement[] {
  const {
    index,
    iteration,
    policyVersion,
    actorId,
    endReason,
    error,
    tokens,
    logProbs,
    durationMs,
    reprefilledTokens,
  } = segment;
  const total = logProbs.reduce((sum, value) => sum + value, 0);
  const words = [
    `iteration ${iteration}`,
    `version ${policyVersion}`,
    actorId,
    `${tokens.length} tokens in ${duration(durationMs)}`,
    `log-prob ${total.toFixed(2)}`,
    `${reprefilledTokens} prefilled again`,
    `ended by ${endReason}${error === null ? '' : ` (${error})`}`,
  ];
  const text = tokens.map((token, i) =>
    el('span', { class: markOf(logProbs[i] ?? 0), title: `log-prob ${decimals(logProbs[i] ?? null, 3)}` }, token),
  );
  return [
    el('h3', {}, `segment ${index}`),
    el('p', { class: 'empty' }, words.join(' · ')),
    el('div', { class: 'text' }, ...text),
  ];
}

/** How unlikely a token was: over a half, over a tenth, over a hundredth, less. */
function markOf(logProb: number): string {
  if (logProb > Math.log(0.5)) return 'p0';
  if (logProb > Math.log(0.1)) return 'p1';
  return logProb > Math.log(0.01) ? 'p2' : 'p3';
}
