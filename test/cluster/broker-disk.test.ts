/**
 * A real nats-server on a disk that fills up: whoever publishes is refused with RESOURCE_EXHAUSTED, though the server answers nothing at all, and so it stays when there is
 * space again, until the watch of the local cluster starts the server anew. Then everything that was acknowledged is there, as it was, and work goes on.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { connectBus, watchStreams } from '@segue/bus';
import { connect } from 'nats';
import t from 'tap';
import { segment } from '../../packages/bus/test/samples.js';
import { BrokerWatch, freeBytesOf, isDiskFull } from '../../packages/cli/dist/cluster/broker-watch.js';
import { startNats } from '../support/nats.js';
import { beside, cannotMount, smallDisk } from '../support/small-disk.js';

const mebibyte = 1 << 20;
// The server wants to see room for all its streams when it makes them.
const roomy = 1_500 * mebibyte;
const stream = 'SEGUE_SEGMENTS';

t.test('the disk of a message server is full, and then it is not', { skip: cannotMount() }, async (t) => {
  const disk = smallDisk(roomy, 1);
  // Holds the disk, whatever becomes of the server.
  const holder = spawn(disk.wrapper[0]!, [...disk.wrapper.slice(1), 'sh', '-c', 'echo && exec sleep 3600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => {
    holder.kill('SIGKILL');
    disk.remove();
  });
  await once(holder.stdout, 'data');
  const pid = holder.pid ?? 0;
  const nats = await startNats({ folder: join(disk.folder, 'nats'), wrapper: beside(pid) });
  const nc = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  const bus = await connectBus({ url: nats.url, name: 'test' });
  t.teardown(async () => {
    await nc.close();
    await bus.close();
    await nats.stop();
  });
  await bus.setUp();
  const js = nc.jetstream();
  const bodyOf = (n: number) => new Uint8Array(32_768).fill(n % 251);
  let acknowledged = 0;
  const publish = async () => {
    const subject = `segue.segment.r.r-g0-t${acknowledged}`;
    await js.publish(subject, bodyOf(acknowledged), { timeout: 2_000 });
    acknowledged++;
  };
  while (acknowledged < 20) await publish();
  const outside = disk.outside(pid);
  t.notOk(await isDiskFull(outside));
  disk.fill(pid, mebibyte);
  t.ok(await isDiskFull(outside), 'a server that does not start now is not given up');

  const restarts: string[] = [];
  const streams = watchStreams({ url: nats.url, name: 'watch' });
  t.teardown(() => streams.close());
  const watched = {
    freeBytes: () => freeBytesOf(outside),
    streams,
    startedAtMs: () => 0,
    restart: (why: string) => restarts.push(why),
  };
  const watch = new BrokerWatch(watched);
  const refusal = await (async () => {
    for (;;) await publish();
  })().catch((error: Error) => error.message);
  t.comment(`after ${acknowledged} messages: ${refusal}`);
  await watch.look();
  t.strictSame(restarts, [], 'while it is full a new start would help nobody');
  const one = { ...segment, id: 'r-g1-t0-s0', trajectoryId: 'r-g1-t0' };
  const full = { code: 'RESOURCE_EXHAUSTED', message: /its disk is full or does not write/ };
  await Promise.all([
    t.rejects(bus.publishSegment('r', one), full, 'who publishes'),
    t.rejects(connectBus({ url: nats.url, name: 'late' }), full, 'who comes now'),
  ]);

  disk.resize(pid, roomy);
  await watch.look();
  t.match(restarts.splice(0), [/its disk was full and has \d+ bytes free again/]);
  const late = new BrokerWatch(watched);
  for (let looks = 0; looks < 3; looks++) await late.look();
  t.match(restarts.splice(0), [/its streams do not answer/], 'a watch that has missed the full disk');
  await nats.kill();
  await nats.restart();
  for (let looks = 0; looks < 3; looks++) await late.look();
  t.strictSame(restarts, [], 'one that works again is left alone');
  await bus.publishSegment('r', one);
  const jsm = await nc.jetstreamManager();
  const { state } = await jsm.streams.info(stream);
  t.ok(state.messages >= acknowledged + 1, `${state.messages} messages, ${acknowledged} and one were acknowledged`);
  for (let n = 0; n < acknowledged; n++) {
    const { subject, data } = await jsm.streams.getMessage(stream, { last_by_subj: `segue.segment.r.r-g0-t${n}` });
    if (!Buffer.from(data).equals(bodyOf(n))) t.fail(`message ${n} (${subject}) is not what was acknowledged`);
  }
});
