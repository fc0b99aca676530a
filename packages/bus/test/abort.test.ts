/** Waiting that a signal ends leaves nothing behind: neither in the signal, which may live as long as the process, nor of the values that came by. */
import { getEventListeners, setMaxListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { firstOf, untilAborted } from '@segue/bus';
import { SegueError } from '@segue/core';
import t from 'tap';
import { LateSignal } from '../dist/abort.js';

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

/** Objects that are known to nobody but the stream that gives them. */
async function* values(count: number, seen: WeakRef<object>[]): AsyncGenerator<object> {
  for (let i = 0; i < count; i++) {
    await turn();
    const value = { number: i };
    seen.push(new WeakRef(value));
    yield value;
  }
}

t.test('a stream that goes on keeps none of the values that it gave', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const end = new AbortController();
  const seen: WeakRef<object>[] = [];
  const stream = untilAborted(values(1_000, seen), end.signal);
  for (let i = 0; i < 900; i++) await stream.next();
  t.equal(listeners(end.signal), 1);
  await turn();
  collect();
  const kept = seen.filter((value) => value.deref() !== undefined).length;
  t.ok(kept < 10, `${kept} of 900 are kept`);
  end.abort();
  t.same(await stream.next(), { done: true, value: undefined });
  t.equal(listeners(end.signal), 0);
});

t.test('a signal that fires while nothing comes ends the stream', async (t) => {
  const end = new AbortController();
  let isEnded = false;
  const silent: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        isEnded = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const next = untilAborted(silent, end.signal).next();
  await turn();
  end.abort();
  t.same(await next, { done: true, value: undefined });
  t.ok(isEnded, 'the source hears of it');
  t.same(await untilAborted(silent, end.signal).next(), { done: true, value: undefined }, 'one that has fired before');
});

t.test('what the source throws reaches the reader', async (t) => {
  const { signal } = new AbortController();
  async function* broken(): AsyncGenerator<number> {
    yield 1;
    throw new Error('the source is broken');
  }
  const stream = untilAborted(broken(), signal);
  t.equal((await stream.next()).value, 1);
  await t.rejects(stream.next(), { message: 'the source is broken' });
  t.equal(listeners(signal), 0);
});

t.test('the first of several signals fires with the reason of the one that fired', async (t) => {
  const [a, b] = [new AbortController(), new AbortController()];
  setMaxListeners(0, a.signal);
  const { signal } = firstOf(a.signal, b.signal);
  b.abort('enough');
  t.equal(signal.reason, 'enough');
  t.equal(listeners(a.signal), 0, 'the other one is let go of');
  t.equal(firstOf(a.signal, b.signal).signal.reason, 'enough', 'one that has fired before');
  for (let i = 0; i < 100; i++) firstOf(a.signal, new AbortController().signal).release();
  t.equal(listeners(a.signal), 0);
});

t.test('a signal that is made late has fired, if it should have, with its reason', async (t) => {
  const reason = new SegueError('CANCELLED', 'it is over');
  const before = new LateSignal(reason);
  let heard = 0;
  before.signal.addEventListener('abort', () => void heard++);
  t.notOk(before.signal.aborted);
  before.fire();
  before.fire();
  t.equal(heard, 1);
  const after = new LateSignal(reason);
  after.fire();
  for (const { signal } of [before, after]) {
    t.ok(signal.aborted);
    t.equal(signal.reason, reason);
  }
});
