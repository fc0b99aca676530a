/**
 * A message server that runs already and whose answers are no cluster's: one without JetStream is refused, one that lets nobody in or gives who has no credentials too few
 * rights to look is taken, since services may have some that the supervisor has not. Real servers; told apart by codes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectBus, makeNatsSeed, natsUserOf } from '@segue/bus';
import t, { type Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { requireFreeServer } from '../dist/cluster/shared-server.js';

const seed = makeNatsSeed();
const owner = natsUserOf(seed, 'seed');

/** A server whose owner may do everything, and everybody else what `permissions` say. */
const sharedBy = (permissions: string) =>
  `no_auth_user: anybody
   authorization { users: [ { nkey: ${owner} }, { user: anybody, password: none, permissions: { ${permissions} } } ] }`;

/** Its owner's cluster, which beats faster than is looked for, is there too. */
async function startShared(t: Test, config: string, isUsed: boolean): Promise<string> {
  const folder = t.testdir();
  const configFile = join(folder, 'nats.conf');
  writeFileSync(configFile, config);
  const nats = await startNats({ configFile });
  t.teardown(() => nats.stop());
  if (!isUsed) return nats.url;
  const bus = await connectBus({ url: nats.url, name: 'owner', seed });
  await bus.setUp();
  let beats = 0;
  const beat = () =>
    bus.register({
      ...{ service: 'replay', id: 'replay', address: 'elsewhere:7404', metricsAddress: '', seenAtMs: ++beats },
      ...{ policyVersion: null, slots: 0, running: 0, flushedIteration: null, runId: '', published: {} },
    });
  await beat();
  let last = Promise.resolve();
  const timer = setInterval(() => {
    last = beat();
  }, 50);
  t.teardown(async () => {
    clearInterval(timer);
    await last;
    await bus.close();
  });
  return nats.url;
}

const look = (url: string) => requireFreeServer({ url, own: new Set() });
const connecting = async (url: string) => {
  const bus = await connectBus({ url, name: 'anybody' });
  await bus.close();
};

t.test('a server without JetStream is refused', async (t) => {
  const refusal = { code: 'FAILED_PRECONDITION', message: /gives no JetStream .*: start it with --jetstream/ };
  const without = await startNats({ hasJetStream: false });
  t.teardown(() => without.stop());
  const others = 'accounts { OTHERS { jetstream: enabled }, OURS { users: [ { user: anybody, password: none } ] } }';
  const forOthers = await startShared(t, `no_auth_user: anybody\n${others}`, false);
  for (const url of [without.url, forOthers]) {
    await t.rejects(connecting(url), refusal);
    await t.rejects(look(url), refusal);
  }
});

t.test('a server that asks for credentials is taken', async (t) => {
  const url = await startShared(t, `authorization { users: [ { nkey: ${owner} } ] }`, true);
  await t.rejects(connecting(url), { code: 'UNAUTHENTICATED' });
  await look(url);
});

t.test('a server that gives too few rights to look is taken, and says which', async (t) => {
  const rights = [
    ['publish: { deny: ">" }', /Publish to "\$JS\.API\.INFO"/],
    ['subscribe: { deny: ">" }', /Subscription to "_INBOX/],
  ] as const;
  for (const [permissions, what] of rights) {
    const url = await startShared(t, sharedBy(permissions), true);
    await t.rejects(connecting(url), { code: 'PERMISSION_DENIED', message: what }, permissions);
    await look(url);
  }
});

t.test('so is one that lets anybody connect, and not read who is there', async (t) => {
  for (const permissions of ['publish: { allow: ["$JS.API.INFO"] }', 'publish: { deny: "$JS.API.STREAM.MSG.GET.>" }']) {
    const url = await startShared(t, sharedBy(permissions), true);
    await connecting(url);
    await look(url);
  }
});

t.test('where anybody may look, a living cluster is found', async (t) => {
  const url = await startShared(t, sharedBy('publish: { allow: ">" }'), true);
  await t.rejects(look(url), { code: 'FAILED_PRECONDITION', message: /its replay is at elsewhere:7404/ });
});
