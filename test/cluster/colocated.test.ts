/**
 * Training and rollout take turns on one device: a run whose processes are killed in the middle of changes of hands loses nothing, never has two engines
 * on the device, and each engine gives all of its memory back.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type ClusterRun, prepareToyRun, requireWhole } from '../support/cluster-run.js';

// Short leases, so that what a dead process held comes back within the test.
const settings = { actor: ['leaseMs=2000', 'slots=16', 'deviceLeaseMs=3000'], trainer: ['deviceLeaseMs=3000'] };

interface AgentStatus {
  readonly state: 'absent' | 'standby' | 'holding';
  readonly epoch: number | null;
  readonly pid: number | null;
  readonly residentBytes: number;
}

/** Where a service's agent listens: the newest start counts. */
function agentAddress({ data }: ClusterRun, name: string): string {
  const lines = readFileSync(join(data, 'logs', `${name}.log`), 'utf8').split('\n');
  const newest = lines.findLast((line) => line.includes('"agentAddress"'));
  return JSON.parse(newest!).agentAddress;
}

/** null while the service is down. */
async function statusOf(run: ClusterRun, name: string): Promise<AgentStatus | null> {
  try {
    const response = await fetch(`http://${agentAddress(run, name)}/status`);
    return (await response.json()) as AgentStatus;
  } catch {
    return null;
  }
}

t.test('a run in which actor, trainer and engine are killed while the device changes hands', async (t) => {
  const run = await prepareToyRun(t, 'turns-1', { settings, actors: 1, colocated: true }, { iterations: 6 });
  const { cluster, client, runId } = run;
  await client.resumeRun(runId);
  // Activation: the trainer has given the device back and the actor loads. Training: the actor has given it back and the trainer takes it.
  const kills = new Map<string, () => unknown>([
    ['activate 1', () => process.kill(cluster.child('actor-0').pid!, 'SIGKILL')],
    ['train 2', () => process.kill(cluster.child('trainer').pid!, 'SIGKILL')],
    [
      'rollout 3',
      async () => {
        const engine = await statusOf(run, 'actor-0');
        if (engine?.pid) process.kill(engine.pid, 'SIGKILL');
      },
    ],
  ]);
  const done: string[] = [];
  const looks = { both: 0, trains: 0, rollsOut: 0, standsBy: 0 };
  let isOver = false;
  const watch = async () => {
    while (!isOver) {
      const actor = await statusOf(run, 'actor-0');
      const trainer = await statusOf(run, 'trainer');
      const later = await statusOf(run, 'actor-0');
      // Each says what it had at its own moment, but whoever has the same epoch before and after has had it in between.
      const held = actor?.state === 'holding' && later?.state === 'holding' && actor.epoch === later.epoch;
      if (held && trainer?.state === 'holding') looks.both += 1;
      if (held && trainer?.state === 'standby') looks.standsBy += 1;
      if (trainer?.state === 'holding') looks.trains += 1;
      if (actor?.state === 'holding') looks.rollsOut += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const watching = watch();
  const turns: { actorResidentBytes: number | null; actorLeftBytes: number | null; toTrainingMs: number | null }[] = [];
  for await (const event of client.watchRun(runId, { fromStart: true })) {
    if (event.kind === 'phase') {
      const name = `${event.body.phase} ${event.body.iteration}`;
      const kill = kills.get(name);
      kills.delete(name);
      if (kill) {
        await kill();
        done.push(name);
      }
    }
    if (event.kind === 'iteration' && event.body.turns) turns.push(event.body.turns);
  }
  isOver = true;
  await watching;
  t.strictSame(done, ['activate 1', 'train 2', 'rollout 3']);
  t.equal(cluster.child('actor-0').restarts, 1, 'its engine died without it');
  t.equal(cluster.child('trainer').restarts, 1);
  t.equal(looks.both, 0, 'the device was never in two hands');
  t.ok(looks.trains > 0 && looks.rollsOut > 0, 'both had their turns');
  t.ok(looks.standsBy > 0, 'the trainer has a process ready while the actor has the device');
  t.ok(turns.some(({ actorResidentBytes }) => (actorResidentBytes ?? 0) > 20_000_000));
  t.ok(
    turns.every(({ actorLeftBytes }) => actorLeftBytes === 0),
    'nothing is left of an engine whose turn is over',
  );
  t.ok(turns.some(({ toTrainingMs }) => toTrainingMs !== null));
  await requireWhole(t, run);
  await cluster.stop();
  t.notOk(existsSync(join(run.data, 'cluster.json')));
});
