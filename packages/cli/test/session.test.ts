/**
 * A run that is interrupted: it is at rest when the command ends, however long its phase lasts, a person sees what is waited for, and one that was not started yet is
 * not. Over a controller of a few lines; it starts no cluster.
 */
import { SegueError } from '@segue/core';
import t from 'tap';
import { runView, startController } from '../../client/test/support/controller.js';
import { pauseUntilAtRest } from '../dist/run/pause.js';
import { followRun } from '../dist/run/session.js';

const said: string[] = [];
const reporter = { update: () => {}, say: (text: string) => void said.push(text), finish: () => {}, close: () => {} };
const run = runView('r', 'paused');

const interrupted = { signal: AbortSignal.abort(), requested: true };

t.test('a phase that outlasts the calls is waited for', async (t) => {
  const failures: SegueError[] = [];
  let asked = 0;
  let begun = 0;
  const { client } = await startController(t, {
    resumeRun: async () => {
      begun++;
      return run;
    },
    pauseRun: async () => {
      asked++;
      const failure = failures.shift();
      if (failure) throw failure;
      return run;
    },
  });
  const input = { client, runId: 'r', reporter, interrupt: interrupted, folder: '', startedAtMs: 0 };
  const follow = () => followRun(input);
  const late = new SegueError('DEADLINE_EXCEEDED', 'the run trains');
  failures.push(late, late);
  t.equal(await follow(), null);
  t.equal(asked, 3, 'until it is at rest');
  t.equal(begun, 0, 'nor is a run begun after an interrupt');
  t.strictSame(said, ['waiting for run r to come to rest']);
  failures.push(late, new SegueError('PERMISSION_DENIED', 'not yours'));
  await t.rejects(follow(), { code: 'PERMISSION_DENIED' }, 'other failures are final');
  t.equal(asked, 5);
});

t.test('a wait is told at once and now and then, until it is over', async (t) => {
  const told: string[] = [];
  let arrive = () => {};
  const rests = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const tell = (text: string) => {
    told.push(text);
    if (told.length === 3) arrive();
  };
  const pauseRun = async () => {
    await rests;
    return run;
  };
  await pauseUntilAtRest({ pauseRun }, 'r', { tell, tellEveryMs: 1 });
  t.match(told, ['waiting for run r to come to rest', /^waiting for run r .* s\): a training phase/, /s\)/]);
  const cut = async () => Promise.reject(new SegueError('CANCELLED', 'interrupted'));
  await t.rejects(pauseUntilAtRest({ pauseRun }, 'r', { tell, cut }), { code: 'CANCELLED' });
});

t.test('what ends the wait ends it, whatever its code is', async (t) => {
  const pauseRun = () => new Promise<typeof run>(() => {});
  let cuts = 0;
  // Taken for a call that was too short, it would be asked again for ever; here once.
  const cut = async <T>(work: Promise<T>) => {
    if (++cuts > 1) throw new SegueError('INTERNAL', 'asked again');
    void work;
    throw new SegueError('DEADLINE_EXCEEDED', 'trainer was not ready after 60000 ms');
  };
  await t.rejects(pauseUntilAtRest({ pauseRun }, 'r', { tell: () => {}, cut }), { code: 'DEADLINE_EXCEEDED' });
  t.equal(cuts, 1);
});
