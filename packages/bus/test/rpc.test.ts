/** Calls over a real gRPC server: errors, deadlines, cancellation both ways, retries, streams that break off or are read slowly. */
import type { Server } from '@grpc/grpc-js';
import {
  type ActorApi,
  type ErrorCode,
  errorCodes,
  type GenerateRequest,
  type GenerateResult,
  type Problem,
  type ReplayApi,
  SegueError,
} from '@segue/core';
import t, { type Test } from 'tap';
import {
  actorContract,
  addService,
  type CallReport,
  type Client,
  connectActor,
  connectReplay,
  createServer,
  type Handlers,
  listen,
  replayContract,
  stopServer,
} from '../dist/index.js';
import { actorStatus, policyRef, problem, runRecord } from './samples.js';

const unserved = async (): Promise<never> => {
  throw new SegueError('UNIMPLEMENTED', 'not in this test');
};
const noStream = (): AsyncIterable<never> => ({ [Symbol.asyncIterator]: () => ({ next: unserved }) });

function actorHandlers(changes: Partial<Handlers<ActorApi>>): Handlers<ActorApi> {
  return { generate: noStream, getActorStatus: unserved, loadPolicy: unserved, drain: unserved, ...changes };
}

/** Every RPC of the store unserved but those given. */
function replayHandlers(changes: Partial<Handlers<ReplayApi>>): Handlers<ReplayApi> {
  const all = Object.entries(replayContract.methods).map(([name, rule]) => [
    name,
    rule.kind === 'server-stream' ? noStream : unserved,
  ]);
  return { ...Object.fromEntries(all), ...changes };
}

interface Served {
  readonly server: Server;
  readonly port: number;
  readonly stopping: AbortController;
  readonly reports: CallReport[];
}

async function serveActor(
  t: Test,
  changes: Partial<Handlers<ActorApi>>,
  port = 0,
): Promise<Served & { client: Client<ActorApi> }> {
  const server = createServer({ maxMessageBytes: 1 << 20 });
  const served = { server, stopping: new AbortController(), reports: [] as CallReport[] };
  addService(server, actorContract, actorHandlers(changes), {
    signal: served.stopping.signal,
    onCall: (report) => served.reports.push(report),
  });
  const bound = await listen(server, '127.0.0.1', port);
  const client = connectActor(`127.0.0.1:${bound}`, { maxMessageBytes: 1 << 20 });
  t.teardown(async () => {
    client.close();
    await stopServer(server, 0);
  });
  return { ...served, port: bound, client };
}

async function serveReplay(t: Test, changes: Partial<Handlers<ReplayApi>>): Promise<{ client: Client<ReplayApi> }> {
  const server = createServer();
  addService(server, replayContract, replayHandlers(changes));
  const client = connectReplay(`127.0.0.1:${await listen(server, '127.0.0.1', 0)}`);
  t.teardown(async () => {
    client.close();
    await stopServer(server, 0);
  });
  return { client };
}

const request: GenerateRequest = {
  runId: 'r',
  policyVersion: null,
  prompts: [],
  sampling: { temperature: 1, topK: 0, topP: 1 },
  maxTokens: 1,
  seed: 1,
  stopOnRepeat: false,
};

function result(id: number, tokens = 1): GenerateResult {
  return {
    id: String(id),
    tokens: new Int32Array(tokens),
    logProbs: new Float32Array(tokens),
    endReason: 'stop',
    policyVersion: 0,
    text: '',
  };
}

/** A promise that is settled from outside. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

const untilAbort = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

t.test('every error code comes over with its message', async (t) => {
  let code: ErrorCode = 'INTERNAL';
  const { client, reports } = await serveActor(t, {
    drain: async () => {
      throw new SegueError(code, 'geht nicht – field "x"');
    },
  });
  // UNAVAILABLE is tried again until the deadline: it has a test of its own.
  for (const name of Object.keys(errorCodes) as ErrorCode[]) {
    if (name === 'UNAVAILABLE') continue;
    code = name;
    await t.rejects(client.drain({}), { name: 'SegueError', code: name, rawMessage: 'geht nicht – field "x"' });
  }
  t.equal(reports.at(-1)?.code, 'INTERNAL');
  t.equal(reports.at(-1)?.rpc, 'segue.v1.RolloutActor/Drain');
});

t.test('an error that is no SegueError comes over as INTERNAL without its stack', async (t) => {
  const { client, reports } = await serveActor(t, {
    drain: async () => {
      throw new TypeError('undefined is not a function');
    },
  });
  await t.rejects(client.drain({}), { code: 'INTERNAL', rawMessage: 'undefined is not a function' });
  t.match(reports[0]?.error?.cause, TypeError, 'the report has the original');
});

t.test('a bad request is refused with INVALID_INPUT before the handler sees it', async (t) => {
  let seen = 0;
  const { client } = await serveActor(t, {
    loadPolicy: async () => {
      seen++;
      return actorStatus;
    },
  });
  await t.rejects(client.loadPolicy({ policy: { ...policyRef, version: -1 } }), {
    code: 'INVALID_INPUT',
    message: /version/,
  });
  t.equal(seen, 0);
});

t.test('a message over the limit is refused with RESOURCE_EXHAUSTED', async (t) => {
  const { client } = await serveActor(t, {
    async *generate() {
      yield result(0, 200_000);
    },
  });
  const read = async () => {
    for await (const _ of client.generate(request)) t.fail('nothing fits');
  };
  await t.rejects(read(), { code: 'RESOURCE_EXHAUSTED', message: /larger than max/ });
});

t.test('an RPC that the server does not know is UNIMPLEMENTED', async (t) => {
  const { port } = await serveActor(t, {});
  const client = connectReplay(`127.0.0.1:${port}`);
  t.teardown(() => client.close());
  await t.rejects(client.getRun({ runId: 'r' }), { code: 'UNIMPLEMENTED' });
});

t.test('a deadline ends the call on both sides', async (t) => {
  const aborted = gate();
  let deadlineMs: number | null = null;
  const { client } = await serveActor(t, {
    drain: async (_, context) => {
      deadlineMs = context.deadlineMs;
      await untilAbort(context.signal);
      aborted.open();
      return actorStatus;
    },
  });
  await t.rejects(client.drain({}, { deadlineMs: 200 }), { code: 'DEADLINE_EXCEEDED', message: /Drain at 127.0.0.1/ });
  await aborted.opened;
  t.ok(deadlineMs !== null && deadlineMs <= 200, 'the handler knows how long it has');
});

t.test('the caller cancels a unary call, and the handler hears of it', async (t) => {
  const begun = gate();
  const aborted = gate();
  const { client } = await serveActor(t, {
    drain: async (_, context) => {
      begun.open();
      await untilAbort(context.signal);
      aborted.open();
      return actorStatus;
    },
  });
  const cancel = new AbortController();
  const call = client.drain({}, { signal: cancel.signal });
  await begun.opened;
  cancel.abort();
  await t.rejects(call, { code: 'CANCELLED' });
  await aborted.opened;
  await t.rejects(
    client.drain({}, { signal: cancel.signal }),
    { code: 'CANCELLED' },
    'and at once with a spent signal',
  );
});

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

t.test('calls that do not end are cut after the grace', async (t) => {
  const begun = gate();
  const { client, server } = await serveActor(t, {
    drain: () => {
      begun.open();
      return new Promise(() => {});
    },
  });
  const call = client.drain({}, { deadlineMs: 400 });
  await begun.opened;
  const cut = call.then(
    () => 'answered',
    (error: SegueError) => error.code,
  );
  await stopServer(server, 50);
  t.match(await cut, /UNAVAILABLE|DEADLINE_EXCEEDED/);
});

t.test('an idempotent call waits for a server that is away, and a stream does before its first answer', async (t) => {
  const first = await serveActor(t, { drain: async () => actorStatus });
  await first.client.drain({});
  await stopServer(first.server, 0);
  const call = first.client.drain({});
  const stream = (async () => {
    for await (const { id } of first.client.generate(request)) return id;
    return null;
  })();
  await serveActor(
    t,
    {
      drain: async () => ({ ...actorStatus, actorId: 'second' }),
      async *generate() {
        yield result(7);
      },
    },
    first.port,
  );
  t.match(await call, { actorId: 'second' });
  t.equal(await stream, '7');
});

t.test('what may not be repeated is not, and a retry ends with its deadline', async (t) => {
  const served = await serveReplay(t, {});
  let tries = 0;
  const { client } = await serveReplay(t, {
    putRun: async () => {
      tries++;
      throw new SegueError('UNAVAILABLE', 'full house');
    },
    getRun: async () => {
      tries++;
      throw new SegueError('UNAVAILABLE', 'full house');
    },
  });
  await t.rejects(client.putRun({ run: runRecord, expectedRevision: 1 }), { code: 'UNAVAILABLE' });
  t.equal(tries, 1);
  await t.rejects(client.getRun({ runId: 'r' }, { deadlineMs: 500 }), {
    code: 'UNAVAILABLE',
    rawMessage: 'full house',
  });
  t.ok(tries > 2, 'tried again');
  const closed = new AbortController();
  const waiting = client.getRun({ runId: 'r' }, { signal: closed.signal });
  setImmediate(() => closed.abort());
  await t.rejects(waiting, { code: 'CANCELLED' }, 'a signal ends the waiting too');
  served.client.close();
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

t.test('a busy port is refused in one clear sentence', async (t) => {
  const { port } = await serveActor(t, {});
  await t.rejects(listen(createServer(), '127.0.0.1', port), {
    code: 'UNAVAILABLE',
    message: new RegExp(`cannot listen on 127.0.0.1:${port}: is the port in use`),
  });
});

t.test('a server without a handler for each RPC does not start', async (t) => {
  const { drain: _, ...rest } = actorHandlers({});
  t.throws(() => addService(createServer(), actorContract, rest as Handlers<ActorApi>), {
    message: /no handler for drain/,
  });
});
