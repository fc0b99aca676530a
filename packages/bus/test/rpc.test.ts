/** Calls over a real gRPC server: errors, deadlines, cancellation, retries, limits. */
import { type ActorApi, type ErrorCode, errorCodes, SegueError } from '@segue/core';
import t from 'tap';
import {
  actorContract,
  addService,
  connectReplay,
  createServer,
  type Handlers,
  listen,
  stopServer,
} from '../dist/index.js';
import { actorHandlers, gate, request, result, serveActor, serveReplay, untilAbort } from './rpc-servers.js';
import { actorStatus, policyRef, runRecord } from './samples.js';

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

t.test('a message that fits no trailer comes over as far as it does', async (t) => {
  let message = '';
  const fail = async () => {
    throw new SegueError('DATA_LOSS', message);
  };
  const { client } = await serveActor(t, {
    drain: fail,
    async *generate() {
      yield result(0);
      await fail();
    },
  });
  const both = async (rawMessage: string) => {
    await t.rejects(client.drain({}), { code: 'DATA_LOSS', rawMessage });
    const read = async () => {
      for await (const _ of client.generate(request));
    };
    await t.rejects(read(), { code: 'DATA_LOSS', rawMessage });
  };
  message = `${'x'.repeat(10)}😀`.slice(0, 11);
  await both(`${'x'.repeat(10)}\ufffd`);
  message = '😀'.repeat(5_000);
  await both('😀'.repeat(500));
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
