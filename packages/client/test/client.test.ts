/** The client over a real gRPC server with a controller of a few lines: watching across its death, handing problems over, waiting for a run. */
import type { Handlers } from '@segue/bus';
import {
  type ControllerApi,
  type ErrorCode,
  type ProblemInput,
  type RunView,
  SegueError,
  type StoredEvent,
} from '@segue/core';
import t from 'tap';
import { watchEvents } from '../dist/watch.js';
import { type Changes, runView, startController } from './support/controller.js';

const run = runView('r', 'finished');

const event = (sequence: number): StoredEvent => ({
  sequence,
  kind: 'phase',
  bodyJson: JSON.stringify({ number: sequence }),
  atMs: sequence,
});

/** Tells the events up to `last`, then ends as a run at rest does, or stays silent until the caller or the server goes. */
function tell(last: number, rest: boolean, seen: { fromStart: boolean; afterSequence: number }[] = []) {
  const watchRun: Handlers<ControllerApi>['watchRun'] = async function* ({ fromStart, afterSequence }, { signal }) {
    seen.push({ fromStart, afterSequence });
    for (let sequence = afterSequence + 1; sequence <= last; sequence++) yield event(sequence);
    if (rest || signal.aborted) return;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  };
  return { watchRun };
}

t.test('a watch outlives the controller: nothing is missed and nothing comes twice', async (t) => {
  const asked: { fromStart: boolean; afterSequence: number }[] = [];
  const controller = await startController(t, tell(3, false, asked));
  const sequences: number[] = [];
  for await (const { sequence, body } of controller.client.watchRun('r', { fromStart: true })) {
    sequences.push(sequence);
    t.strictSame(body, { number: sequence });
    if (sequence === 3) await controller.dieAndReturn(tell(5, false, asked));
    if (sequence === 5) await controller.dieAndReturn(tell(6, true, asked));
  }
  t.strictSame(sequences, [1, 2, 3, 4, 5, 6]);
  t.strictSame(asked, [
    { fromStart: true, afterSequence: 0 },
    { fromStart: false, afterSequence: 3 },
    { fromStart: false, afterSequence: 5 },
  ]);
});

t.test('a controller that repeats itself after its return is not repeated to the user', async (t) => {
  const controller = await startController(t, tell(3, false));
  const repeating: Changes = {
    async *watchRun() {
      for (let sequence = 1; sequence <= 4; sequence++) yield event(sequence);
    },
  };
  const sequences: number[] = [];
  for await (const { sequence } of controller.client.watchRun('r')) {
    sequences.push(sequence);
    if (sequence === 3) await controller.dieAndReturn(repeating);
  }
  t.strictSame(sequences, [1, 2, 3, 4]);
});

t.test('a watch gives up when its patience is over, and at once when the run is unknown', async (t) => {
  let failure = new SegueError('UNAVAILABLE', 'stopping');
  const controller = await startController(t, {
    async *watchRun({ runId }) {
      if (runId !== 'r') throw new SegueError('NOT_FOUND', `no run ${runId}`);
      yield event(1);
      throw failure;
    },
  });
  const watch = async (runId: string) => {
    for await (const _ of controller.client.watchRun(runId, { patienceMs: -1 }));
  };
  await t.rejects(watch('r'), { code: 'UNAVAILABLE', rawMessage: 'stopping' });
  failure = new SegueError('DEADLINE_EXCEEDED', 'the store stalls');
  await t.rejects(watch('r'), { code: 'DEADLINE_EXCEEDED', rawMessage: 'the store stalls' });
  await t.rejects(watch('other'), { code: 'NOT_FOUND', rawMessage: 'no run other' });
});

t.test('a watch outlives calls that run out of time, as long as there is contact in between', async (t) => {
  const minute = 60_000;
  let nowMs = 0;
  t.intercept(Date, 'now', { value: () => nowMs });
  /** Calls that stay open for so long, and fail; the last one tells of the run's end. */
  const watch = async (...calls: readonly { minutes: number; code: ErrorCode; event?: number }[]) => {
    const left = [...calls];
    const sequences: number[] = [];
    const watchRun = async function* (): AsyncGenerator<StoredEvent> {
      const call = left.shift();
      if (call === undefined) {
        yield event(9);
        return;
      }
      nowMs += call.minutes * minute;
      if (call.event !== undefined) yield event(call.event);
      throw new SegueError(call.code, 'this call is over');
    };
    for await (const { sequence } of watchEvents({ watchRun }, 'r', { fromStart: true })) sequences.push(sequence);
    return sequences;
  };
  const day = { minutes: 24 * 60, code: 'DEADLINE_EXCEEDED' } as const;
  const cut = { minutes: 10, code: 'UNAVAILABLE' } as const;
  t.strictSame(await watch(day, day, cut), [9], 'calls that were open for long had reached somebody');
  const stalled = { minutes: 0.55, code: 'DEADLINE_EXCEEDED' } as const;
  t.strictSame(await watch(stalled, { ...stalled, event: 1 }, stalled), [1, 9], 'what comes begins a new patience');
  await t.rejects(watch(stalled, stalled, stalled), { code: 'DEADLINE_EXCEEDED' }, 'a stall that lasts does not go by');
  // The controller's own listing of events has two minutes.
  const slow = { minutes: 2.1, code: 'DEADLINE_EXCEEDED' } as const;
  await t.rejects(watch(slow, slow, slow), { code: 'DEADLINE_EXCEEDED' }, 'nor does one that ends each listing');
  t.strictSame(await watch(slow, { ...slow, minutes: 12 }), [9], 'one that had listed them before begins anew');
});

t.test('a watch from now on that breaks off before its first event goes on from where it began', async (t) => {
  const watch = async (beganAfter: number, ...events: number[]) => {
    const asked: object[] = [];
    const watchRun = async function* (request: object): AsyncGenerator<StoredEvent> {
      asked.push(request);
      if (asked.length > 1) return yield* events.map(event);
      yield { ...event(beganAfter), kind: 'position' };
      throw new SegueError('UNAVAILABLE', 'the controller is gone');
    };
    const sequences: number[] = [];
    for await (const { sequence } of watchEvents({ watchRun }, 'r')) sequences.push(sequence);
    return { asked, sequences };
  };
  const { asked, sequences } = await watch(7, 8, 9);
  t.strictSame(sequences, [8, 9]);
  t.strictSame(asked, [
    { runId: 'r', fromStart: false, afterSequence: 0, tellPosition: true },
    { runId: 'r', fromStart: false, afterSequence: 7, tellPosition: false },
  ]);
  const silent = await watch(0, 1, 2);
  t.strictSame(silent.sequences, [1, 2], 'of a run that had said nothing');
  t.match(silent.asked[1], { fromStart: true, afterSequence: 0, tellPosition: false });
});

t.test('a signal ends a watch, silent or between two tries', async (t) => {
  const controller = await startController(t, tell(1, false));
  const watch = async (afterFirst: (cancel: AbortController) => void) => {
    const cancel = new AbortController();
    for await (const _ of controller.client.watchRun('r', { signal: cancel.signal })) afterFirst(cancel);
  };
  await t.rejects(
    watch((cancel) => cancel.abort()),
    { name: 'SegueError', code: 'CANCELLED' },
  );
  await controller.dieAndReturn({
    async *watchRun() {
      yield event(1);
      throw new SegueError('UNAVAILABLE', 'stopping');
    },
  });
  // The stream has failed by then, and the pause before the next try runs.
  const between = watch((cancel) => void setTimeout(() => cancel.abort(), 100));
  await t.rejects(between, { name: 'SegueError', code: 'CANCELLED' });
});

t.test('problems and configurations go over as they are given', async (t) => {
  const problem: ProblemInput = {
    id: 'p1',
    purpose: 'train',
    prompt: '1 + 1 =',
    answer: '2',
    scorer: 'exact',
    difficulty: null,
    tags: ['easy'],
    metadata: { from: 'test' },
    response: null,
  };
  const got: { runId: string; batchId: string; problems: ProblemInput[] }[] = [];
  const { client } = await startController(t, {
    submitProblems: async ({ runId, batchId }, items) => {
      const problems: ProblemInput[] = [];
      for await (const item of items) problems.push(item);
      got.push({ runId, batchId, problems });
      return { accepted: problems.length, repeated: false, batchId };
    },
    createRun: async ({ runId, configJson }) => ({ ...run, id: runId, configJson }),
  });
  t.match(await client.submitProblems('r', 'b', [problem, { ...problem, id: 'p2' }]), { accepted: 2, repeated: false });
  t.strictSame(got, [{ runId: 'r', batchId: 'b', problems: [problem, { ...problem, id: 'p2' }] }]);
  const created = await client.createRun('r7', { seed: 7 });
  t.equal(created.id, 'r7');
  t.strictSame(JSON.parse(created.configJson), { seed: 7 });
});

t.test('waitForRun answers with the run at rest, and throws the error of one that failed', async (t) => {
  let state: RunView['state'] = 'finished';
  const { client } = await startController(t, {
    ...tell(2, true),
    getRun: async () => ({ ...run, state, error: state === 'failed' ? 'the loss is NaN at step 3' : '' }),
  });
  t.match(await client.waitForRun('r'), { id: 'r', state: 'finished' });
  state = 'failed';
  await t.rejects(client.waitForRun('r'), { code: 'INTERNAL', rawMessage: 'run r failed: the loss is NaN at step 3' });
});
