/** The iterations that the timeline shows: read from an address that anybody may have written, and held to those that there are. Pure. */

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** null for what names no span. */
export function readSpan(from: string | null, to: string | null): Span | null {
  if (from === null || to === null) return null;
  const span = { from: Number(from), to: Number(to) };
  return isIteration(span.from) && isIteration(span.to) && span.from <= span.to ? span : null;
}

/** As a person typed it: what makes no sense begins at the first iteration. */
export function orderSpan({ from, to }: Span): Span {
  const first = isIteration(from) ? from : 0;
  return { from: first, to: isIteration(to) && to >= first ? to : first };
}

/** @param last newest iteration: a column for each of a million that do not exist would freeze the browser */
export function clampSpan({ from, to }: Span, last: number): Span {
  return { from: Math.min(from, last), to: Math.min(to, last) };
}

function isIteration(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
