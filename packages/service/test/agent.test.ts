/** Checkpoint agents with real engine processes on a real message server: two who want one device, a process that dies, a lease that is lost, and the HTTP face. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { type Bus, connectBus } from '@segue/bus';
import { SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { until } from '../../../test/support/waiting.js';
import { type AgentOwner, CheckpointAgent, createMetrics, serveAgent } from '../dist/index.js';

const entry = new URL('../../engine/dist/process/engine-process.js', import.meta.url);
const warmUp = { name: 'warmTraining', callTimeoutMs: 60_000 };
/** Devices of this host are told apart by name: other tests may run beside this one. */
const device = `test-${process.pid}`;

interface Setting {
  readonly leaseMs?: number;
  readonly waitMs?: number;
}

async function open(t: Test) {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  const bus: Bus = await connectBus({ url: nats.url, name: 'test' });
  t.teardown(() => bus.close());
  await bus.setUp();
  const log = { info: () => undefined, warn: () => undefined };
  const agentOf = (holder: string, { leaseMs = 60_000, waitMs = 30_000 }: Setting = {}) => {
    const metrics = createMetrics('actor', holder);
    const agent = new CheckpointAgent({ bus, device, holder, leaseMs, waitMs, entry, warmUp, metrics, log });
    t.teardown(() => agent.stop());
    return { agent, metrics };
  };
  return { bus, agentOf };
}

function isAlive(pid: number): boolean {
  try {
    // A zombie has a number, but no memory.
    return /^VmRSS/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

t.test('of two agents one has the device, and what it gives back is free', async (t) => {
  const { agentOf } = await open(t);
  const { agent: one, metrics } = agentOf('one');
  const { agent: impatient } = agentOf('two', { waitMs: 100 });
  const shownBytes = async () => {
    const [, shown] = /engine_resident_bytes\{[^}]*\} (\d+)/.exec(await metrics.registry.metrics()) ?? [];
    return Number(shown);
  };
  t.equal(await shownBytes(), 0);
  await one.acquire();
  t.ok((await shownBytes()) > 10_000_000, 'read as metrics are collected, with nobody asking the agent');
  const held = await one.status();
  t.match(held, { state: 'holding', epoch: 1, starts: 1 });
  t.ok(held.residentBytes > 10_000_000, 'a process with the engine in it');

  await t.rejects(impatient.acquire(), { code: 'UNAVAILABLE', message: /held by one \(epoch 1\)/ });
  t.match(await impatient.status(), { state: 'standby', epoch: null }, 'it stands by for its next try');
  t.equal(await one.acquire(), await one.acquire(), 'who has the device has it at once');

  const report = await one.release();
  t.equal(report.residentBytes > 10_000_000, true);
  t.equal(report.leftBytes, 0);
  t.notOk(isAlive(held.pid!), 'its process is gone');
  t.equal(await shownBytes(), 0);
  t.match(await one.status(), { state: 'absent', epoch: null, pid: null, residentBytes: 0 });
  await impatient.acquire();
  t.match(await impatient.status(), { state: 'holding', epoch: 2, starts: 1 });
  t.match(await metrics.registry.metrics(), /segue_actor_device_held\{[^}]*\} 0\n/);
});

t.test('who waits gets the device when it comes free, and makes ready when that is told', async (t) => {
  const { bus, agentOf } = await open(t);
  const { agent: one } = agentOf('one');
  const { agent: two } = agentOf('two');
  const stop = new AbortController();
  const following = two.follow(bus.watchDeviceLeases({ signal: stop.signal }));
  await one.acquire();
  t.equal(two.state, 'absent');
  await one.announceEnd();
  await until(async () => two.state === 'standby');
  const waiting = two.acquire();
  await one.release();
  await waiting;
  t.match(await two.status(), { state: 'holding', epoch: 2, starts: 1 });
  stop.abort();
  await following;
});

t.test('a process that is killed is replaced, and its calls fail', async (t) => {
  const { agentOf } = await open(t);
  const { agent } = agentOf('one');
  const port = await agent.acquire();
  const { pid } = await agent.status();
  const call = t.rejects(port.call({ name: 'take', device: `other-${device}`, epoch: 0, waitMs: 0 }), {
    code: 'FAILED_PRECONDITION',
  });
  await call;
  process.kill(pid!, 'SIGKILL');
  await until(async () => agent.state === 'absent');
  await t.rejects(port.call(warmUp), { code: 'UNAVAILABLE', message: /SIGKILL/ });
  t.not(await agent.acquire(), port);
  t.match(await agent.status(), { state: 'holding', epoch: 1, starts: 2 }, 'the lease was never given back');
});

t.test('the lock of this host holds even where the lease does not', async (t) => {
  const { bus, agentOf } = await open(t);
  const { agent: one } = agentOf('one');
  await one.acquire();
  const { pid } = await one.status();
  // As after a pause of the holder's machine: the lease is another's, its process still computes.
  const kept = await bus.deviceLease(device);
  await bus.putDeviceLease({ ...kept!.lease, holder: '' }, kept!.revision);
  const { agent: two } = agentOf('two', { waitMs: 200 });
  // On a busy machine a try may be over before it comes to the lock.
  const tries: SegueError[] = [];
  const tryOnce = () => two.acquire().then(() => null, SegueError.from);
  await until(async () => {
    const refusal = await tryOnce();
    if (refusal === null) throw new Error('it has a device that another process still uses');
    tries.push(refusal);
    return /another process of this host has device/.test(refusal.message);
  });
  t.strictSame([...new Set(tries.map(({ code }) => code))], ['UNAVAILABLE']);
  t.ok(isAlive(pid!));
});

t.test('who finds the device taken by a later epoch ends its engine', async (t) => {
  const { bus, agentOf } = await open(t);
  const { agent } = agentOf('one', { leaseMs: 3_000 });
  const port = await agent.acquire();
  const { pid } = await agent.status();
  // A renewal may come between the look and the write.
  await until(async () => {
    const kept = await bus.deviceLease(device);
    const stolen = { ...kept!.lease, holder: 'thief', epoch: kept!.lease.epoch + 1 };
    return (await bus.putDeviceLease(stolen, kept!.revision)) !== null;
  });
  await until(async () => agent.state === 'absent');
  await until(async () => !isAlive(pid!));
  await t.rejects(port.call(warmUp), { code: 'UNAVAILABLE' });
  t.equal((await bus.deviceLease(device))?.lease.holder, 'thief', 'what is not its own is left alone');
});

t.test('a lease that nobody renews comes free', async (t) => {
  const { bus, agentOf } = await open(t);
  await bus.putDeviceLease({ device, holder: 'dead', epoch: 7, ending: false }, 0);
  const { agent } = agentOf('one', { leaseMs: 3_000 });
  await agent.acquire();
  t.match(await agent.status(), { state: 'holding', epoch: 8 });
});

t.test('over HTTP: health, status, and what may be asked', async (t) => {
  const { agentOf } = await open(t);
  const { agent } = agentOf('one');
  const asked: unknown[] = [];
  const owner: AgentOwner = {
    load: async (order) => void asked.push(order),
    release: async () => void (await agent.release()),
  };
  const face = await serveAgent(agent, owner, 0);
  t.teardown(() => face.close());
  const json = { 'content-type': 'application/json' };
  const ask = (method: string, path: string, headers: Record<string, string> = json, body = '') =>
    new Promise<{ status: number; body: unknown }>((resolve, reject) => {
      const sent = request(`http://${face.address}${path}`, { method, headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(parts).toString()) }),
        );
      });
      sent.once('error', reject).end(body);
    });
  t.match(await ask('GET', '/healthz'), { status: 200, body: { ok: true } });
  t.match(await ask('GET', '/status'), { status: 200, body: { state: 'absent', device } });
  t.match(await ask('POST', '/start'), { status: 200, body: { state: 'standby', starts: 1 } });
  await agent.acquire();
  const { pid } = await agent.status();
  t.match(await ask('POST', '/restart'), { status: 200, body: { state: 'standby', epoch: 1, starts: 2 } });
  t.notOk(isAlive(pid!));
  t.match(await ask('POST', '/load', json, '{"runId":"r","version":3}'), { status: 200 });
  t.strictSame(asked, [{ runId: 'r', version: 3 }]);
  t.match(await ask('POST', '/load', json, '{"runId":"r"}'), { status: 400, body: { code: 'INVALID_INPUT' } });
  t.match(await ask('POST', '/load', json, `{"runId":"${'r'.repeat(5_000)}"}`), { status: 400 });
  t.match(await ask('POST', '/release'), { status: 200, body: { state: 'absent', epoch: null } });
  t.match(await ask('POST', '/start'), { status: 200, body: { state: 'standby' } });
  t.match(await ask('POST', '/terminate'), { status: 200, body: { state: 'absent' } });
  t.match(await ask('POST', '/nothing'), { status: 404 });
  t.match(await ask('POST', '/terminate', {}), { status: 400 }, 'a form of a foreign page has no JSON type');
  t.match(await ask('GET', '/status', { host: 'evil.example' }), { status: 403 }, 'a name that was turned to us');
});
