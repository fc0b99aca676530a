/** The problems of a run with how often each was solved, sorted by what the reader clicks; the longest tables show their first rows. */
import type { PageProblem } from '@segue/controller';
import { el } from './dom.js';
import { percent } from './format.js';

const maxRows = 500;

interface Column {
  readonly name: string;
  readonly of: (problem: PageProblem) => string | number;
  readonly text?: (problem: PageProblem) => string;
}

const columns: readonly Column[] = [
  { name: 'problem', of: ({ id }) => id },
  { name: 'prompt', of: ({ prompt }) => prompt },
  { name: 'answer', of: ({ answer }) => answer },
  { name: 'tags', of: ({ tags }) => tags.join(', ') },
  { name: 'difficulty', of: ({ difficulty }) => difficulty ?? -1, text: ({ difficulty }) => String(difficulty ?? '-') },
  { name: 'tries', of: ({ attempts }) => attempts },
  {
    name: 'solved',
    of: successRate,
    text: (problem) => (problem.attempts === 0 ? '-' : percent(successRate(problem))),
  },
  {
    name: 'last iteration',
    of: ({ lastIteration }) => lastIteration ?? -1,
    text: ({ lastIteration }) => String(lastIteration ?? '-'),
  },
];

function successRate({ attempts, successes }: PageProblem): number {
  return attempts === 0 ? -1 : successes / attempts;
}

export interface ProblemOrder {
  readonly column: string;
  readonly descending: boolean;
}

export function drawProblems(
  place: HTMLElement,
  problems: readonly PageProblem[],
  order: ProblemOrder,
  onOrder: (order: ProblemOrder) => void,
): void {
  const tried = problems.filter(({ purpose }) => purpose === 'train');
  const by = columns.find(({ name }) => name === order.column) ?? columns[0]!;
  const sorted = tried.toSorted((a, b) => compare(by.of(a), by.of(b)) * (order.descending ? -1 : 1));
  const head = columns.map(({ name }) => {
    const click = () => onOrder({ column: name, descending: name === order.column ? !order.descending : true });
    const arrow = name === order.column ? (order.descending ? ' ↓' : ' ↑') : '';
    return el('th', { scope: 'col' }, el('button', { type: 'button', click }, name + arrow));
  });
  const rows = sorted
    .slice(0, maxRows)
    .map((problem) =>
      el('tr', {}, ...columns.map(({ of, text }) => el('td', {}, text ? text(problem) : String(of(problem))))),
    );
  place.replaceChildren(
    el('p', { class: 'empty' }, `${tried.length} training problems, ${Math.min(maxRows, tried.length)} shown`),
    el('div', { class: 'scroll' }, el('table', {}, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...rows))),
  );
}

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
}
