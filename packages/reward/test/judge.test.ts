/** One verdict under a deadline: how it ends, and that nothing of it stays behind in the signal of the process. */
import { getEventListeners } from 'node:events';
import type { ScoreRequest } from '@segue/core';
import t from 'tap';
import { judge } from '../dist/judge.js';
import { right, type Scorer } from '../dist/scorer.js';

const rules = { timeoutMs: 60_000, maxAttempts: 2 };
const request: ScoreRequest = {
  id: 'run-g0-t0',
  scorer: 'test',
  prompt: '1 + 1',
  response: '2',
  answer: '2',
  metadata: {},
};

function scorer(score: Scorer['score']): Scorer {
  return { name: 'test', description: 'for this test', metadataSchema: null, score };
}

/** What the platform notes in a signal of the signals that were derived from it. */
function derived(signal: AbortSignal): number {
  const symbol = Object.getOwnPropertySymbols(signal).find(({ description }) => description === 'kDependantSignals');
  const set: unknown = symbol === undefined ? null : Reflect.get(signal, symbol);
  // A set without the prototype of sets.
  return typeof set === 'object' && set !== null && 'size' in set ? Number(set.size) : 0;
}

t.test('verdicts leave nothing behind in the signal that stops the service', async (t) => {
  const { signal } = new AbortController();
  const own = AbortSignal.any([signal]);
  t.equal(derived(signal), 1, 'this test sees what it looks for');
  for (let i = 0; i < 100; i++)
    await judge(
      scorer(async () => right('')),
      request,
      rules,
      signal,
    );
  t.equal(derived(signal), 1);
  t.notOk(own.aborted);
  t.equal(getEventListeners(signal, 'abort').length, 0);
});

t.test('a scorer that hangs is told that time is up, and the verdict says so', async (t) => {
  const { signal } = new AbortController();
  let isTold = false;
  const hangs = scorer((_, end) => new Promise(() => end.addEventListener('abort', () => (isTold = true))));
  const score = await judge(hangs, request, { ...rules, timeoutMs: 20 }, signal);
  t.match(score, { status: 'timeout', reward: null, detail: /longer than 20 ms/ });
  t.ok(isTold);
  t.equal(getEventListeners(signal, 'abort').length, 0);
});

t.test('a service that stops gives no verdict', async (t) => {
  const stop = new AbortController();
  let isTold = false;
  const hangs = scorer((_, end) => new Promise(() => end.addEventListener('abort', () => (isTold = true))));
  const judging = judge(hangs, request, rules, stop.signal);
  stop.abort();
  await t.rejects(judging, { code: 'CANCELLED' });
  t.ok(isTold);
  await t.rejects(judge(hangs, request, rules, stop.signal), { code: 'CANCELLED' }, 'one that has stopped before');
});
