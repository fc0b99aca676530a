/**
 * Commands that look: `status` and `runs` of a cluster, `keys` of the configuration.
 */
import { listConfigKeys, runConfigSchema } from '@segue/core';
import type { Command } from 'commander';
import { addConnectFlags, type ConnectFlags, withClient } from './connect.js';

function print(flags: { readonly json?: boolean }, value: unknown, text: () => string): void {
  process.stdout.write(`${flags.json ? JSON.stringify(value) : text()}\n`);
}

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
    print(flags, status, () => {
      const since = (ms: number) => `${((Date.now() - ms) / 1000).toFixed(0)} s`;
      return [
        `run ${status.runId || '-'}  iteration ${status.iteration}  ${status.phase} since ${since(status.phaseSinceMs)}`,
        ...status.actors.map(
          (a) =>
            `${a.actorId} at ${a.address}: ${a.running} of ${a.slots} slots, version ${a.policyVersion ?? '-'}, seen ${since(a.seenAtMs)} ago`,
        ),
        ...status.services
          .filter(({ trouble }) => trouble !== '')
          .map(({ id, trouble }) => `trouble at ${id}: ${trouble}`),
        ...status.waiting.map(
          (w) => `waits for ${w.count} ${w.what}${w.from ? ` from ${w.from}` : ''} since ${since(w.sinceMs)}`,
        ),
      ].join('\n');
    });
  });
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
