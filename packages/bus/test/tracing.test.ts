/** Traces through real calls and a real message server, with OpenTelemetry's SDK recording into memory: what goes on, what is not let in, what off means. */
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { type Segment, SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { type Bus, connectBus, currentTrace, inSpan, type Lease, traced, turnOnTracing } from '../dist/index.js';
import { formatTraces, readTrace, readTraces } from '../dist/tracing.js';
import { serveActor } from './rpc-servers.js';
import { actorStatus, rolloutTask, segment } from './samples.js';

const exporter = new InMemorySpanExporter();
const spanNamed = (name: string) => exporter.getFinishedSpans().find((span) => span.name === name);
const parentOf = (name: string) => spanNamed(name)?.parentSpanContext?.spanId;

async function openBus(t: Test): Promise<Bus> {
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test' });
  t.teardown(async () => {
    await bus.close();
    await nats.stop();
  });
  await bus.setUp();
  return bus;
}

function segmentOf(member: number): Segment {
  const trajectoryId = `r-g0-t${member}`;
  return { ...segment, id: `${trajectoryId}-s0`, trajectoryId };
}

// First, since nothing turns tracing off again.
t.test('off, nothing is recorded and nothing travels', async (t) => {
  const bus = await openBus(t);
  const parent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
  t.equal(readTrace(parent), null);
  t.equal(await inSpan({ name: 'work', parent }, async () => currentTrace()), null);
  await bus.publishRolloutTasks([rolloutTask], new Map([[rolloutTask.trajectoryId, parent]]));
  const [lease] = await bus.takeRolloutTasks(1, { waitMs: 5_000 });
  t.equal(lease?.trace, null, 'what another process sends is not taken up');
});

t.test('on', async (t) => {
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  turnOnTracing();
  t.beforeEach(() => exporter.reset());

  await t.test('a call belongs to what called it, and what its handler does to the call', async (t) => {
    let seen: string | null = null;
    const { client } = await serveActor(t, {
      getActorStatus: async () => {
        seen = currentTrace();
        return actorStatus;
      },
      drain: async () => {
        throw new SegueError('FAILED_PRECONDITION', 'it drains already');
      },
    });
    await inSpan({ name: 'root', parent: null }, async () => {
      await client.getActorStatus({});
      await t.rejects(client.drain({}), { code: 'FAILED_PRECONDITION' });
    });
    const root = spanNamed('root')?.spanContext();
    const call = spanNamed('segue.v1.RolloutActor/GetActorStatus')?.spanContext();
    t.equal(call?.traceId, root?.traceId);
    t.equal(parentOf('segue.v1.RolloutActor/GetActorStatus'), root?.spanId);
    t.equal(seen, `00-${call?.traceId}-${call?.spanId}-01`);
    t.match(spanNamed('segue.v1.RolloutActor/Drain'), { attributes: { 'segue.code': 'FAILED_PRECONDITION' } });

    exporter.reset();
    await client.getActorStatus({});
    t.strictSame(exporter.getFinishedSpans(), [], 'a call that belongs to nothing begins no trace');
  });

  await t.test('a task belongs to what issued it; values that travel together keep their own traces', async (t) => {
    const bus = await openBus(t);
    const [first, second] = ['a', 'b'].map((digit) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`);
    const tasks = ['t1', 't2'].map((trajectoryId) => ({ ...rolloutTask, trajectoryId }));
    await bus.publishRolloutTasks(tasks, new Map([['t1', first!]]));
    const leases = await bus.takeRolloutTasks(2, { waitMs: 5_000 });
    t.strictSame(
      leases.map(({ trace }) => trace),
      [first, null],
    );

    await Promise.all([
      traced({ name: 'generate 0', parent: first! }, () => bus.publishSegment('r', segmentOf(0))),
      bus.publishSegment('r', segmentOf(1)),
      traced({ name: 'generate 2', parent: second! }, () => bus.publishSegment('r', segmentOf(2))),
    ]);
    t.equal((await bus.queueDepths()).segments.pending, 1, 'one message');
    const segments: Lease<{ readonly segment: Segment }>[] = [];
    for await (const lease of bus.consumeSegments()) if (segments.push(lease) === 3) break;
    const traceOf = (name: string) => {
      const context = spanNamed(name)?.spanContext();
      return `00-${context?.traceId}-${context?.spanId}-01`;
    };
    t.strictSame(
      segments.map(({ trace }) => trace),
      [traceOf('generate 0'), null, traceOf('generate 2')],
    );
    t.match(spanNamed('generate 2')?.spanContext().traceId, 'b'.repeat(32));
  });

  await t.test('what is no trace, or one that nobody records, is not taken up', async (t) => {
    const good = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    t.equal(readTrace(good), good);
    const bad = ['', 'x', good.replace('-01', '-00'), good.replace('00-', '01-'), good.toUpperCase(), `${good} `, 7];
    for (const value of bad) t.equal(readTrace(value), null, String(value));
    t.strictSame(readTraces('garbage,,', 4), [null, null, null, null]);
    t.strictSame(readTraces(`${good},${good}`, 1), [good], 'no more than there are bodies');
    t.equal(formatTraces([null, null]), '');
  });
});
