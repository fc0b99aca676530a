/** The message server's users on a real nats-server: what each needs works, what each must not do is denied, who is nobody is not let in. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectBus,
  formatNatsConfig,
  inboxPrefix,
  makeNatsSeed,
  natsUserOf,
  pause,
  type TlsMaterial,
} from '@segue/bus';
import { type ServiceName, serviceNames } from '@segue/core';
import { connect, type NatsConnection, nkeyAuthenticator } from 'nats';
import t from 'tap';
import { queues } from '../../packages/bus/dist/stream/subjects.js';
import { registration, rolloutTask, score, segment } from '../../packages/bus/test/samples.js';
import { startNats } from '../support/nats.js';
import { Papers } from './certificates.js';

const papers = await Papers.ofNewAuthority();
const folder = mkdtempSync(join(tmpdir(), 'segue-nats-users-'));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

const serverPapers = await papers.of('service', 'nats');
const files = {
  ca: file('ca.pem', serverPapers.ca),
  cert: file('nats.pem', serverPapers.cert),
  key: file('nats.key', serverPapers.key),
};
const seeds = new Map(serviceNames.map((service) => [service, makeNatsSeed()]));
const seedOf = (service: ServiceName) => seeds.get(service) ?? '';
const users = Object.fromEntries(
  serviceNames.map((service) => [service, natsUserOf(seedOf(service), service)]),
) as Record<ServiceName, string>;
const configFile = file('nats.conf', formatNatsConfig({ users, tls: files }));
const nats = await startNats({ configFile });
t.teardown(() => nats.stop());

const tlsOf = new Map<ServiceName, TlsMaterial>();
for (const service of serviceNames) tlsOf.set(service, await papers.of('service', service));

async function busOf(service: ServiceName) {
  const bus = await connectBus({
    url: nats.url,
    name: service,
    service,
    seed: seedOf(service),
    tls: tlsOf.get(service),
    connectTimeoutMs: 5_000,
  });
  t.teardown(() => bus.close());
  return bus;
}

const replay = await busOf('replay');
await replay.setUp();
const controller = await busOf('controller');
const actor = await busOf('actor');
const reward = await busOf('reward');
const trainer = await busOf('trainer');

t.test('the configuration holds no secret', async (t) => {
  const text = readFileSync(configFile, 'utf8');
  for (const seed of seeds.values()) t.notMatch(text, seed.trim());
});

t.test('everybody can do their work', async (t) => {
  for (const bus of [controller, actor, reward, trainer]) await bus.ready();
  await controller.publishRolloutTasks([rolloutTask]);
  const [task] = await actor.takeRolloutTasks(1, { waitMs: 5_000 });
  t.equal(task?.value.trajectoryId, rolloutTask.trajectoryId);
  task?.extend();
  task?.giveBack();
  const [again] = await actor.takeRolloutTasks(1, { waitMs: 5_000 });
  t.equal(await again?.lostDeliveries(), 0, 'a note of what was given back is written and read');
  await again?.ack();
  await controller.publishRolloutTasks([{ ...rolloutTask, attempt: 9 }]);
  t.equal(await controller.purgeRolloutTasks(rolloutTask.runId), 1);

  await actor.publishSegment('run', segment);
  for await (const lease of replay.consumeSegments()) {
    t.equal(lease.value.segment.id, segment.id);
    await lease.ack();
    break;
  }
  await replay.publishRewardTasks([{ runId: 'r', trajectoryId: 'r-g0-t0', attempt: 0 }]);
  const [judged] = await reward.takeRewardTasks(1, { waitMs: 5_000 });
  await judged?.discard('nobody can judge it');
  await reward.publishScore('run', score);
  for await (const lease of replay.consumeScores()) {
    await lease.ack();
    break;
  }
  const [held] = await replay.takeDeadLetters(10);
  t.match(held?.letter, { subject: 'segue.reward.r.r-g0-t0', reason: 'nobody can judge it' });
  await held?.remove();
  t.strictSame(await replay.takeDeadLetters(10), []);
  await controller.republish(held!.letter);
  const [requeued] = await reward.takeRewardTasks(1, { waitMs: 5_000 });
  t.equal(requeued?.value.trajectoryId, 'r-g0-t0');
  await requeued?.ack();
  t.match(await controller.queueDepths(), { rollout: { pending: 0 }, scores: { pending: 0 } });

  const policy = { runId: 'run', version: 3, manifestSha256: 'x', folder: '', trainerAddress: '' };
  await controller.putActivePolicy(policy);
  for (const bus of [actor, reward, trainer]) t.match(await bus.getActivePolicy('run'), { version: 3 });
  const signal = { runId: 'run', iteration: 1, policyVersion: 3, open: true };
  await controller.putIterationSignal(signal);
  t.match(await actor.getIterationSignal('run'), signal);
  await controller.putIterationSignal({ ...signal, runId: 'old' });
  await replay.forgetSignals('old');
  t.strictSame(await replay.signalledRuns(), ['run'], 'the store alone says that a run is gone');
  await t.rejects(actor.forgetSignals('run'), { code: 'PERMISSION_DENIED' });
  for (const [bus, service] of [
    [actor, 'actor'],
    [trainer, 'trainer'],
    [replay, 'replay'],
  ] as const) {
    await bus.register({ ...registration, id: `${service}-0`, service });
  }
  t.equal((await controller.registrations()).length, 3);
  await actor.unregister('actor', 'actor-0');
  t.equal((await reward.registrations('actor')).length, 0);

  const notes = controller.watchProgress();
  const first = notes[Symbol.asyncIterator]().next();
  let heard = false;
  const told = first.then(() => {
    heard = true;
  });
  // A note that comes before the server knows of the listener is nobody's: it is said until it is heard.
  while (!heard) {
    replay.announceProgress({ runId: 'run', iteration: 1, kind: 'group' });
    await Promise.race([told, pause(20)]);
  }
  t.match(await first, { value: { kind: 'group' } });
});

/** A connection by hand, as whoever has taken over a service would make it. */
async function intruder(service: ServiceName): Promise<NatsConnection> {
  const tls = tlsOf.get(service);
  const nc = await connect({
    servers: nats.url,
    inboxPrefix: inboxPrefix(service),
    authenticator: nkeyAuthenticator(Buffer.from(seedOf(service).trim())),
    tls: { ca: String(tls?.ca), cert: String(tls?.cert), key: String(tls?.key) },
  });
  t.teardown(() => nc.close());
  return nc;
}

/** Whether the server let this user publish: what it denies it says before it answers a later ping. */
async function isDenied(nc: NatsConnection, act: (nc: NatsConnection) => void): Promise<boolean> {
  let denied = false;
  const watch = nc.status();
  void (async () => {
    for await (const status of watch)
      if (status.type === 'error' && String(status.data) === 'PERMISSIONS_VIOLATION') denied = true;
  })();
  act(nc);
  await nc.flush();
  await nc.flush();
  return denied;
}

const anybody = ['controller', 'actor', 'reward', 'replay', 'trainer'] as const;
const except = (...services: readonly ServiceName[]) => anybody.filter((service) => !services.includes(service));

/** Where the server tells of messages that it gives up. */
const givenUp = '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.*.*';

/** Each act, and the users who must not do it. */
const forbidden: readonly (readonly [string, readonly ServiceName[], string])[] = [
  ['forge a rollout task', except('controller'), 'segue.rollout.run.run-g0-t0'],
  // The controller publishes dead letters again, whatever queue they came from.
  ['forge a reward task', except('replay', 'controller'), 'segue.reward.run.run-g0-t0'],
  ['forge a segment', except('actor', 'controller'), 'segue.segment.run.run-g0-t0'],
  ['forge a score', except('reward', 'controller'), 'segue.score.run.run-g0-t0'],
  ['forge a dead letter of segments', except('replay'), 'segue.dead.SEGUE_SEGMENTS'],
  ['forge a dead letter of rollout tasks', except('actor', 'replay'), 'segue.dead.SEGUE_ROLLOUT'],
  ['read a dead letter', except('replay'), '$JS.API.STREAM.MSG.GET.SEGUE_DEAD'],
  ['delete a dead letter', except('replay'), '$JS.API.STREAM.MSG.DELETE.SEGUE_DEAD'],
  ['say that a task was given back', except('actor', 'controller'), 'segue.returned.SEGUE_ROLLOUT.1.1'],
  ['say that a try was lost', except('actor', 'controller'), 'segue.returned.lost.run.run-g0-t0.0.1'],
  ['forget which tries were lost', except('controller'), '$JS.API.STREAM.PURGE.SEGUE_RETURNS'],
  ['say which policy is active', except('controller'), '$KV.segue_policies.run'],
  ['open an iteration', except('controller'), '$KV.segue_iterations.run'],
  ['stand in the registry as the store', except('replay'), '$KV.segue_registry.replay.replay'],
  ['stand in the registry as the trainer', except('trainer'), '$KV.segue_registry.trainer.trainer'],
  ['delete a stream', anybody, '$JS.API.STREAM.DELETE.SEGUE_SEGMENTS'],
  ['purge the dead letters', anybody, '$JS.API.STREAM.PURGE.SEGUE_DEAD'],
  ['purge the nudges', anybody, '$JS.API.STREAM.PURGE.SEGUE_EVENTS'],
  ['purge the registry', anybody, '$JS.API.STREAM.PURGE.KV_segue_registry'],
  // The store takes out what cannot be read of what it takes or fills.
  ['purge the segments', except('replay'), '$JS.API.STREAM.PURGE.SEGUE_SEGMENTS'],
  ['purge the scores', except('replay'), '$JS.API.STREAM.PURGE.SEGUE_SCORES'],
  ['purge the tasks of scorers', except('replay'), '$JS.API.STREAM.PURGE.SEGUE_REWARD'],
  ['make a stream', except('replay'), '$JS.API.STREAM.CREATE.MINE'],
  ['change a stream', except('replay'), '$JS.API.STREAM.UPDATE.SEGUE_SEGMENTS'],
  ['make a consumer of all segments', except('replay'), '$JS.API.CONSUMER.CREATE.SEGUE_SEGMENTS'],
  ['delete a consumer', anybody, '$JS.API.CONSUMER.DELETE.SEGUE_ROLLOUT.actors'],
  ['read a segment out of its stream', except('replay'), '$JS.API.STREAM.MSG.GET.SEGUE_SEGMENTS'],
  ['delete a segment', except('replay'), '$JS.API.STREAM.MSG.DELETE.SEGUE_SEGMENTS'],
  ['empty the queue of tasks', except('controller'), '$JS.API.STREAM.PURGE.SEGUE_ROLLOUT'],
  ['delete a task', except('controller', 'replay'), '$JS.API.STREAM.MSG.DELETE.SEGUE_ROLLOUT'],
  ['take rollout tasks', except('actor'), '$JS.API.CONSUMER.MSG.NEXT.SEGUE_ROLLOUT.actors'],
  ['take reward tasks', except('reward'), '$JS.API.CONSUMER.MSG.NEXT.SEGUE_REWARD.scorers'],
  ['take segments', except('replay'), '$JS.API.CONSUMER.MSG.NEXT.SEGUE_SEGMENTS.replay'],
  ["acknowledge another's task", except('actor'), '$JS.ACK.SEGUE_ROLLOUT.actors.1.1.1.1.0'],
  ["write to another's inbox", except(), '_INBOX_somebody.x'],
  ['ask the server about itself', anybody, '$SYS.REQ.SERVER.PING'],
];

t.test('each forbidden act of each user is denied', async (t) => {
  const connections = new Map<ServiceName, NatsConnection>();
  for (const service of serviceNames) connections.set(service, await intruder(service));
  for (const [what, services, subject] of forbidden) {
    for (const service of services) {
      const nc = connections.get(service);
      t.ok(nc && (await isDenied(nc, (own) => own.publish(subject))), `${service} may not ${what}`);
    }
  }
  for (const service of serviceNames) {
    const nc = connections.get(service);
    if (!nc) continue;
    for (const other of [...serviceNames.filter((one) => one !== service).map(inboxPrefix), '_INBOX']) {
      t.ok(
        await isDenied(nc, (own) => void own.subscribe(`${other}.>`, { callback: () => {} })),
        `${service} may not read ${other}`,
      );
    }
    t.ok(
      await isDenied(nc, (own) => void own.subscribe('segue.>', { callback: () => {} })),
      `${service} may not listen to all`,
    );
    t.ok(
      await isDenied(nc, (own) => void own.subscribe('>', { callback: () => {} })),
      `${service} may not listen to everything`,
    );
    t.equal(
      await isDenied(nc, (own) => void own.subscribe(givenUp, { callback: () => {} })),
      service !== 'replay',
      `only the store hears of what the server gives up: ${service}`,
    );
    t.notOk(await isDenied(nc, (own) => own.publish('$JS.API.INFO')), `${service} may do what it has to`);
    const purged =
      service === 'replay'
        ? [queues.segments, queues.scores, queues.reward]
        : service === 'controller'
          ? [queues.rollout]
          : [];
    for (const { stream } of purged) {
      const isKept = await isDenied(nc, (own) => own.publish(`$JS.API.STREAM.PURGE.${stream}`));
      t.notOk(isKept, `${service} may take out what cannot be read in ${stream}`);
    }
  }
});

t.test('who is no user, or comes without the right certificate, is not let in', async (t) => {
  const options = { url: nats.url, name: 'stranger', connectTimeoutMs: 1_000 };
  const tls = tlsOf.get('actor');
  const strange = await (await Papers.ofNewAuthority()).of('service', 'actor');
  await t.rejects(connectBus({ ...options, tls }), { code: 'UNAUTHENTICATED' }, 'no user');
  await t.rejects(
    connectBus({ ...options, tls, seed: makeNatsSeed() }),
    { code: 'UNAUTHENTICATED' },
    'a user that is not ours',
  );
  await t.rejects(
    connectBus({ ...options, seed: seedOf('actor') }),
    { message: /refused|no NATS server/ },
    'no certificate',
  );
  const wrong = { ...options, seed: seedOf('actor'), tls: papers.trusting(strange) };
  await t.rejects(connectBus(wrong), { message: /refused|no NATS server/ }, 'wrong authority');
  const untrusted = { ...options, seed: seedOf('actor'), tls: strange };
  await t.rejects(connectBus(untrusted), { code: 'UNAUTHENTICATED' }, 'a server that we do not trust');
});

t.test('a lease that a user may not change is taken as it is', async (t) => {
  const other = await connectBus({
    url: nats.url,
    name: 'other',
    service: 'actor',
    seed: seedOf('actor'),
    tls: tlsOf.get('actor'),
    rolloutLeaseMs: 3_000,
  });
  t.teardown(() => other.close());
  await controller.publishRolloutTasks([{ ...rolloutTask, attempt: 20 }]);
  const [lease] = await other.takeRolloutTasks(1, { waitMs: 5_000 });
  t.equal(lease?.leaseMs, 10_000);
  await lease?.ack();
});

t.test('a password in the address of the server is in no message', async (t) => {
  const url = nats.url.replace('//', '//somebody:planted-secret@');
  const error = await connectBus({ url, name: 'x', connectTimeoutMs: 500 }).catch(String);
  t.notMatch(String(error), /planted-secret/);
  t.match(String(error), /127\.0\.0\.1/);
});
