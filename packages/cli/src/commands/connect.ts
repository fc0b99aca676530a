/** How a command finds a cluster and shows who it is: the local one by its data folder, another by address, certificate and token. */
import { resolve } from 'node:path';
import { type ClientCredentials, connect, type SegueClient } from '@segue/client';
import { SegueError } from '@segue/core';
import { type Command, Option } from 'commander';
import { credentialsOf, readClusterState } from '../cluster/local-cluster.js';
import { composeCredentials, readComposeState } from '../compose/compose-cluster.js';
import { withProgress } from '../view/progress.js';
import { jsonOption } from './output.js';

/** Who somebody is to a cluster that asks for it. */
export interface CredentialFlags {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly tokenFile?: string;
}

export interface ConnectFlags extends CredentialFlags {
  readonly data: string;
  readonly controller?: string;
  readonly json?: boolean;
}

const option = (flags: string, about: string, variable: string) => new Option(flags, about).env(variable);

export function addConnectFlags(command: Command): Command {
  command
    .option('--data <folder>', 'folder of the local cluster', '.segue')
    .addOption(option('--controller <host:port>', 'controller of another cluster', 'SEGUE_CONTROLLER'));
  return addCredentialFlags(command).option(...jsonOption);
}

export function addCredentialFlags(command: Command): Command {
  return command
    .addOption(option('--ca <file>', "PEM file of that cluster's authority", 'SEGUE_CA'))
    .addOption(option('--cert <file>', 'PEM file of your certificate', 'SEGUE_CERT'))
    .addOption(option('--key <file>', 'PEM file of its key', 'SEGUE_KEY'))
    .addOption(
      option('--token-file <file>', 'file of your token; SEGUE_TOKEN holds the token itself', 'SEGUE_TOKEN_FILE'),
    );
}

/** There is no flag for the token itself: everybody on a machine can read command lines. */
export function credentialsFrom({ ca, cert, key, tokenFile }: CredentialFlags): ClientCredentials {
  return { ca, cert, key, tokenFile, token: process.env.SEGUE_TOKEN };
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
  const { controller } = flags;
  if (controller !== undefined) return { address: controller, credentials: credentialsFrom(flags) };
  const state = await readClusterState(resolve(flags.data));
  const contained = state ? null : await readComposeState(resolve(flags.data));
  if (contained) return { address: contained.controller, credentials: composeCredentials(resolve(flags.data)) };
  if (!state) {
    throw new SegueError(
      'UNAVAILABLE',
      `no cluster runs on ${flags.data}; start one, or name one with --controller host:port`,
    );
  }
  return { address: state.controller, credentials: credentialsOf(state) };
}
