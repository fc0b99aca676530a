/** Learning curves: held-out accuracy with the mean reward, and response lengths, over iterations (figure 5 of the k1.5 report). */
import { el, legend, svg } from './dom.js';
import type { RunState } from './run-state.js';

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Line {
  readonly color: string;
  readonly text: string;
  readonly points: readonly Point[];
  readonly marks?: boolean;
}

const width = 640;
const height = 190;
const frame = { left: 44, right: width - 10, top: 8, bottom: height - 24 };

export function drawLearning(place: HTMLElement, { iterations, evaluations }: RunState): void {
  if (iterations.length === 0 && evaluations.length === 0) {
    place.replaceChildren(el('p', { class: 'empty' }, 'Curves begin with the first evaluation.'));
    return;
  }
  const sampled = evaluations.filter(({ temperature }) => temperature > 0);
  const greedy = evaluations.filter(({ temperature }) => temperature === 0);
  // An iteration's own numbers belong to its middle: it begins at i and ends at i + 1.
  const over = (value: (i: number) => number | null): Point[] =>
    iterations.flatMap(({ iteration }, i) => {
      const y = value(i);
      return y === null ? [] : [{ x: iteration + 0.5, y }];
    });
  const accuracy: Line[] = [
    {
      color: '#1b6ca8',
      text: 'held-out accuracy',
      points: sampled.map((e) => ({ x: e.iteration, y: e.accuracy })),
      marks: true,
    },
    {
      color: '#7d5fb2',
      text: 'the same, greedy',
      points: greedy.map((e) => ({ x: e.iteration, y: e.accuracy })),
      marks: true,
    },
    { color: '#e0912f', text: 'mean reward', points: over((i) => iterations[i]!.rewardMean) },
  ];
  const lengths: Line[] = [
    { color: '#2a8f5b', text: 'response tokens, mean', points: over((i) => iterations[i]!.responseTokensMean) },
    { color: '#8cc5a4', text: '95th percentile', points: over((i) => iterations[i]!.responseTokensP95) },
  ];
  const longest = Math.max(1, ...lengths.flatMap(({ points }) => points.map(({ y }) => y)));
  const last = Math.max(1, ...iterations.map(({ iteration }) => iteration + 1));
  place.replaceChildren(
    ...[
      drawPlot('accuracy and reward', accuracy, last, 1),
      drawPlot('response lengths', lengths, last, longest),
    ].flat(),
  );
}

function drawPlot(title: string, lines: readonly Line[], lastX: number, highest: number): Element[] {
  const x = (value: number) => frame.left + ((frame.right - frame.left) * value) / lastX;
  const y = (value: number) => frame.bottom - ((frame.bottom - frame.top) * value) / highest;
  const levels = [0, 0.25, 0.5, 0.75, 1].map((share) => share * highest);
  const stepX = Math.max(1, Math.ceil(lastX / 8));
  const ticks = Array.from({ length: Math.floor(lastX / stepX) + 1 }, (_, i) => i * stepX);
  const plot = svg(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title },
    ...levels.flatMap((level) => [
      svg('line', { class: 'grid', x1: frame.left, x2: frame.right, y1: y(level), y2: y(level) }),
      svg(
        'text',
        { x: frame.left - 6, y: y(level) + 4, 'text-anchor': 'end' },
        highest > 1 ? level.toFixed(0) : level.toFixed(2),
      ),
    ]),
    ...ticks.map((tick) => svg('text', { x: x(tick), y: height - 8, 'text-anchor': 'middle' }, String(tick))),
    ...lines.flatMap(({ color, points, marks }) => [
      svg('polyline', {
        points: points.map((p) => `${x(p.x).toFixed(1)},${y(p.y).toFixed(1)}`).join(' '),
        fill: 'none',
        stroke: color,
        'stroke-width': 1.8,
      }),
      ...(marks ? points.map((p) => svg('circle', { cx: x(p.x), cy: y(p.y), r: 2.6, fill: color })) : []),
    ]),
  );
  return [legend(lines.filter(({ points }) => points.length > 0)), plot];
}
