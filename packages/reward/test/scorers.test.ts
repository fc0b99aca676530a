/** The scorers and the judge over them: what is right, what is wrong, and what is a failure and therefore no number. */
import type { ScoreRequest } from '@segue/core';
import { SegueError } from '@segue/core';
import { builtInScorers, extractAnswer, judge, requireScorer, type Scorer } from '@segue/reward';
import t from 'tap';

const never = new AbortController().signal;
const rules = { timeoutMs: 5_000, maxAttempts: 3 };

function request(scorer: string, response: string, answer: string, metadata: object = {}): ScoreRequest {
  return { id: 'run-g0-t0', scorer, prompt: '', response, answer, metadata: { ...metadata } };
}

async function statusOf(scorer: string, response: string, answer: string, metadata: object = {}): Promise<string> {
  const score = await judge(
    requireScorer(builtInScorers, scorer, 'test'),
    request(scorer, response, answer, metadata),
    rules,
    never,
  );
  return score.status;
}

t.test('the final answer is what follows the last mark', async (t) => {
  const answers: [response: string, answer: string][] = [
    ['s29496;94968;49687;#68710', '68710'],
    ['so #1, no: #2', '2'],
    ['work\n#### 42\n', '42'],
    ['# Heading\nThe answer is 12.', '12'],
    ['Answer: x + 1\nmore', 'x + 1'],
    ['FINAL ANSWER: Paris.', 'Paris'],
    ['it is \\boxed{\\frac{1}{2}}.', '\\frac{1}{2}'],
    ['answer: 3, or rather \\boxed{4}', '4'],
    ['\\boxed{4} and so the answer: 5', '5'],
    ['\\boxed{never closed', '\\boxed{never closed'],
    ['first line\nlast line \n\n', 'last line'],
    ['no answer yet #', ''],
    ['', ''],
  ];
  for (const [response, answer] of answers) t.equal(extractAnswer(response), answer, JSON.stringify(response));
});

t.test('exact: letter by letter, but for blanks', async (t) => {
  t.equal(await statusOf('exact', 'x;#68710', '68710'), 'ok');
  t.equal(await statusOf('exact', 'x;# New   York ', ' New York'), 'ok');
  t.equal(await statusOf('exact', 'x;#new york', 'New York'), 'wrong');
  t.equal(await statusOf('exact', 'x;#068710', '68710'), 'wrong');
  t.equal(await statusOf('exact', '68710;', '68710'), 'wrong', 'a response that was cut before its answer');
});

t.test('numeric: forms of one number are equal', async (t) => {
  const equal: [string, string][] = [
    ['1,000', '1000'],
    ['1e3', '1000'],
    ['1000.', '1000'],
    ['$1,000.00', '1000'],
    ['0.5', '1/2'],
    ['\\frac{1}{2}', '.5'],
    ['-3/4', '-0.75'],
    ['\u22125', '-5'],
    ['0.3333333', '1/3'],
    ['05133', '5133'],
    ['0', '-0'],
  ];
  for (const [given, answer] of equal)
    t.equal(await statusOf('numeric', `#${given}`, answer), 'ok', `${given} = ${answer}`);
  const different: [string, string][] = [
    ['1001', '1000'],
    ['12345678', '12345679'],
    ['0.333', '1/3'],
    ['5', '-5'],
    ['1,00', '100'],
    ['1/0', '1'],
    ['1 apple', '1'],
    ['0x10', '16'],
    ['Infinity', '1e999'],
    ['', '0'],
    ['.', '0'],
  ];
  for (const [given, answer] of different) {
    t.not(await statusOf('numeric', `#${given}`, answer), 'ok', `${given} is not ${answer}`);
  }
  t.equal(
    await statusOf('numeric', '#1', 'one'),
    'error',
    'a reference answer that is no number is a failure of the problem',
  );
});

t.test('expression: uses each given number at most once and evaluates exactly to the target', async (t) => {
  const numbers = [3, 3, 8, 8];
  const status = (expression: string, answer = '24') =>
    statusOf('expression', `try\n#${expression}`, answer, { numbers });
  t.equal(await status('8/(3-8/3)'), 'ok', 'exact, where floating point is not');
  t.equal(await status(' 8 \u00f7 ( 3 \u2212 8 \u00f7 3 ) = 24'), 'ok', 'what follows an equals sign is passed over');
  t.equal(await status('3*8'), 'ok', 'not all must be used');
  t.equal(await status('8-3-3', '2'), 'ok', 'from left to right');
  t.equal(await status('8-(3-3)', '8'), 'ok');
  t.equal(await status('8/8*3', '3'), 'ok');
  t.equal(await status('3-8', '-5'), 'ok');
  t.equal(await status('3+3*8', '27'), 'ok', 'multiplication before addition');
  t.equal(await status('8+8+8'), 'wrong', 'a number used too often');
  t.equal(await status('24'), 'wrong', 'a number that is not given');
  t.equal(await status('3*8+3'), 'wrong', 'another value');
  t.equal(await status('8/(3-3)'), 'wrong', 'division by zero');
  for (const text of [
    '',
    '3*',
    '(3*8',
    '3*8)',
    '3**8',
    '3 8',
    '-3',
    '3*-8',
    'process.exit()',
    '3*8;',
    '1e1',
    '3.0*8',
  ]) {
    t.equal(await status(text), 'wrong', `${JSON.stringify(text)} is no expression`);
  }
  t.equal(await status(`${'('.repeat(5000)}3*8${')'.repeat(5000)}`), 'wrong', 'bounded');
  t.equal(await statusOf('expression', '#3*8', '24'), 'error', 'metadata.numbers is missing');
  t.equal(await statusOf('expression', '#3*8', 'x', { numbers }), 'error', 'the target is no number');
});

function scorer(score: Scorer['score']): Scorer {
  return { name: 'test', description: '', metadataSchema: null, score };
}

t.test('a failure is never a reward of zero: timeout and error have no reward', async (t) => {
  const asked = request('test', '', '');
  const slow = scorer(() => new Promise(() => {}));
  t.match(await judge(slow, asked, { timeoutMs: 10, maxAttempts: 3 }, never), {
    trajectoryId: 'run-g0-t0',
    status: 'timeout',
    reward: null,
    detail: /longer than 10 ms/,
  });
  const broken = scorer(async () => {
    throw new TypeError('of undefined');
  });
  t.match(await judge(broken, asked, rules, never), { status: 'error', reward: null, detail: /of undefined/ });
});

t.test('what failed for infrastructure reasons is tried again, a bounded number of times', async (t) => {
  let calls = 0;
  const flaky = (failures: number) =>
    scorer(async () => {
      if (++calls <= failures) throw new SegueError('UNAVAILABLE', 'judge model is away');
      return { status: 'ok', reward: 1, detail: '' };
    });
  t.match(await judge(flaky(2), request('test', '', ''), rules, never), { status: 'ok', reward: 1 });
  t.equal(calls, 3);
  calls = 0;
  t.match(await judge(flaky(9), request('test', '', ''), rules, never), { status: 'error', reward: null });
  t.equal(calls, 3);
  calls = 0;
  const refusing = scorer(async () => {
    calls++;
    throw new SegueError('INVALID_INPUT', 'no');
  });
  await judge(refusing, request('test', '', ''), rules, never);
  t.equal(calls, 1, 'what will not change is not');
});

t.test('a stopping service gives no verdict', async (t) => {
  const stop = new AbortController();
  const waiting = judge(
    scorer(() => new Promise(() => {})),
    request('test', '', ''),
    rules,
    stop.signal,
  );
  stop.abort();
  await t.rejects(waiting, { code: 'CANCELLED' });
});
