/** What commands that talk to a running cluster share: how it is named, how answers are printed. */
import { resolve } from 'node:path';
import { connect, type SegueClient } from '@segue/client';
import { SegueError } from '@segue/core';
import type { Command } from 'commander';
import { readClusterState } from '../cluster/local-cluster.js';

export interface ConnectFlags {
  readonly data: string;
  readonly controller?: string;
  readonly json?: boolean;
}

export function addConnectFlags(command: Command): Command {
  return command
    .option('--data <folder>', 'folder of the local cluster', '.segue')
    .option('--controller <host:port>', 'controller of another cluster')
    .option('--json', 'as JSON');
}

export async function withClient(flags: ConnectFlags, work: (client: SegueClient) => Promise<void>): Promise<void> {
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

export function print(flags: { readonly json?: boolean }, value: unknown, text: () => string): void {
  process.stdout.write(`${flags.json ? JSON.stringify(value) : text()}\n`);
}
