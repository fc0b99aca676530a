/**
 * The rollout timeline (figure 3b of the k1.5 report): a row per trajectory, a bar per segment in its iteration's column, coloured by its end
 * reason; a bar's length is its share of the longest segment. Drawn on a canvas, since a run has tens of thousands of bars.
 */
import type { PageTrajectory } from '@segue/controller';
import type { EndReason } from '@segue/core';
import { el, legend } from './dom.js';
import { orderSpan, type Span } from './span.js';

const colors: Readonly<Record<EndReason, string>> = {
  stop: '#2a8f5b',
  repeat: '#c2459e',
  length: '#c23b3b',
  budget: '#e0912f',
  yield: '#1b6ca8',
  error: '#555555',
};
const words: Readonly<Record<EndReason, string>> = {
  stop: 'stop: normal end',
  repeat: 'repeat: early stop',
  length: 'length: cap',
  budget: 'budget: saved, goes on',
  yield: 'yield: saved, goes on',
  error: 'error',
};

const top = 18;
/** Browsers refuse canvases beyond this height, in pixels. */
const maxHeight = 16_000;

export interface TimelineInput {
  readonly rows: readonly PageTrajectory[];
  readonly span: Span;
  readonly onPick: (id: string) => void;
  readonly onZoom: (span: Span | null) => void;
}

export function drawTimeline(place: HTMLElement, input: TimelineInput): void {
  const { rows, span, onZoom } = input;
  if (rows.length === 0) {
    place.replaceChildren(el('p', { class: 'empty' }, 'No trajectory has a segment yet.'));
    return;
  }
  const seen = new Set<EndReason>();
  for (const { segments } of rows) for (const [, , reason] of segments) seen.add(reason);
  const reasons = (Object.keys(words) as EndReason[]).filter((reason) => seen.has(reason));
  const number = (name: string, value: number, change: (value: number) => Span) =>
    el(
      'label',
      {},
      `${name} `,
      el('input', {
        type: 'number',
        min: 0,
        value,
        id: `span-${name}`,
        change: (event) => onZoom(orderSpan(change(Number((event.target as HTMLInputElement).value)))),
      }),
    );
  place.replaceChildren(
    el(
      'div',
      { class: 'controls' },
      number('from', span.from, (from) => ({ from, to: Math.max(from, span.to) })),
      number('to', span.to, (to) => ({ from: Math.min(span.from, to), to })),
      el('button', { type: 'button', click: () => onZoom(null) }, 'all iterations'),
      el(
        'span',
        { class: 'empty' },
        `${rows.length} trajectories; click a column's number to zoom in, a row to read it`,
      ),
    ),
    legend(reasons.map((reason) => ({ color: colors[reason], text: words[reason] }))),
    el('div', { class: 'plot' }, drawCanvas(place, input)),
  );
}

function drawCanvas(place: HTMLElement, { rows, span, onPick, onZoom }: TimelineInput): HTMLCanvasElement {
  const rowHeight = Math.max(
    1,
    Math.min(12, Math.floor(600 / rows.length), Math.floor((maxHeight - top) / rows.length)),
  );
  const shown = rows.slice(0, Math.floor((maxHeight - top) / rowHeight));
  const width = Math.max(320, place.clientWidth - 20);
  const columnWidth = width / (span.to - span.from + 1);
  // No spread: a large run has more segments than a call may have arguments.
  const longest = shown.reduce(
    (most, { segments }) => segments.reduce((m, [, tokens]) => Math.max(m, tokens), most),
    1,
  );
  const canvas = el('canvas', { width, height: top + shown.length * rowHeight, tabindex: 0 });
  canvas.setAttribute('aria-label', `segments of ${shown.length} trajectories`);
  const pen = canvas.getContext('2d');
  if (!pen) return canvas;
  pen.font = '11px system-ui';
  pen.textAlign = 'center';
  const labelEvery = Math.ceil(26 / columnWidth);
  for (let i = 0; i <= span.to - span.from; i++) {
    pen.fillStyle = 'rgb(128 128 128 / 25%)';
    pen.fillRect(i * columnWidth, top, 1, canvas.height - top);
    pen.fillStyle = '#888888';
    if (i % labelEvery === 0) pen.fillText(String(span.from + i), (i + 0.5) * columnWidth, 12);
  }
  shown.forEach(({ segments }, row) => {
    for (const [iteration, tokens, endReason] of segments) {
      if (iteration < span.from || iteration > span.to) continue;
      pen.fillStyle = colors[endReason];
      const length = Math.max(1, (tokens / longest) * (columnWidth - 2));
      pen.fillRect(
        (iteration - span.from) * columnWidth + 1,
        top + row * rowHeight,
        length,
        Math.max(1, rowHeight - 1),
      );
    }
  });
  canvas.addEventListener('click', ({ offsetX, offsetY }) => {
    const iteration = span.from + Math.floor(offsetX / columnWidth);
    if (offsetY < top) onZoom({ from: iteration, to: iteration });
    const picked = shown[Math.floor((offsetY - top) / rowHeight)];
    if (offsetY >= top && picked) onPick(picked.id);
  });
  return canvas;
}
