/** The watch over an engine's calls: whose clock runs when several are under way, and what a hang does to the others. */
import { mock } from 'node:test';
import { SegueError } from '@segue/core';
import t from 'tap';
import { WatchedEngine } from '../dist/watched-engine.js';
import { FakeEngine } from './support/fakes.js';

/** Answers each call when the test says so. */
class SlowEngine extends FakeEngine {
  readonly answers: (() => void)[] = [];

  #later<T>(value: T): Promise<T> {
    return new Promise((resolve) => this.answers.push(() => resolve(value)));
  }
  override generateChunk() {
    const report = { finished: [], ids: [], running: 0, rows: 0, tokens: 0, steps: 0 };
    return this.#later({ ...report, durationMs: 0, prefillMs: 0, loopMs: 0 });
  }
  override cut() {
    return this.#later([]);
  }
}

t.test('the clock runs for the call that the engine performs: one that waits for others is not late', async (t) => {
  const engine = new SlowEngine(1);
  let nowMs = 0;
  const watched = new WatchedEngine(engine, { timeoutMs: 60_000, nowMs: () => nowMs });
  t.equal(watched.call, null);
  const chunks = [watched.generateChunk(), watched.generateChunk()];
  nowMs = 100;
  const cut = watched.cut();
  t.strictSame(watched.call, { name: 'generateChunk', ageMs: 100 });
  engine.answers[0]!();
  await chunks[0];
  nowMs = 130;
  t.strictSame(watched.call, { name: 'cut', ageMs: 30 }, 'it passes the chunk that has not begun');
  engine.answers[2]!();
  await cut;
  t.strictSame(watched.call, { name: 'generateChunk', ageMs: 0 });
  engine.answers[1]!();
  await chunks[1];
  t.equal(watched.call, null);
});

t.test('a chunk whose turn it is, but that lets another call pass, is not late for the time of that one', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const watch = () => {
    let nowMs = 0;
    const watched = new WatchedEngine(new SlowEngine(1), { timeoutMs: 60_000, nowMs: () => nowMs });
    const call = (name: 'generateChunk' | 'cut') => void watched[name]().catch(() => undefined);
    const pass = (ms: number) => {
      nowMs += ms;
      mock.timers.tick(ms);
    };
    return { watched, call, pass };
  };
  const passed = watch();
  passed.call('generateChunk');
  passed.pass(900);
  passed.call('cut');
  passed.pass(59_500);
  t.equal(passed.watched.hung, null, 'the cut may have taken 59.5 s');
  passed.pass(500);
  t.match(passed.watched.hung, { message: /generateChunk has not come back/ }, 'no longer than that');

  const running = watch();
  running.call('generateChunk');
  running.pass(1_100);
  running.call('cut');
  running.pass(58_900);
  t.match(running.watched.hung, { code: 'DEADLINE_EXCEEDED' }, 'a chunk that runs is late in its time, whatever waits');
  t.end();
});

t.test('a hang answers every call that waits behind it, and every later one', async (t) => {
  const watched = new WatchedEngine(new SlowEngine(1), { timeoutMs: 5, nowMs: () => 0 });
  const calls: Promise<unknown>[] = [watched.generateChunk(), watched.generateChunk(), watched.cut()];
  const message = /the engine hangs: generateChunk has not come back after 5 ms/;
  for (const call of calls) await t.rejects(call, { code: 'DEADLINE_EXCEEDED', message });
  await t.rejects(watched.status(), { message });
  t.match(watched.hung, { message });
  t.equal(watched.call?.name, 'generateChunk', 'what hangs goes on being waited for');
});

t.test('what an engine leaves behind when it stops fails, and no clock runs for it', async (t) => {
  const watched = new WatchedEngine(new SlowEngine(1), { timeoutMs: 60_000, nowMs: () => 0 });
  const left = watched.generateChunk();
  left.catch(() => undefined);
  await watched.stop();
  await t.rejects(left, { code: 'UNAVAILABLE', message: /stopped before generateChunk/ });
  t.equal(watched.call, null);
  t.equal(watched.hung, null);
});

t.test('a call that throws at once fails, and nothing is waited for', async (t) => {
  class Throwing extends FakeEngine {
    override status(): never {
      throw new SegueError('INTERNAL', 'thrown at once');
    }
  }
  const engine = new WatchedEngine(new Throwing(1), { timeoutMs: 60_000, nowMs: () => 0 });
  await t.rejects(engine.status(), { message: /thrown at once/ });
  t.equal(engine.call, null);
});
