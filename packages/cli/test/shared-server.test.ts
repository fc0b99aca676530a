/** A message server that runs already, and who else uses it: a living cluster is left alone, what is left of a dead one hinders nobody. Real servers and a real store. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connectBus, type Registration } from '@segue/bus';
import { SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { defaultClusterOptions, LocalCluster } from '../dist/cluster/local-cluster.js';
import { waitUntilFree } from '../dist/cluster/shared-server.js';
import { withStore } from '../dist/run/with-store.js';

const entryOf = (address: string, seenAtMs: number): Registration => ({
  ...{ service: 'replay', id: 'replay', address, metricsAddress: '', seenAtMs },
  ...{ policyVersion: null, slots: 0, running: 0, flushedIteration: null, runId: '', published: {} },
});

/** A server that SEGUE_NATS_URL names, with streams. */
async function startShared(t: Test) {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  process.env.SEGUE_NATS_URL = nats.url;
  t.teardown(() => {
    delete process.env.SEGUE_NATS_URL;
  });
  const open = async () => {
    const bus = await connectBus({ url: nats.url, name: 'other' });
    t.teardown(() => bus.close());
    return bus;
  };
  return { nats, open };
}

/** Beats faster than is looked for, until the test ends. */
function live(t: Test, bus: Awaited<ReturnType<typeof connectBus>>, address: string): () => Promise<void> {
  let beats = 0;
  let last: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    beats += 1;
    last = bus.register(entryOf(address, beats));
  }, 50);
  t.teardown(() => clearInterval(timer));
  return async () => {
    clearInterval(timer);
    await last;
    await bus.unregister('replay', 'replay');
  };
}

/** The file of a killed supervisor, whose store is at this address. */
function left(address: string): string {
  const processes = [{ name: 'replay', pid: null, address, metricsAddress: '' }];
  return JSON.stringify({ supervisorPid: 0, processes });
}

const service = `
  const server = require('node:net').createServer().listen(0, '127.0.0.1', () => {
    const address = '127.0.0.1:' + server.address().port;
    console.log(JSON.stringify({ ready: true, address, metricsAddress: address }));
  });`;

/** Of services that are ready, and no more. */
function idleCluster(folder: string): LocalCluster {
  const entry = join(folder, 'service.cjs');
  writeFileSync(entry, service);
  const entries = { replay: entry, controller: entry, trainer: entry, reward: entry };
  const options = { ...defaultClusterOptions, dataFolder: join(folder, 'data'), actors: 0, entries };
  return new LocalCluster(options, () => {});
}

t.test('a server that nobody has used yet is taken', async (t) => {
  const { nats } = await startShared(t);
  const data = t.testdir();
  const cluster = idleCluster(data);
  t.teardown(() => cluster.stop());
  await cluster.start();
  t.notOk(existsSync(join(data, 'data', 'nats')), `and no other one is started (${nats.url})`);
});

t.test('no cluster starts beside a living one, and one does when that has gone', async (t) => {
  const { open } = await startShared(t);
  const bus = await open();
  await bus.setUp();
  await bus.register(entryOf('elsewhere:7404', 0));
  const leave = live(t, bus, 'elsewhere:7404');
  const cluster = idleCluster(t.testdir());
  t.teardown(() => cluster.stop());
  const message = /another cluster uses the message server of SEGUE_NATS_URL \(its replay is at elsewhere:7404\)/;
  await t.rejects(cluster.start(), { code: 'FAILED_PRECONDITION', message });
  t.strictSame(
    (await bus.registrations('replay')).map(({ address }) => address),
    ['elsewhere:7404'],
  );
  await leave();
  await cluster.start();
});

t.test('services that a killed supervisor left behind are waited for', async (t) => {
  const { open } = await startShared(t);
  const bus = await open();
  await bus.setUp();
  await bus.register(entryOf('127.0.0.1:7404', 0));
  const folder = t.testdir();
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data', 'cluster.json'), left('127.0.0.1:7404'));
  let looks = 0;
  // Each look finds it alive, until it has saved what it had.
  const draining = {
    registrations: async () => (++looks < 5 ? [entryOf('127.0.0.1:7404', looks)] : []),
  };
  const patience = { betweenLooksMs: 1, forgottenAfterMs: 60_000, ownMs: 60_000 };
  await waitUntilFree(draining, new Set(['127.0.0.1:7404']), patience);
  t.equal(looks, 5);
  looks = 0;
  await t.rejects(
    waitUntilFree(draining, new Set(['127.0.0.1:7404']), { ...patience, ownMs: 0 }),
    { code: 'FAILED_PRECONDITION' },
    'but not for ever',
  );
  const leave = live(t, bus, '127.0.0.1:7404');
  const cluster = idleCluster(folder);
  t.teardown(() => cluster.stop());
  const started = cluster.start();
  const seen = await Promise.race([started.then(() => 'started', String), pause(3_000, 'alive')]);
  t.equal(seen, 'alive');
  await leave();
  await started;
});

t.test('a start that is stopped while it waits for them does not forget whose they were', async (t) => {
  const { open } = await startShared(t);
  const bus = await open();
  await bus.setUp();
  await bus.register(entryOf('127.0.0.1:7404', 0));
  const leave = live(t, bus, '127.0.0.1:7404');
  const folder = t.testdir({ data: { 'cluster.json': left('127.0.0.1:7404') } });
  const state = () => readFileSync(join(folder, 'data', 'cluster.json'), 'utf8');
  const cluster = idleCluster(folder);
  t.teardown(() => cluster.stop());
  await t.rejects(cluster.start(AbortSignal.abort(new SegueError('CANCELLED', 'stopped'))), { code: 'CANCELLED' });
  t.equal(state(), left('127.0.0.1:7404'), 'the next start waits for them too');
  await leave();
  await cluster.start();
  t.match(JSON.parse(state()), { supervisorPid: process.pid });
  await cluster.stop();
  t.notOk(existsSync(join(folder, 'data', 'cluster.json')), 'its own goes with it');
});

t.test('entries of services that died hinder nobody', async (t) => {
  let looks = 0;
  const dead = {
    registrations: async () => (++looks < 5 ? [entryOf('elsewhere:7404', 1)] : []),
  };
  const patience = { betweenLooksMs: 1, forgottenAfterMs: 60_000, ownMs: 0 };
  await waitUntilFree(dead, new Set(), patience);
  t.equal(looks, 5, 'the server forgets them');
  looks = 0;
  await waitUntilFree(dead, new Set(), { ...patience, forgottenAfterMs: 0 });
  t.ok(looks < 5, 'or does not, and they are taken for dead all the same');
  const actors = { registrations: async () => [{ ...entryOf('elsewhere:7401', ++looks), service: 'actor' as const }] };
  await waitUntilFree(actors, new Set(), patience);
  t.pass('actors that have joined wait for the next cluster');
});

t.test('who reads a store takes no part in what is shared', async (t) => {
  const { open } = await startShared(t);
  const bus = await open();
  await bus.setUp();
  const data = t.testdir({ replay: { 'data.mdb': '' }, 'cluster.json': left('elsewhere:7404') });
  await withStore(data, async (store) => {
    for await (const check of store.verify(null, false)) t.equal(check.damage, null);
    t.ok(existsSync(join(data, 'nats', 'nats-server.pid')), 'it has a server of its own');
    t.strictSame(await bus.registrations('replay'), []);
  });
  t.equal(readFileSync(join(data, 'cluster.json'), 'utf8'), left('elsewhere:7404'), 'nor does it forget who did');
});
