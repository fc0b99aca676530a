/** Back-pressure of submissions over a real gRPC connection: who is too many is sent away with a time, and all get in by obeying it. */
import { setTimeout as pause } from 'node:timers/promises';
import { addService, connectController, controllerContract, createServer, listen, stopServer } from '@segue/bus';
import { type ProblemInput, SegueError } from '@segue/core';
import t from 'tap';
import { Admission } from '../dist/admission.js';
import { controllerHandlers } from '../dist/service.js';
import { Watchdog } from '../dist/status.js';
import { putRun, smallRun, startController } from './fake-cluster.js';
import { World } from './fake-world.js';

const problem: ProblemInput = {
  ...{ id: null, purpose: 'train', prompt: '1+1=', answer: '2', scorer: 'exact' },
  ...{ tags: [], difficulty: null, metadata: {}, response: null },
};
const never = new AbortController().signal;

t.test('more clients than may submit are refused with a time, and all get in by obeying it', async (t) => {
  const world = new World();
  const controller = startController(world);
  await putRun(world, smallRun);
  const before = world.problems.length;
  const limits = { maxBatchProblems: 100, maxConcurrentSubmissions: 2, maxWaitingSubmissions: 3 };
  const handlers = controllerHandlers({
    ...controller,
    watchdog: new Watchdog(controller),
    limits,
  });
  const server = createServer({});
  addService(server, controllerContract, handlers);
  const address = `127.0.0.1:${await listen(server, '127.0.0.1', 0)}`;
  const clients = Array.from({ length: 12 }, () => connectController(address));
  t.teardown(async () => {
    for (const client of clients) client.close();
    await stopServer(server, 0);
  });

  // Every first try holds its stream open until all the others have been answered or wait.
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const places = limits.maxConcurrentSubmissions + limits.maxWaitingSubmissions;
  const refusals: SegueError[] = [];
  async function* held(): AsyncIterable<ProblemInput> {
    yield problem;
    await opened;
  }
  const submit = async (i: number): Promise<void> => {
    for (let items: AsyncIterable<ProblemInput> | ProblemInput[] = held(); ; items = [problem]) {
      try {
        await clients[i]!.submitProblems({ runId: 'r', batchId: `b${i}` }, items);
        return;
      } catch (cause) {
        const error = SegueError.from(cause);
        if (error.code !== 'RESOURCE_EXHAUSTED') throw error;
        refusals.push(error);
        if (refusals.length === clients.length - places) open();
        await pause(error.retryAfterMs ?? Number.NaN);
      }
    }
  };
  await Promise.all(clients.map((_, i) => submit(i)));

  t.ok(refusals.length >= clients.length - places, `${refusals.length} refusals`);
  for (const error of refusals) t.ok((error.retryAfterMs ?? 0) >= 50, error.message);
  t.match(refusals[0]?.message, /2 submissions go on and 3 wait, as many as may: try again in \d+ ms/);
  t.equal(world.problems.length - before, clients.length, 'every batch was taken in, once');
});

t.test('a client that stalls, without a deadline of its own, is told so and keeps nobody out', async (t) => {
  const world = new World();
  const controller = startController(world);
  await putRun(world, smallRun);
  const before = world.problems.length;
  const limits = { maxBatchProblems: 100, maxConcurrentSubmissions: 1, maxWaitingSubmissions: 1 };
  const handlers = controllerHandlers({
    ...controller,
    watchdog: new Watchdog(controller),
    limits,
  });
  const server = createServer({});
  addService(server, controllerContract, handlers, { maxIdleMs: 100 });
  const address = `127.0.0.1:${await listen(server, '127.0.0.1', 0)}`;
  const [stalling, other] = [connectController(address), connectController(address)];
  let leave = () => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  t.teardown(async () => {
    leave();
    stalling.close();
    other.close();
    await stopServer(server, 0);
  });
  const submitOther = () => other.submitProblems({ runId: 'r', batchId: 'other' }, [problem]);
  let next: Promise<unknown> = Promise.resolve();
  async function* stalls(): AsyncIterable<ProblemInput> {
    yield problem;
    // It has its place by now, or will have it before the other comes.
    next = submitOther();
    await left;
  }
  const header = { runId: 'r', batchId: 'stalling' };
  await t.rejects(stalling.submitProblems(header, stalls(), { deadlineMs: Number.POSITIVE_INFINITY }), {
    code: 'DEADLINE_EXCEEDED',
    rawMessage: /SubmitProblems: no message came for 100 ms/,
  });
  await next;
  t.equal(world.problems.length - before, 1, 'the batch of the other was taken in, nothing of the one that stalled');
});

t.test('one that leaves while it waits gives its place back, and a failure passes the turn on', async (t) => {
  const admission = new Admission({ maxConcurrentSubmissions: 1, maxWaitingSubmissions: 1 });
  let fail = (_: Error) => {};
  const broken = new Promise<void>((_, reject) => {
    fail = reject;
  });
  const first = admission.during(never, () => broken);
  const leaves = new AbortController();
  const second = admission.during(leaves.signal, async () => t.fail('it left'));
  await t.rejects(
    admission.during(never, async () => {}),
    { code: 'RESOURCE_EXHAUSTED' },
  );
  leaves.abort();
  await t.rejects(second, { code: 'CANCELLED' });
  const third = admission.during(never, async () => 'in');
  t.strictSame({ running: admission.running, waiting: admission.waiting }, { running: 1, waiting: 1 });
  fail(new Error('broken'));
  await t.rejects(first, { message: 'broken' });
  t.equal(await third, 'in');
  t.strictSame({ running: admission.running, waiting: admission.waiting }, { running: 0, waiting: 0 });
});

t.test('the time to wait grows with what a submission takes', async (t) => {
  let nowMs = 0;
  const admission = new Admission({ maxConcurrentSubmissions: 2, maxWaitingSubmissions: 0 }, () => nowMs);
  const refusedAfterMs = async () => {
    let end = () => {};
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    const both = [admission.during(never, () => held), admission.during(never, () => held)];
    const error = await admission.during(never, async () => {}).catch(SegueError.from);
    end();
    await Promise.all(both);
    return error instanceof SegueError ? error.retryAfterMs : null;
  };
  t.equal(await refusedAfterMs(), 100, 'two places, and a guess of 200 ms');
  for (let i = 0; i < 40; i++) {
    await admission.during(never, async () => {
      nowMs += 2_000;
    });
  }
  t.equal(await refusedAfterMs(), 1_000);
});
