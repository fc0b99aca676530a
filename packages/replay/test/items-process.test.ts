/**
 * Tables of items over gRPC, against the store as a real process: several samplers and inserters at one queue, SIGKILL in the middle, what is filled
 * in after a kill between the commit and its consequence. Real nats-server, real files.
 */
import { connectTables, type TableClient } from '@segue/client';
import { SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import { member, planOf, problem, runId, runRecord, segmentAfter, verdict } from './support/fixtures.js';
import { mortalProgram, newWorld, type ReplayProcess } from './support/processes.js';

const prompt = problem('p0');

async function newTables(t: Test, tables: Record<string, string>) {
  const { start } = await newWorld(t);
  return async (entry?: string, more: Record<string, string> = {}) => {
    const replay = await start({ ...(entry !== undefined && { entry }), environment: { ...tables, ...more } });
    const client = connectTables(replay.client.address);
    t.teardown(() => client.close());
    return { ...replay, tables: client, table: (name: string) => client.table(runId, name) };
  };
}

/** A run with one group of `size`, every member judged. */
async function addJudged({ client }: ReplayProcess, size: number): Promise<void> {
  await client.putRun({ run: runRecord(), expectedRevision: null });
  await client.putProblems({ runId, batchId: 'first' }, [prompt]);
  await client.openIteration(planOf(0, [[0, size]]));
  await Promise.all(Array.from({ length: size }, (_, index) => judge({ client }, index)));
}

async function judge({ client }: Pick<ReplayProcess, 'client'>, index: number): Promise<void> {
  const fresh = { id: member(0, index), promptTokens: prompt.promptTokens, segments: [] };
  await client.appendSegment({ runId, segment: segmentAfter(fresh, 'stop') });
  await client.recordScore({ runId, score: verdict(member(0, index), index % 2) });
}

const queue = (name: string, maxSize: number, maxBatch: number) => ({
  [`SEGUE_REPLAY_TABLES__${name}__SAMPLER`]: 'fifo',
  [`SEGUE_REPLAY_TABLES__${name}__MAX_TIMES_SAMPLED`]: '1',
  [`SEGUE_REPLAY_TABLES__${name}__MAX_SIZE`]: String(maxSize),
  [`SEGUE_REPLAY_TABLES__${name}__MAX_BATCH`]: String(maxBatch),
  [`SEGUE_REPLAY_TABLES__${name}__RATE_LIMITER__KIND`]: 'queue',
});

t.test('several inserters and samplers share a queue: every item comes out once, in order, whole', async (t) => {
  const start = await newTables(t, queue('QUEUE', 6, 4));
  const replay = await start();
  const members = 48;
  await addJudged(replay, members);
  const inserters = 3;
  const inserting = Array.from({ length: inserters }, async (_, part) => {
    const mine = Array.from({ length: members }, (_, n) => n).filter((n) => n % inserters === part);
    const table = replay.table('queue');
    // Five in a call, of which six fit: calls are let in piece by piece.
    for (let at = 0; at < mine.length; at += 5) {
      const items = mine.slice(at, at + 5).map((n) => ({ ref: member(0, n) }));
      const { accepted } = await table.insert(items, { waitMs: 60_000 });
      if (accepted !== items.length) t.fail(`${accepted} of ${items.length} accepted`);
    }
  });
  const sampleSome = async (share: number) => {
    const client = connectTables(replay.client.address);
    const got = [];
    for (let left = share; left > 0; left -= 4)
      got.push(...(await client.table(runId, 'queue').sample(4, { waitMs: 60_000 })));
    client.close();
    return got;
  };
  const samplers = 4;
  const sampled = (await Promise.all(Array.from({ length: samplers }, () => sampleSome(members / samplers)))).flat();
  await Promise.all(inserting);
  t.same(new Set(sampled.map(({ item }) => item.ref)).size, members);
  t.equal(sampled.length, members);
  t.ok(sampled.every(({ removed, probability, item }) => removed && probability === 1 && item.timesSampled === 1));
  t.ok(sampled.every(({ trajectory, item }) => trajectory?.id === item.ref && trajectory.segments.length === 1));
  t.strictSame(
    sampled.map(({ item }) => item.sequence).sort((a, b) => a - b),
    Array.from({ length: members }, (_, i) => i),
  );
  t.match(await replay.table('queue').statistics(), {
    size: 0,
    inserts: members,
    samples: members,
    removedByReason: { 'max-times-sampled': members },
  });
  await t.rejects(replay.table('queue').sample(1, { waitMs: 20 }), {
    code: 'DEADLINE_EXCEEDED',
    message: /samples of table queue of run run waited 20 ms for items: it holds 0/,
  });
  t.match(await replay.tables.list(), [
    { table: 'training', rulesJson: '' },
    { table: 'queue', rulesJson: /"maxSize":6/ },
  ]);
});

t.test('a call that would outlast its deadline is told in time what it waited for', async (t) => {
  const start = await newTables(t, queue('QUEUE', 2, 1));
  const replay = await start();
  await addJudged(replay, 2);
  const { connectTables: connectRaw } = await import('@segue/bus');
  const raw = connectRaw(replay.client.address);
  t.teardown(() => raw.close());
  const request = { runId, table: 'queue', count: 1, waitMs: 60_000, withData: false };
  const drawing = async () => {
    for await (const _ of raw.sampleItems(request, { deadlineMs: 400 })) t.fail('there is nothing to draw');
  };
  await t.rejects(drawing(), { code: 'DEADLINE_EXCEEDED', message: /waited \d+ ms for items: it holds 0/ });
});

/** Draws until nothing is left, over as many deaths as there are. Answers the keys in order. */
async function drain(table: () => TableClient, died: () => Promise<void>): Promise<string[]> {
  const keys: string[] = [];
  for (;;) {
    try {
      keys.push(...(await table().sample(1, { waitMs: 0, withData: false })).map(({ item }) => item.key));
    } catch (error) {
      const { code } = SegueError.from(error);
      if (code === 'RESOURCE_EXHAUSTED') return keys;
      if (code !== 'UNAVAILABLE' && code !== 'DEADLINE_EXCEEDED') throw error;
      await died();
    }
  }
}

t.test('kill -9 of the store: no item is handed out twice, none that was accepted is lost unseen', async (t) => {
  const start = await newTables(t, { ...queue('QUEUE', 64, 1), ...queue('OTHER', 64, 1) });
  let replay = await start();
  const members = 60;
  await addJudged(replay, members);
  await replay.table('queue').insert(Array.from({ length: members }, (_, n) => ({ ref: member(0, n) })));
  let restarting: Promise<void> | null = null;
  const restart = () => {
    restarting ??= (async () => {
      await replay.kill();
      replay = await start();
      restarting = null;
    })();
    return restarting;
  };
  let kills = 0;
  const killing = (async () => {
    for (const left of [45, 30, 15]) {
      while ((await sizeOf(() => replay.table('queue'))) > left);
      kills++;
      await restart();
    }
  })();
  const samplers = 3;
  const lists = await Promise.all(Array.from({ length: samplers }, () => drain(() => replay.table('queue'), restart)));
  await killing;
  const keys = lists.flat();
  t.equal(kills, 3);
  t.equal(new Set(keys).size, keys.length, 'none came twice');
  t.ok(keys.length >= members - kills * samplers, `${members - keys.length} answers were lost with their process`);
  t.match(await replay.table('queue').statistics(), { size: 0, inserts: members, samples: members });
});

async function sizeOf(table: () => TableClient): Promise<number> {
  return table()
    .statistics()
    .then(({ size }) => size)
    .catch(() => Number.POSITIVE_INFINITY);
}

t.test('what was committed is filled in at the next start when the process died before it could', async (t) => {
  const start = await newTables(t, {
    SEGUE_REPLAY_TABLES__JUDGED__FILL: 'trajectories',
    SEGUE_REPLAY_TABLES__WHOLE__FILL: 'groups',
  });
  const first = await start();
  await first.client.putRun({ run: runRecord(), expectedRevision: null });
  await first.client.putProblems({ runId, batchId: 'first' }, [prompt]);
  await first.client.openIteration(planOf(0, [[0, 2]]));
  await judge(first, 0);
  await first.kill();
  const mortal = await start(mortalProgram, { DIE_AFTER: 'group' });
  t.match(await mortal.table('judged').statistics(), { size: 1 });
  await judge(mortal, 1).catch(() => {});
  t.equal(await mortal.gone, 'SIGKILL', 'it died after the commit that completed the group');
  const last = await start();
  t.match(await last.table('judged').statistics(), { size: 2, inserts: 2 });
  t.match(await last.table('whole').statistics(), { size: 1, inserts: 1 });
  t.match(await last.table('whole').sample(1, { waitMs: 0 }), [
    { item: { ref: 'run-g0' }, group: { trajectories: { length: 2 } } },
  ]);
});
