/** The whole loop on a real cluster, from the command line: a small policy learns from its own partial rollouts. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { runSegue } from '../support/command.js';
import { writeToyTask } from '../support/toy-task.js';

t.test('a run from the command line: it learns, spans iterations, and reports as JSON lines', async (t) => {
  const { config, problems, data } = await writeToyTask();
  const { code, stdout, stderr } = await runSegue(
    'run',
    '--json',
    '--config',
    config,
    '--problems',
    problems,
    '--data',
    data,
  );
  t.equal(code, 0, stderr);
  const lines = stdout.trim().split('\n');
  const parsed = lines.map((line) => JSON.parse(line));
  t.strictSame(
    parsed.slice(0, -1).map((line) => [line.type, line.iteration]),
    [0, 1, 2, 3, 4, 5, 6, 7].map((i) => ['iteration', i]),
    'one object per iteration and nothing else before the summary',
  );
  const summary = parsed.at(-1);
  t.match(summary, { type: 'summary', seed: 1, iterations: 8, state: 'finished' });
  t.ok(
    summary.accuracyAfter - summary.accuracyBefore >= 0.15,
    `accuracy ${summary.accuracyBefore} -> ${summary.accuracyAfter}`,
  );
  t.ok(
    summary.spanning / summary.trajectories >= 0.1,
    `${summary.spanning} of ${summary.trajectories} trajectories span iterations`,
  );
  t.ok(summary.logprobDiffMax <= 1e-4, `actor and trainer agree: ${summary.logprobDiffMax}`);
  t.ok(summary.segmentsByEndReason.budget > 0);
  t.ok(summary.tokensReprefilled > 0);
  t.notMatch(stderr, /\n {4}at /, 'no stack trace reaches the person');

  const folder = join(data, 'runs', summary.run);
  t.match(await readFile(join(folder, 'learning.svg'), 'utf8'), /^<svg/);
  t.match(await readFile(join(folder, 'rollouts.svg'), 'utf8'), 'budget: saved, goes on');

  const shown = await runSegue('trajectory', `${summary.run}-g0-t0`, '--data', data);
  t.equal(shown.code, 0, shown.stderr);
  for (const words of ['segment 0', 'version 0', 'log-prob', 'exact:']) t.match(shown.stdout, words);
  const missing = await runSegue('trajectory', `${summary.run}-g99999-t0`, '--data', data);
  t.equal(missing.code, 2);
  t.match(missing.stderr, /^segue: .*g99999/m);
});
