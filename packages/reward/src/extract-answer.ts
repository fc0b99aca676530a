/**
 * Finds the final answer in a response. Pure; every scorer uses it, so that a response means the same to all.
 */

/** Marks that announce an answer. What stands after the mark, to the end of its line, is the answer. */
const lineMarks = /#+|\b(?:final answer|answer)\s*(?:is\s*:?|:)/giu;

const boxMark = '\\boxed{';

/**
 * The final answer: what follows the last mark. Marks are `#` (also `####`), `answer:` or `answer is`, and `\boxed{...}` with
 * balanced braces. A response without a mark answers with its last line that is not empty. Trimmed; empty when there is nothing.
 */
export function extractAnswer(response: string): string {
  const boxed = findBoxed(response);
  const marked = findMarked(response);
  const last = (boxed?.at ?? -1) > (marked?.at ?? -1) ? boxed : marked;
  return (last?.answer ?? lastLine(response)).trim();
}

interface Found {
  /** Where the mark begins. */
  readonly at: number;
  readonly answer: string;
}

function findMarked(response: string): Found | null {
  const last = [...response.matchAll(lineMarks)].at(-1);
  if (last === undefined) return null;
  const [line = ''] = response.slice(last.index + last[0].length).split('\n');
  // A sentence that announces its answer ends with a full stop.
  const answer = last[0].startsWith('#') ? line : line.replace(/\.\s*$/u, '');
  return { at: last.index, answer };
}

function findBoxed(response: string): Found | null {
  const at = response.lastIndexOf(boxMark);
  if (at < 0) return null;
  const begin = at + boxMark.length;
  let depth = 1;
  for (let i = begin; i < response.length; i++) {
    if (response[i] === '{') depth++;
    if (response[i] === '}') depth--;
    if (depth === 0) return { at, answer: response.slice(begin, i) };
  }
  return null;
}

function lastLine(response: string): string {
  return response.split('\n').findLast((line) => line.trim() !== '') ?? '';
}
