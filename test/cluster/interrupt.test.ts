/** Ctrl-C drains and saves; `--resume` goes on; a configuration that contradicts the run is refused. */
import t from 'tap';
import { runSegue, startSegue } from '../support/command.js';
import { writeToyTask } from '../support/toy-task.js';

t.test('an interrupted run goes on where it stopped', async (t) => {
  const { config, problems, data } = await writeToyTask();
  const args = ['run', '--json', '--config', config, '--problems', problems, '--data', data];
  const first = startSegue(args, (line) => {
    if (JSON.parse(line).iteration === 2) first.process.kill('SIGINT');
  });
  const interrupted = await first.ended;
  t.equal(interrupted.code, 130, interrupted.stderr);
  t.ok(interrupted.stderr.includes(`npx segue run --resume run-1 --data ${data}\n`), interrupted.stderr);
  const strange = await runSegue('demo', '--json', '--data', data, '--resume');
  t.match(strange, { code: 2, stderr: /go on with run-1 by segue run --resume/ }, 'the demo leaves it alone');

  const refused = await runSegue('run', '--json', '--data', data, '--resume', '--seed', '9');
  t.equal(refused.code, 2);
  t.match(refused.stderr, /seed is 1 there and 9 here/);

  const resumed = await runSegue('run', '--json', '--data', data, '--resume');
  t.equal(resumed.code, 0, resumed.stderr);
  const summary = JSON.parse(resumed.stdout.trim().split('\n').at(-1) ?? '');
  t.match(summary, { type: 'summary', iterations: 8, state: 'finished' });
  t.ok(
    summary.accuracyAfter - summary.accuracyBefore >= 0.15,
    `accuracy ${summary.accuracyBefore} -> ${summary.accuracyAfter}`,
  );

  const nothing = await runSegue('run', '--data', data, '--resume');
  t.equal(nothing.code, 2);
  t.match(nothing.stderr, /no unfinished run/);
});
