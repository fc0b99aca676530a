/**
 * The little SVG that the pictures need: elements, text, axes. Strings in, strings out; colours work on light and dark pages.
 */

type Attributes = Readonly<Record<string, string | number>>;

export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? round(value) : escapeText(value)}"`)
    .join('');
  return children.length > 0 ? `<${name}${written}>${children.join('')}</${name}>` : `<${name}${written}/>`;
}

export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeText(text));
}

export function document(width: number, height: number, title: string, ...children: readonly string[]): string {
  const style =
    'text{font:12px system-ui,sans-serif;fill:#444}.title{font-size:15px;font-weight:600;fill:#222}.axis{stroke:#999;stroke-width:1}.grid{stroke:#ddd;stroke-width:1}';
  return `${element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img' },
    element('title', {}, escapeText(title)),
    element('style', {}, style),
    element('rect', { width, height, fill: '#ffffff' }),
    ...children,
  )}\n`;
}

/** A scale of d3, as far as an axis needs it. */
interface TickScale {
  (value: number): number;
  ticks(count: number): number[];
}

/** Ticks and grid lines below a panel. */
export function bottomAxis(scale: TickScale, top: number, bottom: number, ticks: number): string {
  return scale
    .ticks(ticks)
    .map((tick) => {
      const x = scale(tick);
      const line = element('line', { x1: x, x2: x, y1: top, y2: bottom, class: 'grid' });
      return line + label(x, bottom + 16, String(tick), { 'text-anchor': 'middle' });
    })
    .join('');
}

/** Ticks and grid lines left of a panel. */
export function leftAxis(scale: TickScale, left: number, right: number, ticks: number): string {
  return scale
    .ticks(ticks)
    .map((tick) => {
      const y = scale(tick);
      const line = element('line', { x1: left, x2: right, y1: y, y2: y, class: 'grid' });
      return line + label(left - 6, y + 4, String(tick), { 'text-anchor': 'end' });
    })
    .join('');
}

/** Rows of coloured squares with words. */
export function legend(
  x: number,
  y: number,
  items: readonly { readonly color: string; readonly text: string }[],
): string {
  let at = x;
  return items
    .map(({ color, text }) => {
      const mark = element('rect', { x: at, y: y - 9, width: 10, height: 10, fill: color, rx: 2 });
      const words = label(at + 14, y, text);
      at += 26 + 6.6 * text.length;
      return mark + words;
    })
    .join('');
}

function escapeText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}
