/** The waits by themselves: when one is told, and to whom it is of concern. */
import t from 'tap';
import { Waits } from '../dist/waits.js';

t.test('a wait is told again only after twice the time, and anew when it moves', async (t) => {
  const waits = new Waits();
  const wait = waits.begin('segments', 'actor-1', 3);
  const begin = wait.sinceMs;
  t.strictSame(waits.overdue(100, begin + 99), []);
  t.match(waits.overdue(100, begin + 100), [{ what: 'segments', from: 'actor-1', count: 3, sinceMs: begin }]);
  t.strictSame(waits.overdue(100, begin + 199), []);
  t.equal(waits.overdue(100, begin + 200).length, 1);
  wait.count = 2;
  t.strictSame(waits.overdue(100, wait.sinceMs + 99), []);
  t.equal(waits.overdue(100, wait.sinceMs + 100).length, 1);
  wait.count = 0;
  t.strictSame(waits.list(), [], 'nothing is waited for');
  wait.end();
  await t.rejects(waits.during('scores', 'reward', Promise.reject(new Error('no'))));
  t.strictSame(waits.list(), []);
});

t.test('a run that waits for its turn is told so at once, and nobody else is', async (t) => {
  const waits = new Waits();
  const wait = waits.begin('turn', 'run-a', 1, 'run-b');
  const begin = wait.sinceMs;
  t.match(waits.overdue(100, begin), [{ what: 'turn', from: 'run-a', run: 'run-b' }]);
  t.strictSame(waits.overdue(100, begin + 99), [], 'then as seldom as any other');
  t.equal(waits.overdue(100, begin + 100).length, 1);
  wait.from = 'run-c';
  t.strictSame(
    waits.list('run-b').map(({ from }) => from),
    ['run-c'],
  );
  t.strictSame(waits.list('run-c'), []);
  t.equal(waits.list().length, 1);
});
