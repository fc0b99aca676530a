/** What a soak does, and what it watches over: five pieces of work come again and again; that a run begins and goes on. While it rests between two runs nothing is late. */
import t from 'tap';
import { look, work } from '../../scripts/soak/soak.mjs';

/** Before this process began: whatever `work` does not set anew has been late for long. */
const longAgoMs = -3_600_000;

/** A cluster that does each run at once, but does not answer when the run `refused` is to be created, nor when `endless` is waited for. */
function cluster({ refused = '', endless = '' }) {
  const over = new AbortController();
  const ended = new Promise<void>((resolve) => over.signal.addEventListener('abort', () => resolve()));
  const asked = new Map<string, () => void>();
  const seeds: number[] = [];
  /** Of each run, its problems as text. */
  const problems: string[] = [];
  const hear = (what: string, isAnswered: boolean) => {
    asked.get(what)?.();
    return isAnswered ? Promise.resolve() : ended;
  };
  const client = {
    createRun: (runId: string, { seed }: { seed: number }) => {
      seeds.push(seed);
      return hear(`create ${runId}`, runId !== refused);
    },
    submitProblems: async (_runId: string, _batchId: string, submitted: readonly object[]) => {
      problems.push(JSON.stringify(submitted));
    },
    resumeRun: async () => {},
    getRun: async () => ({ iterations: 0 }),
    status: async () => ({ waiting: ['rollout'] }),
    waitForRun: (runId: string) => hear(`wait ${runId}`, runId !== endless),
  };
  const seen = { runs: 0, beginning: null, runId: '', iterations: 0, changedAtMs: longAgoMs, isResting: true };
  /** Works until it has asked for this. */
  const workUntil = async (what: string, runMs: number) => {
    const heard = new Promise<void>((resolve) => asked.set(what, resolve));
    const working = work(client, { seed: 1, iterations: 1, runMs, seen, signal: over.signal });
    await heard;
    await new Promise(setImmediate);
    return async () => {
      over.abort();
      await working;
    };
  };
  return { seeds, problems, workUntil, look: (stuckAfterMs: number) => look(client, seen, stuckAfterMs) };
}

for (const runId of ['soak-0', 'soak-1']) {
  t.test(`${runId} cannot be begun`, async (t) => {
    const { workUntil, look } = cluster({ refused: runId });
    const end = await workUntil(`create ${runId}`, 0);
    await look(600_000);
    await t.rejects(look(0), { message: `run ${runId} could not be begun for 0 ms` });
    await end();
  });
}

t.test('a run that has begun and has no iteration', async (t) => {
  const { workUntil, look } = cluster({ endless: 'soak-1' });
  const end = await workUntil('wait soak-1', 0);
  await look(600_000);
  await t.rejects(look(0), {
    message: /^run soak-1 stands still in iteration 0 for 0 ms; it waits for \["rollout"\]$/,
  });
  await end();
});

t.test('between two runs nothing is late', async (t) => {
  const { workUntil, look } = cluster({});
  const end = await workUntil('wait soak-0', 600_000);
  await t.resolves(look(0));
  await end();
});

t.test('five pieces of work come again and again', async (t) => {
  const { workUntil, seeds, problems } = cluster({ endless: 'soak-11' });
  const end = await workUntil('wait soak-11', 0);
  t.strictSame(seeds, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2]);
  t.ok(problems[5] === problems[0] && problems[11] === problems[1], 'their problems too');
  t.equal(new Set(problems).size, 5);
  await end();
});
