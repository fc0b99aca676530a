/**
 * The rollout timeline (figure 3b of the k1.5 report): a row per trajectory, a bar per segment in its iteration's column, coloured by its end
 * reason; a bar's length is its share of the longest segment. Drawn on a canvas, since a run has tens of thousands of bars. What a person types into and where they have scrolled to stays
 * while it is drawn anew.
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

/** Height of the iterations' numbers, in pixels. */
const top = 18;
/** Height of what is seen at once, in pixels: a canvas as high as a large run would take the browser a second to show. */
const viewHeight = 640;

export interface TimelineInput {
  readonly rows: readonly PageTrajectory[];
  readonly span: Span;
}

export interface TimelineActions {
  readonly onPick: (id: string) => void;
  /** null: all iterations. */
  readonly onZoom: (span: Span | null) => void;
}

/** Puts a timeline into `place`. @returns draws it */
export function makeTimeline(place: HTMLElement, { onPick, onZoom }: TimelineActions): (input: TimelineInput) => void {
  const canvas = el('canvas', { tabindex: 0 });
  const explanation = el('span', { class: 'empty' });
  const reasons = el('div');
  let view: View | null = null;
  const [from, to] = [spanInput('from'), spanInput('to')];
  const change = (changed: 'from' | 'to') => {
    const span = { from: Number(from.value), to: Number(to.value) };
    if (changed === 'from') onZoom(orderSpan({ from: span.from, to: Math.max(span.from, span.to) }));
    else onZoom(orderSpan({ from: Math.min(span.from, span.to), to: span.to }));
  };
  /** Fields that a person is typing into. */
  const edited = new Set<HTMLInputElement>();
  for (const [input, name] of [[from, 'from'] as const, [to, 'to'] as const]) {
    input.addEventListener('input', () => edited.add(input));
    input.addEventListener('blur', () => edited.delete(input));
    input.addEventListener('change', () => {
      edited.delete(input);
      change(name);
    });
  }
  canvas.addEventListener('click', ({ offsetX, offsetY }) => {
    if (view === null) return;
    const { iteration, id } = placeAt(view, offsetX, offsetY);
    if (offsetY < top) onZoom({ from: iteration, to: iteration });
    else if (id !== null) onPick(id);
  });
  const controls = el(
    'div',
    { class: 'controls' },
    el('label', {}, 'from ', from),
    el('label', {}, 'to ', to),
    el('button', { type: 'button', click: () => onZoom(null) }, 'all iterations'),
    explanation,
  );
  const whole = el('div', {}, canvas);
  const plot = el('div', { class: 'plot' }, whole);
  plot.addEventListener('scroll', () => {
    if (view === null) return;
    view = { ...view, scrolled: plot.scrollTop };
    drawView(canvas, view);
  });
  const parts = [controls, reasons, plot];

  return ({ rows, span }) => {
    if (rows.length === 0) {
      place.replaceChildren(el('p', { class: 'empty' }, 'No trajectory has a segment yet.'));
      return;
    }
    // Putting an element where it stands already would take the cursor out of it.
    if (controls.parentElement !== place) place.replaceChildren(...parts);
    if (!edited.has(from)) from.value = String(span.from);
    if (!edited.has(to)) to.value = String(span.to);
    explanation.textContent = `${rows.length} trajectories; click a column's number to zoom in, a row to read it`;
    reasons.replaceChildren(legend(reasonsOf(rows).map((reason) => ({ color: colors[reason], text: words[reason] }))));
    const rowHeight = Math.max(1, Math.min(12, Math.floor(600 / rows.length)));
    whole.style.height = `${top + rows.length * rowHeight}px`;
    view = {
      rows,
      span,
      rowHeight,
      longest: longestOf(rows),
      width: Math.max(320, place.clientWidth - 20),
      scrolled: plot.scrollTop,
    };
    drawView(canvas, view);
  };
}

function spanInput(name: string): HTMLInputElement {
  return el('input', { type: 'number', min: 0, id: `span-${name}` });
}

function reasonsOf(rows: readonly PageTrajectory[]): EndReason[] {
  const seen = new Set<EndReason>();
  for (const { segments } of rows) for (const [, , reason] of segments) seen.add(reason);
  return (Object.keys(words) as EndReason[]).filter((reason) => seen.has(reason));
}

function longestOf(rows: readonly PageTrajectory[]): number {
  // No spread: a large run has more segments than a call may have arguments.
  return rows.reduce((most, { segments }) => segments.reduce((m, [, tokens]) => Math.max(m, tokens), most), 1);
}

/** What the canvas shows. */
interface View {
  readonly rows: readonly PageTrajectory[];
  readonly span: Span;
  /** In pixels, like the others. */
  readonly rowHeight: number;
  readonly width: number;
  /** How far the rows are scrolled; the iterations' numbers stay. */
  readonly scrolled: number;
  /** Tokens of the longest segment. */
  readonly longest: number;
}

function placeAt(view: View, x: number, y: number): { readonly iteration: number; readonly id: string | null } {
  const { rows, span, rowHeight, width, scrolled } = view;
  const columns = span.to - span.from + 1;
  return {
    iteration: span.from + Math.min(columns - 1, Math.floor((x * columns) / width)),
    id: rows[Math.floor((scrolled + y - top) / rowHeight)]?.id ?? null,
  };
}

function drawView(canvas: HTMLCanvasElement, view: View): void {
  const { rows, rowHeight, width, scrolled } = view;
  canvas.width = width;
  canvas.height = Math.min(viewHeight, top + rows.length * rowHeight);
  canvas.setAttribute('aria-label', `segments of ${rows.length} trajectories`);
  const pen = canvas.getContext('2d');
  if (!pen) return;
  pen.save();
  pen.beginPath();
  pen.rect(0, top, width, canvas.height - top);
  pen.clip();
  const first = Math.floor(scrolled / rowHeight);
  const last = Math.ceil((scrolled + canvas.height) / rowHeight);
  for (const [i, row] of rows.slice(first, last).entries()) {
    drawRow(pen, row, view, top + (first + i) * rowHeight - scrolled);
  }
  pen.restore();
  drawColumns(pen, canvas.height, view);
}

function drawColumns(pen: CanvasRenderingContext2D, height: number, { span: { from, to }, width }: View): void {
  const columnWidth = width / (to - from + 1);
  pen.font = '11px system-ui';
  pen.textAlign = 'center';
  const labelEvery = Math.ceil(26 / columnWidth);
  for (let i = 0; i <= to - from; i++) {
    pen.fillStyle = 'rgb(128 128 128 / 25%)';
    pen.fillRect(i * columnWidth, top, 1, height - top);
    pen.fillStyle = '#888888';
    if (i % labelEvery === 0) pen.fillText(String(from + i), (i + 0.5) * columnWidth, 12);
  }
}

function drawRow(pen: CanvasRenderingContext2D, { segments }: PageTrajectory, view: View, y: number): void {
  const { from, to } = view.span;
  const columnWidth = view.width / (to - from + 1);
  for (const [iteration, tokens, endReason] of segments) {
    if (iteration < from || iteration > to) continue;
    pen.fillStyle = colors[endReason];
    const length = Math.max(1, (tokens / view.longest) * (columnWidth - 2));
    pen.fillRect((iteration - from) * columnWidth + 1, y, length, Math.max(1, view.rowHeight - 1));
  }
}
