/** Every door of a gRPC service, tried on a real server with real certificates: who is let in, for what, how often, with how much. */
import { gzipSync } from 'node:zlib';
import {
  type ApiShape,
  actorContract,
  addService,
  type Contract,
  connectActor,
  connectController,
  connectTrainer,
  controllerContract,
  createGate,
  createServer,
  type Handlers,
  listen,
  loadProtos,
  type Refusal,
  replayContract,
  rewardContract,
  scorerListContract,
  stopServer,
  type TlsMaterial,
  TokenFile,
  tablesContract,
  trainerContract,
} from '@segue/bus';
import { accessOf, accessTable, type ControllerApi, SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import { problemInput } from '../../packages/bus/test/samples.js';
import { Papers, TestTokens } from './certificates.js';
import { callRaw, framed, status } from './raw-call.js';

const ours = await Papers.ofNewAuthority();
const strange = await Papers.ofNewAuthority();
const tokens = new TestTokens();
const reader = tokens.add('reader', ['read']);
const admin = tokens.add('admin', ['admin']);
const alice = await ours.of('client', 'alice');

const unserved = async (): Promise<never> => {
  throw new SegueError('UNIMPLEMENTED', 'let in');
};
const letIn = { code: 'UNIMPLEMENTED', rawMessage: 'let in' };

interface AnyKind {
  readonly kind: string;
}

/** Every RPC says that the call came through. */
function handlersOf<Api extends ApiShape<Api>>(contract: Contract<Api>): Handlers<Api> {
  const stream = () => ({ [Symbol.asyncIterator]: () => ({ next: unserved }) });
  const entries = Object.entries<AnyKind>(contract.methods).map(([name, rule]) => [
    name,
    rule.kind === 'server-stream' ? stream : unserved,
  ]);
  return Object.fromEntries(entries);
}

interface Door {
  readonly address: string;
  readonly refusals: Refusal[];
}

interface Limits {
  readonly requestsPerSecond?: number;
  readonly requestBurst?: number;
  readonly maxMessageBytes?: number;
}

const opened: { close(): void }[] = [];

async function openDoor(t: Test, limits: Limits = {}): Promise<Door> {
  const refusals: Refusal[] = [];
  const { requestsPerSecond = 1_000, requestBurst = 1_000, maxMessageBytes } = limits;
  const onRefusal = (refusal: Refusal) => void refusals.push(refusal);
  const gate = createGate({ tokens: new TokenFile(tokens.path), requestsPerSecond, requestBurst, onRefusal });
  const server = createServer({ gate, maxMessageBytes });
  addService(server, controllerContract, handlersOf(controllerContract));
  addService(server, actorContract, handlersOf(actorContract));
  // One certificate that names the service that is called: the actor's door gets a server of its own below.
  const port = await listen(server, '127.0.0.1', 0, await ours.of('service', 'controller'));
  t.teardown(async () => {
    for (const client of opened.splice(0)) client.close();
    await stopServer(server, 0);
  });
  return { address: `127.0.0.1:${port}`, refusals };
}

function controllerOf(door: Door, tls?: TlsMaterial, token?: string) {
  const client = connectController(door.address, { tls, token });
  opened.push(client);
  return client;
}

t.test('every RPC of every service has its row, and a call without a row is open to nobody', async (t) => {
  const served = new Set<string>();
  for (const contract of [
    controllerContract,
    actorContract,
    trainerContract,
    rewardContract,
    scorerListContract,
    replayContract,
    tablesContract,
  ]) {
    const rows = Object.keys(accessTable[contract.name]?.rpcs ?? {}).sort();
    t.strictSame(rows, Object.keys(contract.methods).sort(), contract.name);
    served.add(contract.name);
    for (const name of rows) {
      const access = accessOf(`/${contract.name}/${name.charAt(0).toUpperCase()}${name.slice(1)}`);
      t.ok(
        access && (access.scope !== null || access.services.length > 0),
        `${contract.name}/${name} is open to somebody`,
      );
    }
  }
  const services = Object.entries(loadProtos()).filter(([, entry]) => !('format' in entry));
  const names = services.map(([name]) => name).sort();
  t.strictSame(names, [...served].sort(), 'no service of the protos is left out');
  for (const path of [
    '/segue.v1.Controller/Shutdown',
    '/segue.v1.Controller/constructor',
    '/segue.v1.Else/GetRun',
    'x',
  ]) {
    t.equal(accessOf(path), null, path);
  }
});

t.test('without a certificate of the authority nobody is let in', async (t) => {
  const door = await openDoor(t);
  const soon = { deadlineMs: 1_500 };
  const shown = (tls: TlsMaterial) => controllerOf(door, tls, admin).listRuns({}, soon);
  await t.rejects(
    controllerOf(door).listRuns({}, soon),
    { name: 'SegueError', message: /cannot be reached|deadline/i },
    'no TLS',
  );
  // Such a server ends the connection without a word of why: that it is the certificate can only be asked.
  const notLetIn = { code: /UNAVAILABLE|DEADLINE_EXCEEDED/ };
  await t.rejects(shown(ours.trusting(await strange.of('client', 'alice'))), notLetIn, 'wrong authority');
  await t.rejects(shown(ours.trusting(await ours.of('client', 'late', -1))), notLetIn, 'over');
  await t.rejects(
    shown(await strange.of('client', 'alice')),
    { code: 'UNAUTHENTICATED' },
    'we do not trust the server',
  );
  t.strictSame(door.refusals, [], 'none of these calls came as far as the gate');
  await t.rejects(controllerOf(door, alice, admin).listRuns({}), letIn, 'and with one all is well');
});

t.test('a server that is another service than the one called is not believed', async (t) => {
  const door = await openDoor(t);
  const trainer = connectTrainer(door.address, { tls: alice, token: admin });
  opened.push(trainer);
  await t.rejects(trainer.getTrainerStatus({}), {
    code: 'UNAUTHENTICATED',
    message: /certificate of service controller/,
  });
});

t.test('a token opens what its scopes say, until it is over or revoked', async (t) => {
  const submitter = tokens.add('submitter', ['submit']);
  const over = tokens.add('over', ['admin'], -1_000);
  const door = await openDoor(t);
  const unauthenticated = { code: 'UNAUTHENTICATED' };
  await t.rejects(controllerOf(door, alice).listRuns({}), { ...unauthenticated, message: /needs a token/ });
  await t.rejects(controllerOf(door, alice, 'segue_guessed').listRuns({}), { ...unauthenticated, message: /unknown/ });
  await t.rejects(controllerOf(door, alice, over).listRuns({}), { ...unauthenticated, message: /over ended at/ });
  await t.rejects(controllerOf(door, alice, reader).listRuns({}), letIn);
  await t.rejects(controllerOf(door, alice, reader).pauseRun({ runId: 'r' }), {
    code: 'PERMISSION_DENIED',
    message: /scope submit/,
  });
  await t.rejects(controllerOf(door, alice, reader).submitProblems({ runId: 'r', batchId: 'b' }, []), {
    code: 'PERMISSION_DENIED',
  });
  await t.rejects(controllerOf(door, alice, submitter).pauseRun({ runId: 'r' }), letIn);
  await t.rejects(controllerOf(door, alice, submitter).stopRun({ runId: 'r' }), {
    code: 'PERMISSION_DENIED',
    message: /scope admin/,
  });
  await t.rejects(
    controllerOf(door, alice, submitter).listRuns({}),
    { code: 'PERMISSION_DENIED' },
    'one scope is not another',
  );
  await t.rejects(controllerOf(door, alice, admin).stopRun({ runId: 'r' }), letIn);
  const watching = async () => {
    for await (const _ of controllerOf(door, alice).watchRun({
      runId: 'r',
      fromStart: true,
      afterSequence: 0,
      tellPosition: false,
    }))
      t.fail('nothing comes');
  };
  await t.rejects(watching(), unauthenticated, 'a stream has the same door');

  tokens.remove('submitter');
  const deadlineAtMs = Date.now() + 10_000;
  const refusedNow = async () => {
    const error = await controllerOf(door, alice, submitter).pauseRun({ runId: 'r' }).catch(SegueError.from);
    return error instanceof SegueError && error.code === 'UNAUTHENTICATED';
  };
  while (!(await refusedNow()) && Date.now() < deadlineAtMs) await new Promise((resolve) => setTimeout(resolve, 100));
  t.ok(await refusedNow(), 'a revoked token is seen without a restart');
  t.match(door.refusals[0], {
    rpc: 'segue.v1.Controller/ListRuns',
    caller: 'nobody',
    error: { code: 'UNAUTHENTICATED' },
  });
  t.notMatch(
    JSON.stringify(door.refusals.map(({ error }) => error.message)),
    /segue_guessed/,
    'no token in what is told of it',
  );
});

t.test('a service is known by its certificate, and may call what its work needs', async (t) => {
  const gate = createGate({
    tokens: new TokenFile(tokens.path),
    requestsPerSecond: 1,
    requestBurst: 1,
    onRefusal: () => {},
  });
  const server = createServer({ gate });
  addService(server, actorContract, handlersOf(actorContract));
  const port = await listen(server, '127.0.0.1', 0, await ours.of('service', 'actor'));
  const clients: { close(): void }[] = [];
  t.teardown(async () => {
    for (const client of clients) client.close();
    await stopServer(server, 0);
  });
  const as = (tls: TlsMaterial, token?: string) => {
    const client = connectActor(`127.0.0.1:${port}`, { tls, token });
    clients.push(client);
    return client;
  };
  const controller = await ours.of('service', 'controller');
  const otherActor = await ours.of('service', 'actor');
  const denied = { code: 'PERMISSION_DENIED' };
  for (let i = 0; i < 5; i++) await t.rejects(as(controller).drain({}), letIn, 'the controller, as often as it has to');
  await t.rejects(as(otherActor).drain({}), { ...denied, message: /service actor may not call/ });
  await t.rejects(as(otherActor).getActorStatus({}), letIn);
  await t.rejects(as(await ours.of('service', 'trainer')).drain({}), denied);
  await t.rejects(as(alice, admin).drain({}), letIn, 'a person who may do all');
  const policy = { runId: 'r', version: 0, manifestSha256: '0'.repeat(64) };
  await t.rejects(as(alice, admin).loadPolicy({ policy }), denied, 'what is between services no token opens');
  await t.rejects(
    as(await ours.of('client', 'controller')).drain({}),
    { code: 'UNAUTHENTICATED' },
    'a client called controller is no controller',
  );
  await t.rejects(as(await ours.of('service', 'nats')).getActorStatus({}), { code: 'UNAUTHENTICATED' });
});

t.test('a token is not sent in the clear to another machine', async (t) => {
  t.throws(() => connectController('10.0.0.1:7400', { token: admin }), {
    code: 'INVALID_CONFIG',
    message: /without TLS/,
  });
});

t.test('a client that calls too often is told when to come again, and comes then', async (t) => {
  const door = await openDoor(t, { requestsPerSecond: 2, requestBurst: 3 });
  const client = controllerOf(door, alice, reader);
  for (let i = 0; i < 3; i++) await t.rejects(client.listRuns({}), letIn);
  const answer = await client
    .watchRun({ runId: 'r', fromStart: true, afterSequence: 0, tellPosition: false })
    [Symbol.asyncIterator]()
    .next()
    .catch(SegueError.from);
  t.match(answer, { code: 'RESOURCE_EXHAUSTED', message: /2 times a second: try again in \d+ ms/ });
  const waitMs = answer instanceof SegueError ? (answer.retryAfterMs ?? 0) : 0;
  t.ok(waitMs > 0 && waitMs <= 500, `after ${waitMs} ms`);
  await t.rejects(client.listRuns({}), letIn, 'a call that may be repeated waits and is let in');
  t.ok(door.refusals.length >= 2, 'the first try of it was refused too');
  await t.rejects(controllerOf(door, alice, admin).listRuns({}), letIn, "another client's calls are its own");
});

t.test('what is too large is refused, packed or not, and the server goes on', async (t) => {
  const maxMessageBytes = 256 * 1024;
  const door = await openDoor(t, { maxMessageBytes });
  const send = (frame: Buffer, encoding: 'gzip' | 'identity') =>
    callRaw({ address: door.address, path: '/segue.v1.Controller/GetRun', tls: alice, token: admin, frame, encoding });
  // A field of text that is far larger than a message may be.
  const large = Buffer.concat([Buffer.from([0x0a, 0x80, 0x80, 0x80, 0x20]), Buffer.alloc(64 * 1024 * 1024, 0x61)]);
  const bomb = gzipSync(large, { level: 9 });
  t.ok(bomb.length < maxMessageBytes, `${bomb.length} bytes become ${large.length}`);
  const before = process.memoryUsage.rss();
  t.equal(await send(framed(bomb, 1), 'gzip'), status.resourceExhausted, 'a bomb');
  t.ok(process.memoryUsage.rss() - before < 48 * 1024 * 1024, 'it was not unpacked whole');
  const tooLong = large.subarray(0, maxMessageBytes + 1);
  t.equal(await send(framed(tooLong, 0), 'identity'), status.resourceExhausted, 'plain');
  t.equal(await send(framed(Buffer.from([0xff, 0xff, 0xff]), 0), 'identity'), status.invalidArgument, 'no message');
  await t.rejects(controllerOf(door, alice, reader).getRun({ runId: 'r' }), letIn);
});

t.test('a stream that is too much together is cut, however small its messages', async (t) => {
  const gate = createGate({ tokens: null, requestsPerSecond: 100, requestBurst: 100, onRefusal: () => {} });
  const server = createServer({ gate });
  let taken = 0;
  const handlers: Handlers<ControllerApi> = {
    ...handlersOf(controllerContract),
    submitProblems: async ({ batchId }, items) => {
      for await (const _ of items) taken += 1;
      return { batchId, accepted: taken, repeated: false };
    },
  };
  addService(server, controllerContract, handlers, { maxStreamBytes: 10_000 });
  const client = connectController(`127.0.0.1:${await listen(server, '127.0.0.1', 0)}`);
  t.teardown(async () => {
    client.close();
    await stopServer(server, 0);
  });
  const problems = (count: number) =>
    Array.from({ length: count }, () => ({ ...problemInput, prompt: 'a'.repeat(1_000) }));
  t.equal((await client.submitProblems({ runId: 'r', batchId: 'b' }, problems(5))).accepted, 5);
  taken = 0;
  await t.rejects(client.submitProblems({ runId: 'r', batchId: 'b' }, problems(1_000)), {
    code: 'RESOURCE_EXHAUSTED',
    message: /a stream holds at most 10000 bytes/,
  });
  t.ok(taken < 10, `${taken} were taken before`);
});
