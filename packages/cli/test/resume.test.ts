/** Which run a command goes on with, what rests meanwhile, and the command that a person is told after Ctrl-C. Fakes of a few lines; it starts no cluster. */
import { parseRunConfig, type RunView } from '@segue/core';
import t from 'tap';
import { runSegue } from '../../../test/support/command.js';
import { runView } from '../../client/test/support/controller.js';
import { type LocalRunFlags, resumeLine } from '../dist/commands/options.js';
import { chooseRun, nextRunId, refuseContradiction } from '../dist/run/resume.js';
import { type RunWanted, takeUpRun } from '../dist/run/take-up.js';

const run = (id: string, state: RunView['state'], createdAtMs: number): RunView => ({
  ...runView(id, state),
  createdAtMs,
  configJson: '{"seed":2}',
});
const runs = [
  run('demo-1', 'paused', 1),
  run('demo-2', 'running', 2),
  run('demo-3', 'finished', 3),
  run('run-1', 'paused', 4),
  run('demo-mine-1', 'running', 5),
  run('run-2', 'stopped', 6),
];

t.test('each command goes on with its own runs, the newest unfinished one or the one that is named', async (t) => {
  t.equal(chooseRun(runs, null, 'demo').id, 'demo-2');
  t.equal(chooseRun(runs, null, 'run').id, 'demo-mine-1');
  t.equal(chooseRun(runs, 'demo-1', 'demo').id, 'demo-1');
  t.equal(chooseRun(runs, 'run-1', 'run').id, 'run-1');
  t.throws(() => chooseRun(runs, 'demo-3', 'demo'), { code: 'FAILED_PRECONDITION', message: /demo-3 is finished/ });
  t.throws(() => chooseRun(runs, 'demo-9', 'demo'), { code: 'NOT_FOUND' });
  t.throws(() => chooseRun([], null, 'run'), { code: 'NOT_FOUND', message: /start one without --resume/ });
  t.throws(() => chooseRun(runs, 'run-1', 'demo'), {
    code: 'FAILED_PRECONDITION',
    message: /run-1 is none of segue demo: go on with it by segue run --resume run-1/,
  });
  t.throws(() => chooseRun(runs, 'demo-1', 'run'), { message: /segue demo --resume demo-1/ });
  t.throws(() => chooseRun(runs.slice(3), null, 'demo'), {
    code: 'NOT_FOUND',
    message: /go on with demo-mine-1 by segue run --resume/,
  });
  t.equal(nextRunId(runs, 'demo'), 'demo-4');
  const named = await runSegue('run', '--name', 'demo', '--problems', 'none.jsonl');
  t.match(named, { code: 2, stderr: /those of segue demo/ }, 'no other run gets a name of the demo');
});

t.test('a configuration that contradicts the run is refused', async (t) => {
  const began = parseRunConfig({ seed: 2 }, 'x');
  t.doesNotThrow(() =>
    refuseContradiction('demo-2', began, { seed: 2, rollout: { groupSize: began.rollout.groupSize } }),
  );
  t.throws(() => refuseContradiction('demo-2', began, { rollout: { groupSize: 3 } }), {
    code: 'INVALID_CONFIG',
    message: /rollout\.groupSize is 8 there and 3 here/,
  });
});

t.test('all other runs come to rest, for a new run and for one that goes on', async (t) => {
  const take = async (wanted: Pick<RunWanted, 'command' | 'base' | 'resume' | 'asked'>) => {
    const paused: string[] = [];
    const client = {
      listRuns: async () => runs,
      pauseRun: async (id: string) => {
        paused.push(id);
        return run(id, 'paused', 1);
      },
    };
    const config = parseRunConfig({ seed: 7 }, 'x');
    const taken = await takeUpRun(client, { config, ...wanted }).catch((error: Error) => error.message);
    return { taken, paused };
  };
  const demo = { command: 'demo', base: 'demo', asked: {} } as const;
  t.match(await take(demo), { taken: { id: 'demo-4', config: { seed: 7 } }, paused: ['demo-2', 'demo-mine-1'] });
  t.match(await take({ ...demo, resume: true }), {
    taken: { id: 'demo-2', config: { seed: 2 } },
    paused: ['demo-mine-1'],
  });
  const named = { ...demo, resume: 'demo-1' };
  t.match(await take(named), { taken: { id: 'demo-1' }, paused: ['demo-2', 'demo-mine-1'] });
  t.match(await take({ ...named, asked: { seed: 3 } }), { taken: /seed is 2 there/, paused: [] }, 'refused: untouched');
});

t.test('the command that goes on names the run, its folder and its cluster', async (t) => {
  const flags: LocalRunFlags = {
    data: '.segue',
    deployment: 'disaggregated',
    device: 'cpu',
    precision: 'float32',
    partial: true,
    set: ['iterations=3'],
    seed: 2,
  };
  t.equal(resumeLine('demo', 'demo-1', flags), 'segue demo --resume demo-1', 'the run remembers its configuration');
  const other: LocalRunFlags = { ...flags, data: "/d/anna's", device: 'cuda', actors: 3, secure: true };
  t.equal(
    resumeLine('run', 'run-1', other),
    "segue run --resume run-1 --data '/d/anna'\\''s' --device cuda --actors 3 --secure",
  );
});
