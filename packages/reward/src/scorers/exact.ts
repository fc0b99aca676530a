/** Exact match: the final answer is the reference answer, letter by letter, but for blanks. */
import { extractAnswer } from '../extract-answer.js';
import { excerpt, right, type Scorer, wrong } from '../scorer.js';

export const exactScorer: Scorer = {
  name: 'exact',
  description:
    'The final answer equals the reference answer; blanks at the ends do not count, runs of blanks count as one.',
  metadataSchema: null,
  async score({ response, answer }) {
    const given = normalize(extractAnswer(response));
    return given === normalize(answer) ? right(given) : wrong(`answered ${excerpt(given)}`);
  },
};

function normalize(text: string): string {
  return text.trim().replace(/\s+/gu, ' ');
}
