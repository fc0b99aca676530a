/** How a command finds a cluster and shows who it is: the local one by its data folder, another by address, certificate and token. */
import { resolve } from 'node:path';
import { type ClientCredentials, connect, type SegueClient } from '@segue/client';
import { SegueError } from '@segue/core';
import { type Command, Option } from 'commander';
import { credentialsOf, readClusterState } from '../cluster/local-cluster.js';
import { withProgress } from '../view/progress.js';
import { jsonOption } from './output.js';

export interface ConnectFlags {
  readonly data: string;
  readonly controller?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

export function addConnectFlags(command: Command): Command {
  const option = (flags: string, about: string, variable: string) => new Option(flags, about).env(variable);
  return command
    .option('--data <folder>', 'folder of the local cluster', '.segue')
    .addOption(option('--controller <host:port>', 'controller of another cluster', 'SEGUE_CONTROLLER'))
    .addOption(option('--ca <file>', "PEM file of that cluster's authority", 'SEGUE_CA'))
    .addOption(option('--cert <file>', 'PEM file of your certificate', 'SEGUE_CERT'))
    .addOption(option('--key <file>', 'PEM file of its key', 'SEGUE_KEY'))
    .addOption(
      option('--token-file <file>', 'file of your token; SEGUE_TOKEN holds the token itself', 'SEGUE_TOKEN_FILE'),
    )
    .option(...jsonOption);
}

export async function withClient<T>(flags: ConnectFlags, work: (client: SegueClient) => Promise<T>): Promise<T> {
  const { address, credentials } = await findCluster(flags);
  const client = connect(address, credentials);
  try {
    return await withProgress(`waiting for ${address}`, () => work(client));
  } finally {
    client.close();
  }
}

async function findCluster(flags: ConnectFlags): Promise<{ address: string; credentials: ClientCredentials }> {
  const { controller, ca, cert, key, tokenFile } = flags;
  if (controller !== undefined) {
    // There is no flag for the token itself: everybody on a machine can read command lines.
    return { address: controller, credentials: { ca, cert, key, tokenFile, token: process.env.SEGUE_TOKEN } };
  }
  const state = await readClusterState(resolve(flags.data));
  if (!state) {
    throw new SegueError(
      'UNAVAILABLE',
      `no cluster runs on ${flags.data}; start one, or name one with --controller host:port`,
    );
  }
  return { address: state.controller, credentials: credentialsOf(state) };
}
