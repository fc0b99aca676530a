/**
 * Every trajectory of a run as a row, every segment as a bar in the column of its iteration, coloured by its end reason: figure 3b of the
 * k1.5 report. A bar's length is its share of the iteration's token budget, so that what was cut reaches the column's end.
 */
import { type EndReason, endReasons, type TrajectoryRecord } from '@segue/core';
import { document, element, label, legend } from './svg.js';

export const endReasonColors: Readonly<Record<EndReason, string>> = {
  stop: '#2a8f5b',
  repeat: '#c2459e',
  length: '#c23b3b',
  budget: '#e0912f',
  yield: '#1b6ca8',
  error: '#222222',
};

const endReasonWords: Readonly<Record<EndReason, string>> = {
  stop: 'stop: normal end',
  repeat: 'repeat: early stop',
  length: 'length: cap',
  budget: 'budget: saved, goes on',
  yield: 'yield: saved, goes on',
  error: 'error',
};

const width = 1100;
const left = 56;
const right = width - 16;
const top = 84;
const maxHeight = 5000;

export interface TimelineInput {
  readonly title: string;
  readonly trajectories: readonly TrajectoryRecord[];
  /** Tokens that fill a column: the run's budget per trajectory and iteration. */
  readonly tokenBudget: number;
}

export function drawTimeline({ title, trajectories, tokenBudget }: TimelineInput): string {
  const rows = trajectories.filter((t) => t.segments.length > 0);
  const iterations = 1 + rows.reduce((last, row) => Math.max(last, row.segments.at(-1)?.iteration ?? 0), 0);
  const columnWidth = (right - left) / iterations;
  const rowHeight = Math.min(4, Math.max(0.4, (maxHeight - top) / Math.max(1, rows.length)));
  const height = Math.ceil(top + rows.length * rowHeight + 40);
  const bars = rows.map((row, index) => drawRow(row, top + index * rowHeight, rowHeight, columnWidth, tokenBudget));
  return document(
    width,
    height,
    title,
    label(left, 28, title, { class: 'title' }),
    legend(
      left,
      52,
      reasonsIn(rows).map((reason) => ({ color: endReasonColors[reason], text: endReasonWords[reason] })),
    ),
    drawColumns(iterations, columnWidth, height - 36),
    ...bars,
    label((left + right) / 2, height - 10, `iteration (a column is ${tokenBudget} tokens wide)`, {
      'text-anchor': 'middle',
    }),
  );
}

function reasonsIn(rows: readonly TrajectoryRecord[]): EndReason[] {
  const seen = new Set(rows.flatMap((row) => row.segments.map((segment) => segment.endReason)));
  return endReasons.filter((reason) => seen.has(reason));
}

function drawColumns(iterations: number, columnWidth: number, bottom: number): string {
  const labelEvery = Math.ceil(28 / columnWidth);
  return Array.from({ length: iterations + 1 }, (_, i) => {
    const x = left + i * columnWidth;
    const line = element('line', { x1: x, x2: x, y1: top - 4, y2: bottom, class: 'grid' });
    const named = i < iterations && i % labelEvery === 0;
    return line + (named ? label(x + columnWidth / 2, top - 10, String(i), { 'text-anchor': 'middle' }) : '');
  }).join('');
}

function drawRow(
  row: TrajectoryRecord,
  y: number,
  rowHeight: number,
  columnWidth: number,
  tokenBudget: number,
): string {
  return row.segments
    .map((segment, index) => {
      const share = Math.min(1, (row.tokenCounts[index] ?? 0) / tokenBudget);
      return element('rect', {
        x: left + segment.iteration * columnWidth,
        y,
        width: Math.max(0.5, share * (columnWidth - 1)),
        height: rowHeight * 0.9,
        fill: endReasonColors[segment.endReason],
      });
    })
    .join('');
}
