/**
 * `segue nats-config`: the message server's users with least privilege, for a server that one starts oneself. The local cluster does this by itself.
 */
import { resolve } from 'node:path';
import { SegueError, serviceNames } from '@segue/core';
import type { Command } from 'commander';
import { NatsUsers } from '../security/nats-users.js';
import { addExamples, type JsonFlag, jsonOption, print } from './output.js';

interface Flags extends JsonFlag {
  readonly out: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export function addNatsConfigCommand(program: Command): void {
  const command = program
    .command('nats-config')
    .description("write nats-server's configuration: a user per service, and TLS when its files are given")
    .option('--out <folder>', 'folder of nats.conf and of the seed of each service', 'nats')
    .option('--ca <file>', 'PEM file of the authority, as the message server finds it')
    .option('--cert <file>', "the message server's certificate")
    .option('--key <file>', 'its key')
    .option(...jsonOption)
    .action(writeConfig);
  addExamples(
    command,
    'segue nats-config --out nats --ca certs/ca.pem --cert certs/nats.pem --key certs/nats.key',
    'nats-server --jetstream --config nats/nats.conf',
  );
}

async function writeConfig(flags: Flags): Promise<void> {
  const { out, ca, cert, key } = flags;
  const given = [ca, cert, key].filter((file) => file !== undefined).length;
  if (given !== 0 && given !== 3)
    throw new SegueError('INVALID_CONFIG', 'give --ca, --cert and --key together, or none');
  const tls =
    ca !== undefined && cert !== undefined && key !== undefined
      ? { ca: resolve(ca), cert: resolve(cert), key: resolve(key) }
      : null;
  const users = new NatsUsers(resolve(out));
  await users.write(tls);
  const seeds = Object.fromEntries(serviceNames.map((service) => [service, users.seedFile(service)]));
  print(flags, { configFile: users.configFile, seeds }, () =>
    [users.configFile, ...Object.entries(seeds).map(([service, seed]) => `${service}: security.natsSeed=${seed}`)].join(
      '\n',
    ),
  );
}
