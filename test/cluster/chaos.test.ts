/**
 * A short chaos run of a seed: processes of every kind are killed and stopped, links are cut, and every token is accounted for. `npm run chaos` is the
 * same code for longer. SEGUE_CHAOS_KILLS=50 SEGUE_CHAOS_ONLY=actor kills fifty actors, and does nothing else.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { runChaos } from '../../scripts/chaos/chaos-run.mjs';

const kills = Number(process.env.SEGUE_CHAOS_KILLS ?? 8);
const only = process.env.SEGUE_CHAOS_ONLY ?? null;
t.setTimeout(240_000 + 20_000 * kills);

t.test('processes of every kind are killed and stopped, links are cut: no token is lost or doubled', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'segue-chaos-'));
  t.teardown(() => rm(folder, { recursive: true, maxRetries: 5 }));
  const result = await runChaos({ kills, seed: 82, iterations: 3, groups: 8, meanPauseMs: 700, folder, only });
  t.strictSame(result.wrong, [], 'every run finished whole, and no kill cost more than its process had in hand');
  t.match(result.tokens, { lost: 0, duplicated: 0 }, JSON.stringify(result.places));
  t.ok(result.tokens.committed > 0);
  t.ok(result.faults.killed >= kills);
  t.comment(JSON.stringify(result));
});
