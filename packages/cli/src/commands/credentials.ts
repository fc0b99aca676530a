/**
 * `segue credentials`: everything that a cluster off loopback asks its parts for, a folder for each. What `segue certs`, `tokens` and `nats-config` make one by one.
 */
import type { Command } from 'commander';
import { repeatedOption, wholeNumber } from './options.js';
import { addExamples, jsonOption, print } from './output.js';

interface Flags {
  readonly out: string;
  readonly host: readonly string[];
  readonly client: readonly string[];
  readonly days: number;
  readonly json?: boolean;
}

export function addCredentialsCommand(program: Command): void {
  const command = program
    .command('credentials')
    .description(
      'make or renew the credentials of a whole cluster: a folder for each service, for the message server, for each client',
    )
    .option('--out <folder>', 'folder of these folders, as the cluster will find it', 'credentials')
    .addOption(repeatedOption('--host <name>', 'host name or address of services and message server'))
    .addOption(repeatedOption('--client <name>', 'a client that may read and submit, beside the operator'))
    .option('--days <n>', 'how long certificates and tokens last', wholeNumber(1), 365)
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Done again, it makes what is missing and renews what ends within 30 days. Keep <folder>/authority to yourself: who has it can make any certificate.`,
    )
    .action(makeCredentials);
  addExamples(command, 'segue credentials --out /credentials --host segue.example.org --client alice');
}

async function makeCredentials(flags: Flags): Promise<void> {
  const { out, host, client, days } = flags;
  // The library of certificates is loaded by those alone who need it.
  const { ensureCredentialFolders } = await import('../security/credential-folders.js');
  const made = await ensureCredentialFolders({ folder: out, hosts: host, clients: client, days });
  print(flags, made, () => [...made.folders, ...made.renewed.map((name) => `renewed ${name}`)].join('\n'));
}
