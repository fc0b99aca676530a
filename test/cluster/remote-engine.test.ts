/**
 * A whole run whose actors let llama.cpp's real server generate: partial rollouts are cut and resumed by token ids, every new version is served, and the trainer finds the
 * log-probs that it would have recorded itself.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { command, noLlamaServer } from '../../packages/remote-engine/test/support/llama-server.js';
import { prepareToyRun, requireWhole } from '../support/cluster-run.js';

t.test('a run on the engine of somebody else', { skip: noLlamaServer }, async (t) => {
  const settings = { actor: ['engine=server', `server.command=${command.join(' ')}`, 'slots=8', 'logLevel=info'] };
  const run = await prepareToyRun(t, 'remote-1', { settings, actors: 1 }, { iterations: 4 });
  const { cluster, client, store, runId, data } = run;
  await client.resumeRun(runId);
  const differences: number[] = [];
  for await (const event of client.watchRun(runId, { fromStart: true })) {
    const difference = event.kind === 'iteration' ? event.body.train?.logProbDiffMax : null;
    if (typeof difference === 'number') differences.push(difference);
  }
  await requireWhole(t, run);
  t.equal(differences.length, 4);
  t.ok(Math.max(...differences) <= 1e-3, `largest difference of log-probs ${Math.max(...differences)}`);
  t.comment(`largest difference of log-probs between server and trainer, by iteration: ${differences.join(', ')}`);
  const { segmentsByEndReason } = await store.statistics(runId);
  t.ok((segmentsByEndReason.budget ?? 0) > 0, 'segments were resumed');
  t.ok((segmentsByEndReason.stop ?? 0) > 0);
  await cluster.stop();
  const folder = join(data, 'actors', 'actor-0', 'servers');
  t.ok(existsSync(folder), 'servers had their files there');
  t.same(readdirSync(folder), [], 'and went with them');
});
