/** A trainer that is killed in the middle of its steps: the run ends with the same weights, bit by bit, as one that was left alone. */
import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { prepareToyRun, requireWhole } from '../support/cluster-run.js';

const iterations = 3;
/** One actor and no early close: what is generated does not depend on time. */
const overrides = {
  iterations,
  rollout: {
    ...{ groupsPerIteration: 6, groupSize: 4, tokenBudget: 12, maxResponseTokens: 48, maxPromptTokens: 8 },
    closeWhen: 'all' as const,
  },
};

/** Weights of every version, and the loss of every iteration. */
async function outcome(t: Test, killAt: readonly number[], entries: { readonly trainer?: string } = {}) {
  const run = await prepareToyRun(t, 'same', { actors: 1, entries }, overrides);
  const { cluster, client, runId, data } = run;
  const losses: (number | null | undefined)[] = [];
  await client.resumeRun(runId);
  for await (const event of client.watchRun(runId, { fromStart: true })) {
    if (event.kind === 'iteration') losses.push(event.body.train?.loss);
    // The event comes before the call: the kill hits it somewhere on its way.
    const trains = event.kind === 'phase' && event.body.phase === 'train';
    if (trains && killAt.includes(event.body.iteration)) process.kill(cluster.child('trainer').pid!, 'SIGKILL');
  }
  await requireWhole(t, run);
  const hashes: string[] = [];
  for (let version = 0; version <= iterations; version++) {
    const bytes = await readFile(join(data, 'policies', runId, String(version), 'model.safetensors'));
    hashes.push(createHash('sha256').update(bytes).digest('hex'));
  }
  const { restarts } = cluster.child('trainer');
  await cluster.stop();
  return { hashes, losses, restarts };
}

t.test(
  'the loss curve and the weights of a run whose trainer was killed are those of one that was left alone',
  async (t) => {
    const left = await outcome(t, []);
    const marker = join(t.testdir(), 'died');
    process.env.ONCE_STAGED_VERSION = marker;
    t.teardown(() => {
      delete process.env.ONCE_STAGED_VERSION;
    });
    const trainer = fileURLToPath(new URL('../support/unwell/trainer.mjs', import.meta.url));
    const killed = await outcome(t, [0, 2], { trainer });
    await t.resolves(access(marker), 'it died with version 2 staged too');
    t.equal(left.restarts, 0);
    t.ok(killed.restarts > 0);
    t.equal(left.losses.filter((loss) => typeof loss === 'number').length, iterations);
    t.strictSame(killed.losses, left.losses);
    t.strictSame(killed.hashes, left.hashes);
  },
);
