/** Engines that hang inside a run: the process says so, gives its work up, dies, and is started again; the run finishes. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectActor } from '@segue/bus';
import t from 'tap';
import { prepareToyRun, requireWhole } from '../support/cluster-run.js';

const program = (name: string) => fileURLToPath(new URL(`../support/unwell/${name}.mjs`, import.meta.url));

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly code?: string;
}

async function fatalLines(data: string, name: string): Promise<LogLine[]> {
  const lines = (await readFile(join(data, 'logs', `${name}.log`), 'utf8')).trim().split('\n');
  return lines
    .filter((line) => line.startsWith('{"level"'))
    .map((line) => JSON.parse(line))
    .filter(({ level }) => level === 'fatal');
}

t.test('a chunk and an update that never come back', async (t) => {
  const folder = t.testdir();
  for (const name of ['STUCK_CHUNK', 'STUCK_UPDATE']) process.env[`ONCE_${name}`] = join(folder, name);
  t.teardown(() => {
    for (const name of ['STUCK_CHUNK', 'STUCK_UPDATE']) delete process.env[`ONCE_${name}`];
  });
  const settings = { actor: ['leaseMs=2000', 'slots=16', 'engineTimeoutMs=8000'], trainer: ['engineTimeoutMs=8000'] };
  const entries = { actor: program('actor'), trainer: program('trainer') };
  const run = await prepareToyRun(t, 'hang-1', { settings, entries, trainerThreads: 2 }, { iterations: 3 });
  const { cluster, client, runId, data } = run;
  const actors = ['actor-0', 'actor-1'];
  await client.resumeRun(runId);

  let ended = false;
  const seen = (async () => {
    const clients = actors.map((name) => connectActor(cluster.child(name).address.address));
    let longestMs = 0;
    while (!ended && longestMs < 2_000) {
      const answers = await Promise.allSettled(clients.map((one) => one.getActorStatus({}, { deadlineMs: 1_000 })));
      for (const answer of answers) {
        if (answer.status === 'fulfilled' && answer.value.engineCall === 'generateChunk')
          longestMs = Math.max(longestMs, answer.value.engineCallMs);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    for (const one of clients) one.close();
    return longestMs;
  })();
  const state = (await client.waitForRun(runId)).state;
  ended = true;
  t.equal(state, 'finished');
  t.ok((await seen) >= 2_000, 'what the actor waits for, and how long, can be read meanwhile');

  const said = (await Promise.all(actors.map((name) => fatalLines(data, name)))).flat();
  t.match(said, [
    { code: 'DEADLINE_EXCEEDED', msg: /the engine hangs: generateChunk has not come back after 8000 ms/ },
  ]);
  t.equal(said.length, 1);
  t.equal(
    actors.reduce((sum, name) => sum + cluster.child(name).restarts, 0),
    1,
    'that actor was started again',
  );
  t.match(await fatalLines(data, 'trainer'), [
    { code: 'DEADLINE_EXCEEDED', msg: /the training thread hangs: policyGradients has not come back after 8000 ms/ },
  ]);
  t.equal(cluster.child('trainer').restarts, 1, 'and so was the trainer');
  await requireWhole(t, run);
});
