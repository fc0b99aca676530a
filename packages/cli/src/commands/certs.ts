/**
 * `segue certs`: a local authority and the certificates of services and clients, in a folder of files that only their owner reads.
 */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { collect, wholeNumber } from './options.js';

interface FolderFlags {
  readonly out: string;
}
interface CreateFlags extends FolderFlags {
  readonly host: readonly string[];
  readonly client: readonly string[];
  readonly scorer: readonly string[];
  readonly days: number;
}
interface RenewFlags extends FolderFlags {
  readonly within: number;
  readonly days: number;
}

export function addCertsCommands(program: Command): void {
  const certs = program.command('certs').description('certificates for mTLS: a local authority, services, clients');
  withFolder(certs.command('create'))
    .description('make the authority and what is missing of the certificates of all services, and of the named clients')
    .option('--host <name>', 'host name or address of the services beside this machine; may be repeated', collect, [])
    .option('--client <name>', 'a client that gets a certificate; may be repeated', collect, [])
    .option('--scorer <name>', 'a scorer server of your own that gets one; may be repeated', collect, [])
    .option('--days <n>', 'how long they last', wholeNumber(1), 365)
    .addHelpText('after', '\nExample:\n  segue certs create --out certs --host segue.example.org --client alice')
    .action(createCertificates);
  withFolder(certs.command('renew'))
    .description('sign a new key in place of each certificate that is about to end; services read it when they start')
    .option('--within <days>', 'those that end within so many days', wholeNumber(0), 30)
    .option('--days <n>', 'how long the new ones last', wholeNumber(1), 365)
    .action(renewCertificates);
  withFolder(certs.command('list')).description('who has a certificate, and until when').action(listCertificates);
}

function withFolder(command: Command): Command {
  return command.option('--out <folder>', 'folder of the certificates', 'certs');
}

/** The library of certificates is loaded by those alone who need it. */
async function open({ out }: FolderFlags) {
  const folders = await import('../security/certificate-folder.js');
  return { folder: new folders.CertificateFolder(resolve(out)), ...folders };
}

function say(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

async function createCertificates(flags: CreateFlags): Promise<void> {
  const { folder, localHosts, serviceHolders } = await open(flags);
  const known = new Set((await folder.list()).map(({ holder }) => holder.name));
  const hosts = [...new Set([...localHosts, ...flags.host])];
  // A repetition adds clients; one that is named again is refused, since its key would be lost.
  const services = serviceHolders.filter(({ name }) => !known.has(name));
  const clients = flags.client.map((name) => ({ kind: 'client', name }) as const);
  const scorers = flags.scorer.map((name) => ({ kind: 'scorer', name }) as const);
  for (const holder of [...services, ...clients, ...scorers]) {
    await folder.issue(holder, hosts, flags.days);
    say([`${holder.kind} ${holder.name}: ${folder.filesOf(holder.name).cert}`]);
  }
}

async function renewCertificates(flags: RenewFlags): Promise<void> {
  const { folder } = await open(flags);
  const renewed = await folder.renew(flags.within, flags.days);
  say(renewed.length > 0 ? renewed.map((name) => `renewed ${name}`) : [`none ends within ${flags.within} days`]);
}

async function listCertificates(flags: FolderFlags): Promise<void> {
  const { folder } = await open(flags);
  const all = await folder.list();
  say(
    all.map(({ holder, notAfter, hosts }) =>
      `${holder.kind} ${holder.name}  until ${notAfter.toISOString()}  ${hosts.join(' ')}`.trimEnd(),
    ),
  );
}
