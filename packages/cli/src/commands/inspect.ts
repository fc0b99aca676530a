/**
 * Commands that look: `status` and `runs` of a cluster, `keys` of the configuration.
 */
import { resolve } from 'node:path';
import { connect, type SegueClient } from '@segue/client';
import { listConfigKeys, runConfigSchema, SegueError } from '@segue/core';
import type { Command } from 'commander';
import { readClusterState } from '../cluster/local-cluster.js';

interface ConnectFlags {
  readonly data: string;
  readonly controller?: string;
  readonly json?: boolean;
}

function addConnectFlags(command: Command): Command {
  return command
    .option('--data <folder>', 'folder of the local cluster', '.segue')
    .option('--controller <host:port>', 'controller of another cluster')
    .option('--json', 'as JSON');
}

async function withClient(flags: ConnectFlags, work: (client: SegueClient) => Promise<void>): Promise<void> {
  const address = flags.controller ?? (await readClusterState(resolve(flags.data)))?.controller;
  if (address === undefined) {
    throw new SegueError(
      'UNAVAILABLE',
      `no cluster runs on ${flags.data}; start one, or name one with --controller host:port`,
    );
  }
  const client = connect(address);
  try {
    await work(client);
  } finally {
    client.close();
  }
}

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
