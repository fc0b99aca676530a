/**
 * Rows of the failure matrix that need a whole cluster, at moments that are chosen: one run goes through all of them and is accounted for at the end.
 * docs/chaos.md says where the other rows are.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectActor, connectBus, connectReplay, type QueueDepths } from '@segue/bus';
import { connect } from '@segue/client';
import t from 'tap';
import { queues } from '../../packages/bus/dist/stream/subjects.js';
import { account } from '../../scripts/chaos/account.mjs';
import { ChaosCluster } from '../../scripts/chaos/chaos-cluster.mjs';
import { readJournals } from '../../scripts/chaos/journal.mjs';
import { inspectRun } from '../../scripts/chaos/wholeness.mjs';
import { Work } from '../../scripts/chaos/work.mjs';
import { rotStream } from '../support/bit-rot.js';

const leaseMs = 2_000;
const iterations = 6;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (let looks = 0; looks < 4_000; looks++) {
    if (await isSo()) return;
    await pause(20);
  }
  throw new Error(`waited in vain until ${what}`);
}

t.test(
  'partition, broker restart, loss of all bus data, bit rot in the bus, killed actors: one run goes through them whole',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'segue-matrix-'));
    const failures: string[] = [];
    const cluster = new ChaosCluster({ folder, leaseMs, onFailure: (error) => failures.push(error.message) });
    t.teardown(async () => {
      await cluster.stop();
      await rm(folder, { recursive: true, maxRetries: 5 });
    });
    await cluster.start();
    const client = connect(cluster.addressOf('controller'));
    const bus = await connectBus({ url: `nats://${cluster.addressOf('nats')}`, name: 'test' });
    t.teardown(async () => {
      client.close();
      await bus.close();
    });
    const work = new Work(client, { seed: 1, iterations, groups: 8, stuckAfterMs: 150_000 });
    work.enough();
    const done = work.done();
    const generating = (name: string) => async () => {
      const actor = connectActor(cluster.addressOf(name));
      const status = await actor.getActorStatus({}, { deadlineMs: 500 }).catch(() => null);
      actor.close();
      return (status?.running ?? 0) > 0;
    };
    const pending = async (queue: keyof QueueDepths) =>
      (await bus.queueDepths().catch(() => null))?.[queue].pending ?? 0;
    const waiting = async () => (await pending('rollout')) > 40;
    const isUp = (...names: string[]) => names.every((name) => cluster.isUp(name));
    const kill = (name: string, forMs: number) => cluster.inflict({ kind: 'kill', targets: [name], afterMs: 0, forMs });
    await work.begun;

    await t.test('actor kill -9 mid-segment', async () => {
      await until('actor-1 generates', generating('actor-1'));
      await kill('actor-1', 200);
    });

    await t.test('partition of an actor from the broker for longer than its lease', async () => {
      // There must be somebody who takes over; and while many tasks wait, an actor has some in hand at every moment.
      await until('actor-1 generates again', generating('actor-1'));
      await until('tasks wait', waiting);
      await until('actor-0 generates', generating('actor-0'));
      await cluster.inflict({ kind: 'silence', targets: ['actor-0>nats'], afterMs: 0, forMs: 3 * leaseMs });
      await pause(3 * leaseMs);
    });

    await t.test('broker kill -9, down for two seconds', async () => {
      await until('somebody generates', generating('actor-0'));
      await kill('nats', 2_000);
      await until('the broker is back', () => bus.connected && isUp('nats'));
    });

    await t.test('broker killed in the middle of a phase, and all its data gone', async () => {
      await until('tasks wait', waiting);
      await until('somebody generates', generating('actor-0'));
      await kill('nats', 2_000);
      // What dies may still write.
      await rm(join(cluster.dataFolder, 'nats/jetstream'), { recursive: true, maxRetries: 5 });
      await until('the broker is back', () => bus.connected && isUp('nats'));
    });

    await t.test('bit rot in the bus', async (t) => {
      await until('tasks wait', waiting);
      // Nobody takes: there is something in the queues to be damaged.
      await kill('reward', 6_000);
      await until('scorers are asked', async () => (await pending('reward')) > 0);
      await kill('replay', 4_000);
      await until('the store is sent something', async () => (await pending('segments')) > 0);
      for (const name of ['actor-0', 'actor-1']) await kill(name, 4_000);
      await kill('nats', 1_500);
      for (const { stream } of Object.values(queues)) {
        t.ok((await rotStream(join(cluster.dataFolder, 'nats'), stream)) > 0, stream);
      }
      await until('all are back', () => isUp('nats', 'replay', 'reward', 'actor-0', 'actor-1'));
    });

    await done;
    t.strictSame(failures, []);
    const replay = connectReplay(cluster.addressOf('replay'));
    const { held, wrong } = await inspectRun(replay, 'chaos-0', iterations);
    replay.close();
    t.strictSame(wrong, [], 'the run is finished and whole, every planned segment is there');
    const journals = await readJournals(cluster.journalFolder);
    const { tokens, places, ...rest } = account({ journals, held, killedPids: cluster.killedPids });
    t.match(tokens, { lost: 0, duplicated: 0 }, JSON.stringify(places));
    t.comment(JSON.stringify({ tokens, ...rest }));
    t.ok(
      rest.repeated > 0,
      'the work of the actor that was cut off was given to another, and its late results were fenced',
    );
  },
);
