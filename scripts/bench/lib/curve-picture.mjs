/** Curves over lengths or sizes, both axes logarithmic, as SVG: panels side by side, each with its own curves. */
import { document, element, label, legend } from '../../../packages/cli/dist/pictures/svg.js';

const size = { width: 980, panelWidth: 400, panelHeight: 250, left: 62, gap: 84, top: 84, rowGap: 96 };

/** 1024 -> 1k */
export function lengthName(tokens) {
  return tokens >= 1024 ? `${tokens / 1024}k` : String(tokens);
}

/** A logarithmic scale from the powers of `base` around the values. */
function logScale(values, base, from, to) {
  const log = (value) => Math.log(value) / Math.log(base);
  const low = Math.floor(log(Math.min(...values)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(log(Math.max(...values)) - 1e-9));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => base ** (low + i));
  return { at: (value) => from + ((log(value) - low) / (high - low)) * (to - from), ticks };
}

/** What most pictures are drawn against: a length in tokens. */
const lengths = { base: 2, name: lengthName, title: 'tokens' };

/** @param panel title, name of each curve's color and text, points [{ x, y }], and what lies along x */
function drawPanel({ title, curves, yName, x: along = lengths }, left, top) {
  const [right, bottom] = [left + size.panelWidth, top + size.panelHeight];
  const points = curves.flatMap((curve) => curve.points);
  const x = logScale(
    points.map((p) => p.x),
    along.base,
    left,
    right,
  );
  const y = logScale(
    points.map((p) => p.y),
    10,
    bottom,
    top,
  );
  const grid = [
    ...x.ticks.map(
      (tick) =>
        element('line', { x1: x.at(tick), x2: x.at(tick), y1: top, y2: bottom, class: 'grid' }) +
        label(x.at(tick), bottom + 16, along.name(tick), { 'text-anchor': 'middle' }),
    ),
    ...y.ticks.map(
      (tick) =>
        element('line', { x1: left, x2: right, y1: y.at(tick), y2: y.at(tick), class: 'grid' }) +
        label(left - 6, y.at(tick) + 4, yName(tick), { 'text-anchor': 'end' }),
    ),
  ];
  const lines = curves.map(({ color, points: own }) => {
    const path = own.map((p, i) => `${i === 0 ? 'M' : 'L'}${x.at(p.x).toFixed(1)},${y.at(p.y).toFixed(1)}`).join('');
    const dots = own.map((p) => element('circle', { cx: x.at(p.x), cy: y.at(p.y), r: 3, fill: color }));
    return element('path', { d: path, fill: 'none', stroke: color, 'stroke-width': 2 }) + dots.join('');
  });
  return [
    label(left, top - 30, title, { class: 'title' }),
    legend(left, top - 10, curves),
    ...grid,
    ...lines,
    label((left + right) / 2, bottom + 34, along.title, { 'text-anchor': 'middle' }),
  ].join('');
}

/** @param panels see `drawPanel`, two in a row */
export function drawCurves(title, panels) {
  const rows = Math.ceil(panels.length / 2);
  const height = size.top + rows * (size.panelHeight + size.rowGap) - 40;
  return document(
    size.width,
    height,
    title,
    label(size.left, 28, title, { class: 'title' }),
    ...panels.map((panel, i) =>
      drawPanel(
        panel,
        size.left + (i % 2) * (size.panelWidth + size.gap),
        size.top + Math.floor(i / 2) * (size.panelHeight + size.rowGap),
      ),
    ),
  );
}
