/** The scorer's process on a real nats-server: its heap does not grow to several times what it holds while there is much to do. What that is worth is docs/load.md's. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connectBus } from '@segue/bus';
import t from 'tap';
import { garbageOptions, requireHeapBound } from '../../../test/support/heap-bound.js';
import { startNats } from '../../../test/support/nats.js';

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

t.test('garbage is collected before it is much more than what is held', async (t) => {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  const bus = await connectBus({ url: nats.url, name: 'test' });
  t.teardown(() => bus.close());
  await bus.setUp();

  const settings = { SEGUE_NATS_URL: nats.url, SEGUE_REWARD_DATA_FOLDER: t.testdir() };
  const program = [pathOf('../dist/main.js'), '--port', '0', '--metrics-port', '0'];
  const scorer = spawn(process.execPath, program, {
    env: { ...process.env, ...settings, NODE_OPTIONS: garbageOptions },
  });
  const ended = new Promise((resolve) => scorer.once('close', resolve));
  t.teardown(async () => {
    scorer.kill('SIGKILL');
    await ended;
  });
  const lines = createInterface({ input: scorer.stdout })[Symbol.asyncIterator]();
  t.match(JSON.parse((await lines.next()).value ?? 'null'), { ready: true });
  scorer.stderr.resume();

  await requireHeapBound(t, scorer, lines);
});
