/** Which run a command goes on with, what rests meanwhile, and the command that a person is told after Ctrl-C. Fakes of a few lines; it starts no cluster. */
import { parseRunConfig, type RunView, SegueError } from '@segue/core';
import t from 'tap';
import { runSegue } from '../../../test/support/command.js';
import { runView } from '../../client/test/support/controller.js';
import { type LocalRunFlags, resumeLine } from '../dist/commands/options.js';
import { demoSizes } from '../dist/demo/runs.js';
import type { Interrupt } from '../dist/run/interrupt.js';
import { chooseRun, refuseContradiction } from '../dist/run/resume.js';
import { nextRunId } from '../dist/run/run-ids.js';
import { type RunWanted, takeUpRun } from '../dist/run/take-up.js';

const run = (id: string, state: RunView['state'], createdAtMs: number, problems: Partial<RunView> = {}): RunView => ({
  ...runView(id, state),
  createdAtMs,
  configJson: '{"seed":2}',
  ...problems,
});
const demo = {
  evaluationProblems: demoSizes.heldOut,
  trainProblems: demoSizes.train,
  warmupProblems: demoSizes.warmup,
};
/** It was cut off between its batches. */
const halfDemo = { ...demo, trainProblems: 0, warmupProblems: 0 };
const runs = [
  run('demo-1', 'paused', 1, halfDemo),
  run('demo-2', 'running', 2, demo),
  run('demo-3', 'finished', 3, demo),
  run('run-1', 'paused', 4),
  run('demo-mine-1', 'running', 5),
  run('run-2', 'stopped', 6),
];
const byDemo = { command: 'demo', base: 'demo' } as const;
const byRun = { command: 'run', base: 'run' } as const;

t.test(
  'each command goes on with its own runs, the newest unfinished one of its name or the one that is given',
  async (t) => {
    t.equal(chooseRun(runs, null, byDemo).id, 'demo-2');
    t.equal(chooseRun(runs, null, byRun).id, 'run-1', 'no other name, however new');
    t.equal(chooseRun(runs, null, { ...byRun, base: 'demo-mine' }).id, 'demo-mine-1');
    t.equal(chooseRun(runs, 'demo-1', byDemo).id, 'demo-1');
    t.equal(chooseRun(runs, 'run-1', byRun).id, 'run-1');
    t.throws(() => chooseRun(runs, 'demo-3', byDemo), { code: 'FAILED_PRECONDITION', message: /demo-3 is finished/ });
    t.throws(() => chooseRun(runs, 'demo-9', byDemo), { code: 'NOT_FOUND' });
    t.throws(() => chooseRun([], null, byRun), { code: 'NOT_FOUND', message: /start one without --resume/ });
    t.throws(() => chooseRun(runs, 'run-1', byDemo), {
      code: 'FAILED_PRECONDITION',
      message: /run-1 is none of segue demo: go on with it by segue run --resume run-1/,
    });
    t.throws(() => chooseRun(runs, 'demo-1', byRun), { message: /segue demo --resume demo-1/ });
    t.throws(() => chooseRun(runs.slice(3), null, byDemo), {
      code: 'NOT_FOUND',
      message:
        /no unfinished run of segue demo is called demo-<n>; go on with demo-mine-1 by segue run --resume demo-mine-1/,
    });
    t.equal(nextRunId(runs, 'demo'), 'demo-4');
    const named = await runSegue('run', '--name', 'demo', '--problems', 'none.jsonl');
    t.match(named, { code: 2, stderr: /those of segue demo/ }, 'no other run gets a name of the demo');
  },
);

t.test("problems go into no run of another name, and the demo's into none of a client", (t) => {
  const interrupted = [run('math-1', 'paused', 1), run('code-1', 'paused', 2), run('math-a-1', 'running', 3)];
  t.equal(chooseRun(interrupted, null, { ...byRun, base: 'math' }).id, 'math-1');
  t.throws(() => chooseRun(interrupted, null, byRun), {
    code: 'NOT_FOUND',
    message: /no unfinished run of segue run is called run-<n>; go on with math-a-1 by segue run --resume math-a-1/,
  });
  const ofClient = run('demo-7', 'paused', 7, { trainProblems: 3 });
  t.equal(chooseRun([...runs, ofClient], null, byDemo).id, 'demo-2');
  t.throws(() => chooseRun([ofClient], 'demo-7', byDemo), { message: /none of segue demo.*segue run --resume demo-7/ });
  t.equal(chooseRun([ofClient], 'demo-7', byRun).id, 'demo-7');
  t.end();
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

t.test('all other runs come to rest, which is told, for a new run and for one that goes on', async (t) => {
  let told: string[] = [];
  let interrupt: Pick<Interrupt, 'cut'> = { cut: (work) => work };
  const take = async (wanted: Pick<RunWanted, 'command' | 'base' | 'resume' | 'asked'>) => {
    const paused: string[] = [];
    told = [];
    const client = {
      listRuns: async () => runs,
      pauseRun: async (id: string) => {
        paused.push(id);
        return run(id, 'paused', 1);
      },
    };
    const config = parseRunConfig({ seed: 7 }, 'x');
    const tell = (text: string) => void told.push(text);
    const taken = await takeUpRun(client, { config, ...wanted }, tell, interrupt).catch((e: Error) => e.message);
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
  t.strictSame(told, []);
  await take(named);
  t.strictSame(
    told,
    [2, 'mine-1'].map((name) => `waiting for run demo-${name} to come to rest`),
  );
  let cuts = 0;
  interrupt = {
    cut: (work) => (++cuts < 2 ? work : Promise.reject(new SegueError('CANCELLED', 'interrupted'))),
  };
  t.match(await take(demo), { taken: /interrupted/, paused: ['demo-2'] }, 'an interrupt ends the wait');
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
