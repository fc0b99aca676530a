/** The process shell for real: a tiny service as a child process on a real nats-server, from its ready line to its exit code. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connectBus, connectReward } from '@segue/bus';
import { connect } from 'nats';
import descriptor, { type IFileDescriptorProto } from 'protobufjs/ext/descriptor.js';
import t, { type Test } from 'tap';
import { freePort, startNats } from '../../../test/support/nats.js';
import { askHealth, describeSymbol, listServices } from './support/grpc-probe.js';
import { startTiny } from './support/tiny-process.js';

const nats = await startNats();
t.teardown(() => nats.stop());
// Streams and buckets are the controller's to make; the tiny service waits for them.
const bus = await connectBus({ url: nats.url, name: 'test' });
await bus.setUp();
t.teardown(() => bus.close());

const freePorts = ['--port', '0', '--metrics-port', '0'];
const onNats = ['--set', `natsUrl=${nats.url}`, ...freePorts];
const quiet = ['--set', 'logLevel=error'];

async function fetchText(url: string) {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

/** Map fields of a file's messages with the types of their entries, as strict readers look for them. */
function mapEntries(file: Uint8Array): string {
  const { FileDescriptorProto } = descriptor;
  const decoded: IFileDescriptorProto = FileDescriptorProto.toObject(FileDescriptorProto.decode(file));
  const { package: scope, messageType } = decoded;
  const fields = (messageType ?? []).flatMap(({ name, field, nestedType }) =>
    (nestedType ?? [])
      .filter(({ options }) => options?.mapEntry)
      .map((entry) => {
        const type = `.${scope}.${name}.${entry.name}`;
        return `${name}.${field?.find(({ typeName }) => typeName === type)?.name}: ${type}`;
      }),
  );
  return fields.join('\n');
}

t.test('a started service says once where it is, answers health and reflection, and shows its metrics', async (t) => {
  const tiny = startTiny(t, [...onNats, '--id', 'tiny-1']);
  const { address, metricsAddress, ...rest } = await tiny.ready;
  t.strictSame(rest, { ready: true, id: 'tiny-1', service: 'reward' });
  t.match(address, /^127\.0\.0\.1:[1-9]\d*$/);

  t.equal(await askHealth(address), 'SERVING');
  t.strictSame(await listServices(address), ['segue.v1.RewardScorer'], 'reflection lists what is served');
  const [file] = await describeSymbol(address, 'segue.v1.RewardScorer');
  t.match(mapEntries(file!), /Statistics.segments_by_end_reason: .segue.v1.Statistics.SegmentsByEndReasonEntry/);

  const client = connectReward(address);
  t.teardown(() => client.close());
  t.match(await client.listScorers({}), { scorers: [{ name: 'none' }] });
  await t.rejects(client.scoreBatch({ requests: [] }), { code: 'FAILED_PRECONDITION', rawMessage: 'judges nothing' });

  t.strictSame(await fetchText(`http://${metricsAddress}/healthz`), { status: 200, text: 'ok\n' });
  t.strictSame(await fetchText(`http://${metricsAddress}/readyz`), { status: 200, text: 'ok\n' });
  t.equal((await fetchText(`http://${metricsAddress}/else`)).status, 404);
  const { text } = await fetchText(`http://${metricsAddress}/metrics`);
  const calls = (rpc: string, code: string) =>
    text
      .split('\n')
      .filter((line) => line.startsWith('segue_calls_total{') && line.includes(rpc) && line.includes(`code="${code}"`));
  t.match(calls('ListScorers', 'OK'), [/ 1$/]);
  t.match(calls('ScoreBatch', 'FAILED_PRECONDITION'), [/ 1$/]);
  t.match(text, /segue_loop_failures_total\{[^}]*loop="flaky"[^}]*\} [1-9]/, 'a loop that fails is counted');
  t.match(text, /process_cpu_seconds_total/);
  t.equal(tiny.stdout.length, 1, 'stdout carries the ready line alone');
});

t.test('a service is in the registry while it runs', async (t) => {
  const tiny = startTiny(t, [...onNats, '--id', 'tiny-registered']);
  const { address, metricsAddress } = await tiny.ready;
  const own = async () => (await bus.registrations('reward')).filter(({ id }) => id === 'tiny-registered');
  t.match(await own(), [{ service: 'reward', address, metricsAddress, slots: 3 }]);
  tiny.signal('SIGTERM');
  t.equal(await tiny.ended, 0);
  t.strictSame(await own(), [], 'and leaves it when it stops');
});

t.test('a service for which the registry has no room begins all the same, and ends in order', async (t) => {
  const nc = await connect({ servers: nats.url });
  t.teardown(() => nc.close());
  const { streams } = await nc.jetstreamManager();
  const { config } = await streams.info('KV_segue_registry');
  await streams.update('KV_segue_registry', { max_bytes: 1 });
  t.teardown(() => streams.update('KV_segue_registry', { max_bytes: config.max_bytes }));
  const tiny = startTiny(t, [...onNats, '--id', 'tiny-refused']);
  const { address } = await tiny.ready;
  t.equal(await askHealth(address), 'SERVING');
  t.notOk((await bus.registrations('reward')).some(({ id }) => id === 'tiny-refused'));
  tiny.signal('SIGTERM');
  t.equal(await tiny.ended, 0);
  const told = tiny.log.filter(({ code }) => code === 'RESOURCE_EXHAUSTED');
  t.match(told[0]?.msg, /^heartbeat: registering reward.tiny-refused/);
  t.match(told.at(-1)?.msg, /^heartbeat: unregistering reward.tiny-refused/);
});

t.test('SIGTERM stops the parts in reverse and ends with 0', async (t) => {
  const tiny = startTiny(t, onNats);
  await tiny.ready;
  tiny.signal('SIGTERM');
  t.equal(await tiny.ended, 0);
  const steps = tiny.log.filter(({ step }) => step !== undefined);
  t.strictSame(
    steps.map(({ step }) => step),
    ['start first', 'start second', 'stop second', 'stop first'],
  );
  t.equal(steps.at(-1)?.aborted, true, 'the signal has fired before');
  t.equal(tiny.log.find(({ reason }) => reason !== undefined)?.reason, 'SIGTERM');
  t.equal(tiny.log.at(-1)?.msg, 'stopped');
});

t.test(
  'a step that hangs is named, the others are stopped, and what still hangs is killed with the process',
  async (t) => {
    const tiny = startTiny(t, onNats, { TINY_STUCK: '100' });
    await tiny.ready;
    tiny.signal('SIGTERM');
    t.equal(await tiny.ended, 'SIGKILL');
    t.match(
      tiny.log.filter(({ level }) => level === 'error'),
      [{ code: 'DEADLINE_EXCEEDED', msg: 'stopping stuck took longer than 100 ms' }],
    );
    t.equal(tiny.log.at(-1)?.msg, 'stopped');
    t.ok(tiny.log.some(({ step }) => step === 'stop first'));
  },
);

t.test('stopTimeoutMs bounds the whole stop', async (t) => {
  const tiny = startTiny(t, [...onNats, '--set', 'stopTimeoutMs=200'], { TINY_STUCK: '60000' });
  await tiny.ready;
  tiny.signal('SIGTERM');
  t.equal(await tiny.ended, 'SIGKILL');
  t.match(
    tiny.log.filter(({ level }) => level === 'error'),
    [{ code: 'DEADLINE_EXCEEDED', msg: /^stopping stuck took longer than \d{2,3} ms$/ }],
  );
  t.ok(
    tiny.log.some(({ step }) => step === 'stop first'),
    'the others still have some of it',
  );
});

t.test('on the leash of a supervisor SIGINT is not its business, and the end of stdin is', async (t) => {
  const tiny = startTiny(t, [...onNats, '--stop-on-stdin-end']);
  const { address } = await tiny.ready;
  tiny.signal('SIGINT');
  t.equal(await askHealth(address), 'SERVING', 'goes on');
  tiny.endStdin();
  t.equal(await tiny.ended, 0);
  t.strictSame(
    tiny.log.flatMap(({ reason }) => reason ?? []),
    ['supervisor gone'],
  );
});

t.test('run by hand, SIGINT stops it and the end of stdin does not', async (t) => {
  const tiny = startTiny(t, onNats);
  const { address } = await tiny.ready;
  tiny.endStdin();
  t.equal(await askHealth(address), 'SERVING');
  tiny.signal('SIGINT');
  t.equal(await tiny.ended, 0);
});

/** Starts what may not start: one line that says why, exit code 2, no stack and no ready line. */
async function refused(t: Test, args: readonly string[], code: string, message: RegExp) {
  const tiny = startTiny(t, [...quiet, ...args]);
  t.equal(await tiny.ended, 2, 'exit code');
  t.equal(tiny.log.length, 1, `one line: ${JSON.stringify(tiny.log)}`);
  t.match(tiny.log[0], { level: 'fatal', code, msg: message });
  t.notOk(tiny.log[0]?.stack, 'no stack');
  t.strictSame(tiny.stdout, []);
}

t.test('a start that cannot be says why in one line and ends with 2', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  t.teardown(() => taken.close());
  const bound = taken.address();
  const port = typeof bound === 'object' && bound ? String(bound.port) : '';
  const nowhere = `nats://127.0.0.1:${await freePort()}`;
  const unavailable = 'UNAVAILABLE';
  const wrong = 'INVALID_CONFIG';
  // At once: the missing nats-server is waited for.
  await Promise.all([
    refused(t, ['--set', `natsUrl=${nowhere}`, ...freePorts], unavailable, /no NATS server answers at .*: start one/),
    refused(t, [...onNats, '--port', port], unavailable, new RegExp(`cannot listen on 127.0.0.1:${port}: is the port`)),
    refused(t, [...onNats, '--metrics-port', port], unavailable, /--metrics-port/),
    refused(t, [...onNats, '--set', 'colour=red'], wrong, /unknown key "colour"/),
    refused(t, [...onNats, '--colour'], wrong, /reward: .*--colour/),
    refused(t, [...onNats, '--port', 'http'], wrong, /--port must be 0 to 65535, got "http"/),
    refused(t, [...onNats, '--config', '/nowhere/reward.yaml'], wrong, /\/nowhere\/reward.yaml cannot be read/),
    refused(t, [...onNats, '--host', '0.0.0.0'], wrong, /host 0.0.0.0 is not loopback.*--insecure/),
  ]);
});

t.test('off loopback with --insecure it starts, and tells nobody by reflection what it serves', async (t) => {
  const tiny = startTiny(t, [...onNats, '--host', '0.0.0.0', '--insecure']);
  const { address } = await tiny.ready;
  const local = address.replace('0.0.0.0', '127.0.0.1');
  t.equal(await askHealth(local), 'SERVING');
  await t.rejects(listServices(local), { message: /UNIMPLEMENTED/ });
});

t.test('flags go over the environment, the environment over the file', async (t) => {
  const file = join(t.testdir(), 'reward.yaml');
  writeFileSync(file, 'id: from-file\nconcurrency: 2\ntimeoutMs: 111\nmaxAttempts: 4\n');
  const tiny = startTiny(t, ['--config', file, ...freePorts, '--set', 'timeoutMs=333'], {
    SEGUE_NATS_URL: nats.url,
    SEGUE_REWARD_CONCURRENCY: '5',
    SEGUE_REWARD_TIMEOUT_MS: '222',
  });
  await tiny.ready;
  const { config } = tiny.log.find((line) => line.msg === 'effective configuration') ?? {};
  t.match(config, { id: 'from-file', concurrency: 5, timeoutMs: 333, maxAttempts: 4, natsUrl: nats.url });
});
