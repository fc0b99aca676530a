/** Streams over a real gRPC server: cancelled, failing, read slowly, broken off, cut by a stop. */
import { type Problem, SegueError } from '@segue/core';
import t from 'tap';
import { stopServer } from '../dist/index.js';
import { limited } from '../dist/rpc/incoming.js';
import { gate, request, result, serveActor, serveReplay, untilAbort } from './rpc-servers.js';
import { actorStatus, problem } from './samples.js';

t.test('a caller that leaves a stream ends its handler, whose clean-up runs', async (t) => {
  const ended = gate();
  const { client } = await serveActor(t, {
    async *generate(_, context) {
      try {
        for (let id = 0; ; id++) {
          if (id > 3) await untilAbort(context.signal);
          yield result(id);
        }
      } finally {
        ended.open();
      }
    },
  });
  const ids: string[] = [];
  for await (const { id } of client.generate(request)) {
    ids.push(id);
    if (ids.length === 3) break;
  }
  t.strictSame(ids, ['0', '1', '2']);
  await ended.opened;
});

t.test('a signal ends a stream that is silent', async (t) => {
  const { client } = await serveActor(t, {
    async *generate(_, context) {
      yield result(0);
      await untilAbort(context.signal);
    },
  });
  const cancel = new AbortController();
  const read = async () => {
    for await (const _ of client.generate(request, { signal: cancel.signal })) cancel.abort();
  };
  await t.rejects(read(), { code: 'CANCELLED' });
});

t.test('a stream that fails gives what it had, then the error', async (t) => {
  const { client } = await serveActor(t, {
    async *generate() {
      yield result(0);
      yield result(1);
      throw new SegueError('DATA_LOSS', 'rotten');
    },
  });
  const ids: string[] = [];
  const read = async () => {
    for await (const { id } of client.generate(request)) ids.push(id);
  };
  await t.rejects(read(), { code: 'DATA_LOSS', rawMessage: 'rotten' });
  t.strictSame(ids, ['0', '1']);
});

t.test('an answer that fits no message is the error of its call, named, and none of the caller', async (t) => {
  // As a record from a disk may be, whatever its type says.
  const nameless: object = { endReason: 'gone' };
  const { client, reports } = await serveActor(t, {
    async *generate() {
      yield result(0);
      yield { ...result(1), ...nameless };
      yield result(2);
    },
    getActorStatus: async () => ({ ...actorStatus, slots: -1 }),
  });
  const ids: string[] = [];
  const read = async () => {
    for await (const { id } of client.generate(request)) ids.push(id);
  };
  const code = 'INTERNAL';
  const reason = 'a name is not one of stop, repeat, length, budget, yield, error: "gone"';
  const rawMessage = `/segue.v1.RolloutActor/Generate: the answer fits no message (${reason})`;
  await t.rejects(read(), { code, rawMessage });
  t.strictSame(ids, ['0'], 'what came before it is there');
  await t.rejects(client.getActorStatus({}), {
    code,
    rawMessage: /GetActorStatus: the answer fits no message \(slots/,
  });
  t.strictSame(
    reports.map((report) => report.code),
    [code, code],
    'and the service hears of it',
  );
  const replay = await serveReplay(t, { putProblems: async () => ({ accepted: 0.5, repeated: false }) });
  await t.rejects(replay.client.putProblems({ runId: 'r', batchId: 'b' }, []), {
    code,
    rawMessage: /PutProblems: the answer fits no message \(accepted/,
  });
});

t.test('a slow reader slows the writer: the handler is not read ahead without bound', async (t) => {
  let made = 0;
  const total = 2_000;
  const { client } = await serveActor(t, {
    async *generate() {
      for (; made < total; made++) yield result(made, 5_000);
    },
  });
  let read = 0;
  let aheadMost = 0;
  for await (const _ of client.generate(request)) {
    read++;
    // Gives the writer every chance to run ahead.
    if (read % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    aheadMost = Math.max(aheadMost, made - read);
  }
  t.equal(read, total, 'nothing is lost');
  // 40 kB each: all of them would be 80 MB in buffers.
  t.ok(aheadMost < total / 4, `at most ${aheadMost} ahead`);
});

t.test(
  'writers go on while nobody reads, each as far as a megabyte is, and other calls of the connection are answered',
  async (t) => {
    // Of 40 kB each, 26 fill the window, and 20 or so wait at either side of it; with 64 KiB 31 were made.
    const wanted = 40;
    const most = 64;
    const streams = [0, 1].map(() => ({ far: gate(), made: 0 }));
    const begun = streams.values();
    const { client } = await serveActor(t, {
      async *generate() {
        const stream = begun.next().value ?? { far: gate(), made: 0 };
        try {
          for (; stream.made < most; stream.made++) {
            if (stream.made === wanted) stream.far.open();
            yield result(stream.made, 5_000);
          }
        } finally {
          // Also when the call's time is over.
          stream.far.open();
        }
      },
      getActorStatus: async () => actorStatus,
    });
    const calls = streams.map(() => client.generate(request, { deadlineMs: 10_000 })[Symbol.asyncIterator]());
    for (const call of calls) await call.next();
    for (const { far } of streams) await far.opened;
    t.match(await client.getActorStatus({}), { slots: actorStatus.slots });
    for (const { made } of streams) t.ok(made >= wanted && made < most, `${made} were made before the second was read`);
    for (const call of calls) await call.return?.();
  },
);

t.test('a server that stops ends its streams with UNAVAILABLE, never as if they were complete', async (t) => {
  const { client, server, stopping } = await serveActor(t, {
    async *generate(_, context) {
      yield result(0);
      await untilAbort(context.signal);
    },
  });
  const read = async () => {
    for await (const _ of client.generate(request)) stopping.abort();
  };
  await t.rejects(read(), { code: 'UNAVAILABLE' });
  await stopServer(server, 5_000);
  t.pass('and stops without being forced');
});

t.test('a client stream: header first, items in order, the response at the end', async (t) => {
  const { client } = await serveReplay(t, {
    putProblems: async (header, items) => {
      const ids: string[] = [];
      for await (const item of items) ids.push(item.id);
      return { accepted: ids.length, repeated: header.batchId === 'again' && ids[0] === 'p0' && ids.at(-1) === 'p999' };
    },
  });
  async function* problems(): AsyncGenerator<Problem> {
    for (let i = 0; i < 1_000; i++) yield { ...problem, id: `p${i}` };
  }
  t.strictSame(await client.putProblems({ runId: 'r', batchId: 'again' }, problems()), {
    accepted: 1_000,
    repeated: true,
  });
  t.strictSame(await client.putProblems({ runId: 'r', batchId: 'b' }, []), { accepted: 0, repeated: false });
});

t.test('a client stream that is refused half way ends at once', async (t) => {
  const { client } = await serveReplay(t, {
    putProblems: async (_, items) => {
      for await (const item of items) {
        if (item.id === 'p3') throw new SegueError('INVALID_INPUT', 'problem 3 is too long');
      }
      return { accepted: 0, repeated: false };
    },
  });
  let given = 0;
  async function* endless(): AsyncGenerator<Problem> {
    for (;;) {
      yield { ...problem, id: `p${given++}` };
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await t.rejects(client.putProblems({ runId: 'r', batchId: 'b' }, endless()), {
    code: 'INVALID_INPUT',
    rawMessage: 'problem 3 is too long',
  });
});

t.test('a client stream that breaks off is no shorter batch', async (t) => {
  const outcome = gate();
  let seen: unknown = null;
  const { client } = await serveReplay(t, {
    putProblems: async (_, items) => {
      try {
        for await (const _item of items);
        seen = 'complete';
      } catch (error) {
        seen = error;
      }
      outcome.open();
      return { accepted: 1, repeated: false };
    },
  });
  async function* failing(): AsyncGenerator<Problem> {
    yield problem;
    await new Promise((resolve) => setTimeout(resolve, 50));
    throw new SegueError('INVALID_INPUT', 'line 2 is not JSON');
  }
  await t.rejects(client.putProblems({ runId: 'r', batchId: 'b' }, failing()), { message: /line 2 is not JSON/ });
  await outcome.opened;
  t.match(seen, { code: 'CANCELLED' });
});

t.test('a client stream may keep its server waiting for so long, a message and altogether', async (t) => {
  const read = async (idleMs: number, totalWaitMs: number, pauseMs: number) => {
    async function* messages(): AsyncGenerator<Buffer> {
      for (let sent = 0; sent < 100; sent++) {
        // The first is there; a pause without end holds no timer.
        if (sent > 0) await new Promise((resolve) => pauseMs < Infinity && setTimeout(resolve, pauseMs));
        yield Buffer.alloc(1);
      }
    }
    let count = 0;
    for await (const _ of limited(messages(), 'x', { idleMs, totalWaitMs })) count++;
    return count;
  };
  const longMs = 3_600_000;
  const code = 'DEADLINE_EXCEEDED';
  await t.rejects(read(20, longMs, Infinity), { code, rawMessage: /no message came for 20 ms/ });
  await t.rejects(read(longMs, 50, 10), { code, rawMessage: /were waited for 50 ms altogether/ });
  t.equal(await read(longMs, longMs, 0), 100);
});
