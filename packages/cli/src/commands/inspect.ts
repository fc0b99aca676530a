/**
 * Commands that look: `status`, `runs` and `scorers` of a cluster, `keys` of the configuration.
 */
import { type ClusterStatus, listConfigKeys, type RunView, runConfigSchema, type ScorerInfo } from '@segue/core';
import type { Command } from 'commander';
import { addConnectFlags, type ConnectFlags, withClient } from './connect.js';
import { addExamples, type JsonFlag, jsonOption, print, printEach } from './output.js';

export function addInspectCommands(program: Command): void {
  const status = program.command('status').description('what the cluster does and waits for');
  addExamples(addConnectFlags(status).action(printStatus), 'segue status', 'watch -n 1 segue status --data .segue');
  const runs = program.command('runs').description('all runs, newest first');
  addExamples(addConnectFlags(runs).action(printRuns), 'segue runs', 'segue runs --controller 10.0.0.5:7400 --json');
  const scorers = program.command('scorers').description('what judges responses: built in, and registered servers');
  addExamples(addConnectFlags(scorers).action(printScorers), 'segue scorers', 'segue scorers --json');
  const keys = program
    .command('keys')
    .description('every key of the run configuration: meaning, unit, default, familiar names')
    .option(...jsonOption)
    .action(printKeys);
  addExamples(keys, 'segue keys | less', 'segue keys --json | grep tokenBudget');
}

async function printStatus(flags: ConnectFlags): Promise<void> {
  await withClient(flags, async (client) => {
    const status = await client.status();
    print(flags, status, () => statusText(status, Date.now()));
  });
}

/** One line each: the run, the actors, what is waited for and from whom, queues that hold something, what went wrong. */
export function statusText(status: ClusterStatus, nowMs: number): string {
  const since = (ms: number) => `${Math.max(0, (nowMs - ms) / 1000).toFixed(0)} s`;
  const { actors, services, waiting, queues, faults, runsRetired } = status;
  const phaseSince = status.phaseSinceMs === 0 ? '' : ` since ${since(status.phaseSinceMs)}`;
  const held = queues.filter(({ pending, leased }) => pending + leased > 0);
  return [
    `run ${status.runId || '-'}  iteration ${status.iteration}  ${status.phase}${phaseSince}`,
    ...actors.map(
      (a) =>
        `${a.actorId} at ${a.address}: ${a.running} of ${a.slots} slots, version ${a.policyVersion ?? '-'}, seen ${since(a.seenAtMs)} ago`,
    ),
    ...services.filter(({ trouble }) => trouble !== '').map(({ id, trouble }) => `trouble at ${id}: ${trouble}`),
    ...waiting.map((w) => `waits for ${w.count} ${w.what}${w.from ? ` from ${w.from}` : ''} since ${since(w.sinceMs)}`),
    ...(held.length === 0
      ? []
      : [`queues  ${held.map((q) => `${q.queue}: ${q.pending} waiting, ${q.leased} leased`).join('; ')}`]),
    ...(runsRetired === 0 ? [] : [`retired ${runsRetired} runs: their records were removed (retention.finishedRuns)`]),
    ...(Object.keys(faults).length === 0
      ? []
      : [
          `faults  ${Object.entries(faults)
            .map(([name, count]) => `${name} ${count}`)
            .join(', ')}`,
        ]),
  ].join('\n');
}

async function printRuns(flags: ConnectFlags): Promise<void> {
  await withClient(flags, async (client) => {
    const runs = await client.listRuns();
    const text = (r: RunView) => `${r.id}  ${r.state}  ${r.iterations} iterations  version ${r.policyVersion}`;
    printEach(flags, runs, text, 'no run yet');
  });
}

async function printScorers(flags: ConnectFlags): Promise<void> {
  await withClient(flags, async (client) => {
    const from = ({ servers }: ScorerInfo) => (servers === null ? 'built in' : `${servers} servers`);
    const text = (s: ScorerInfo) => `${s.name}  ${from(s)}\n    ${s.description}`;
    printEach(flags, await client.listScorers(), text, 'none');
  });
}

function printKeys(flags: JsonFlag): void {
  const text = (k: ReturnType<typeof listConfigKeys>[number]) =>
    `${k.path}${k.default === '' ? '' : ` = ${k.default}`}${k.unit ? ` ${k.unit}` : ''}\n    ${k.about}`;
  printEach(flags, listConfigKeys(runConfigSchema), text, 'none');
}
