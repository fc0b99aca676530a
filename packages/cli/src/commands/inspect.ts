/**
 * Commands that look: `status` and `runs` of a cluster, `keys` of the configuration.
 */
import { type ClusterStatus, listConfigKeys, runConfigSchema } from '@segue/core';
import type { Command } from 'commander';
import { addConnectFlags, type ConnectFlags, print, withClient } from './connect.js';

export function addInspectCommands(program: Command): void {
  addConnectFlags(program.command('status').description('what the cluster does and waits for')).action(printStatus);
  addConnectFlags(program.command('runs').description('all runs, newest first')).action(printRuns);
  program
    .command('keys')
    .description('every key of the run configuration: meaning, unit, default, familiar names')
    .option('--json', 'as JSON')
    .action(printKeys);
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
    print(flags, runs, () =>
      runs.map((r) => `${r.id}  ${r.state}  ${r.iterations} iterations  version ${r.policyVersion}`).join('\n'),
    );
  });
}

function printKeys(flags: { readonly json?: boolean }): void {
  const keys = listConfigKeys(runConfigSchema);
  print(flags, keys, () =>
    keys
      .map((k) => `${k.path}${k.default === '' ? '' : ` = ${k.default}`}${k.unit ? ` ${k.unit}` : ''}\n    ${k.about}`)
      .join('\n'),
  );
}
