/**
 * Elements in one expression, HTML and SVG. Text is always set as text, never as markup: what a policy writes is anything.
 */
type Value = string | number | boolean | ((event: Event) => void);
export type Attributes = Readonly<Record<string, Value>>;
type Child = Node | string;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), attributes, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

/** The element of the page with this id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return element;
}

/** A name and a value per line; a null value leaves its line out. */
export function facts(lines: Readonly<Record<string, Child | null>>): HTMLElement {
  const pairs = Object.entries(lines).flatMap(([name, value]) =>
    value === null ? [] : [el('dt', {}, name), el('dd', {}, value)],
  );
  return el('dl', {}, ...pairs);
}

export function legend(entries: readonly { readonly color: string; readonly text: string }[]): HTMLElement {
  return el(
    'ul',
    { class: 'legend' },
    ...entries.map(({ color, text }) => {
      const mark = el('i');
      mark.style.background = color;
      return el('li', {}, mark, text);
    }),
  );
}

function filled<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children);
  return element;
}
