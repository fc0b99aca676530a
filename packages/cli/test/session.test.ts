/** The end of a run that is interrupted: it is at rest when the command ends, however long its phase lasts. Over a controller of a few lines; it starts no cluster. */
import { SegueError } from '@segue/core';
import t from 'tap';
import { runView, startController } from '../../client/test/support/controller.js';
import { followRun } from '../dist/run/session.js';

const reporter = { update: () => {}, say: () => {}, finish: () => {}, close: () => {} };
const run = runView('r', 'paused');

t.test('a phase that outlasts the calls is waited for', async (t) => {
  const failures: SegueError[] = [];
  let asked = 0;
  const { client } = await startController(t, {
    resumeRun: async () => run,
    pauseRun: async () => {
      asked++;
      const failure = failures.shift();
      if (failure) throw failure;
      return run;
    },
  });
  const interrupt = { signal: AbortSignal.abort(), requested: true };
  const follow = () => followRun({ client, runId: 'r', reporter, interrupt, folder: '', startedAtMs: 0 });
  const late = new SegueError('DEADLINE_EXCEEDED', 'the run trains');
  failures.push(late, late);
  t.equal(await follow(), null);
  t.equal(asked, 3, 'until it is at rest');
  failures.push(late, new SegueError('PERMISSION_DENIED', 'not yours'));
  await t.rejects(follow(), { code: 'PERMISSION_DENIED' }, 'other failures are final');
  t.equal(asked, 5);
});
