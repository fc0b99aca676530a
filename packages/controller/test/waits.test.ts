/** The waits by themselves: when one is told, to whom it is of concern, and who is named. */
import t from 'tap';
import { Owners } from '../dist/owners.js';
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

t.test('who owes what is waited for: by their own word, and who is silent by the last one', async (t) => {
  const owners = new Owners();
  const says = (id: string, trajectoryIds: string[] | null) => ({
    actor: { id },
    status:
      trajectoryIds === null
        ? null
        : {
            actorId: id,
            runId: 'r',
            policyVersion: 0,
            slots: 4,
            running: trajectoryIds.length,
            trajectoryIds,
            draining: false,
            device: 'cpu',
            generatedTokens: 0,
            reprefilledTokens: 0,
            flushedIteration: null,
            engineCall: '',
            engineCallMs: 0,
            policyRunId: 'r',
            refusedRuns: [],
          },
  });
  t.equal(owners.of(['a']), 'queue or lost lease: 1', 'nobody was asked yet');
  owners.note([says('actor-0', ['a', 'b', 'x']), says('actor-1', ['c'])]);
  t.equal(owners.of(['a', 'b', 'c', 'd']), 'actor-0: 2, actor-1: 1, queue or lost lease: 1');
  owners.note([says('actor-0', ['b']), says('actor-1', null), says('actor-2', null)]);
  t.equal(owners.of(['b', 'c']), 'actor-0: 1, actor-1: 1 (does not answer), actor-2 (does not answer)');
  owners.note(Array.from({ length: 9 }, (_, i) => says(`actor-${i}`, [`t${i}`])));
  t.match(owners.of(Array.from({ length: 9 }, (_, i) => `t${i}`)), /actor-5: 1, 3 actors more$/);
});
