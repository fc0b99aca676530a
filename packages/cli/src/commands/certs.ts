/**
 * `segue certs`: a local authority and the certificates of services and clients, in a folder of files that only their owner reads.
 */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { repeatedOption, wholeNumber } from './options.js';
import { addExamples, type JsonFlag, jsonOption, printEach } from './output.js';

interface FolderFlags extends JsonFlag {
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
  const create = withFolder(certs.command('create'))
    .description('make the authority and what is missing of the certificates of all services, and of the named clients')
    .addOption(repeatedOption('--host <name>', 'host name or address of the services beside this machine'))
    .addOption(repeatedOption('--client <name>', 'a client that gets a certificate'))
    .addOption(repeatedOption('--scorer <name>', 'a scorer server of your own that gets one'))
    .option('--days <n>', 'how long they last', wholeNumber(1), 365)
    .action(createCertificates);
  addExamples(
    create,
    'segue certs create --out certs --host segue.example.org --client alice',
    'segue certs create --out certs --scorer judge-1',
  );
  const renew = withFolder(certs.command('renew'))
    .description('sign a new key in place of each certificate that is about to end; services read it when they start')
    .option('--within <days>', 'those that end within so many days', wholeNumber(0), 30)
    .option('--days <n>', 'how long the new ones last', wholeNumber(1), 365)
    .action(renewCertificates);
  addExamples(renew, 'segue certs renew --out certs --within 14');
  const list = withFolder(certs.command('list')).description('who has a certificate, and until when');
  addExamples(list.action(listCertificates), 'segue certs list', 'segue certs list --json');
}

function withFolder(command: Command): Command {
  return command.option('--out <folder>', 'folder of the certificates', 'certs').option(...jsonOption);
}

/** The library of certificates is loaded by those alone who need it. */
async function open({ out }: FolderFlags) {
  const folders = await import('../security/certificate-folder.js');
  return { folder: new folders.CertificateFolder(resolve(out)), ...folders };
}

async function createCertificates(flags: CreateFlags): Promise<void> {
  const { folder, localHosts, serviceHolders } = await open(flags);
  const known = new Set((await folder.list()).map(({ holder }) => holder.name));
  const hosts = [...new Set([...localHosts, ...flags.host])];
  // A repetition adds clients; one that is named again is refused, since its key would be lost.
  const services = serviceHolders.filter(({ name }) => !known.has(name));
  const clients = flags.client.map((name) => ({ kind: 'client', name }) as const);
  const scorers = flags.scorer.map((name) => ({ kind: 'scorer', name }) as const);
  const made: { kind: string; name: string; cert: string }[] = [];
  for (const holder of [...services, ...clients, ...scorers]) {
    await folder.issue(holder, hosts, flags.days);
    made.push({ ...holder, ...folder.filesOf(holder.name) });
  }
  printEach(flags, made, ({ kind, name, cert }) => `${kind} ${name}: ${cert}`, 'all services have theirs already');
}

async function renewCertificates(flags: RenewFlags): Promise<void> {
  const { folder } = await open(flags);
  const renewed = await folder.renew(flags.within, flags.days);
  const named = renewed.map((name) => ({ renewed: name }));
  printEach(flags, named, ({ renewed: name }) => `renewed ${name}`, `none ends within ${flags.within} days`);
}

async function listCertificates(flags: FolderFlags): Promise<void> {
  const { folder } = await open(flags);
  const all = (await folder.list()).map(({ holder, notAfter, hosts }) => ({
    ...holder,
    until: notAfter.toISOString(),
    hosts,
  }));
  printEach(
    flags,
    all,
    ({ kind, name, until, hosts }) => `${kind} ${name}  until ${until}  ${hosts.join(' ')}`.trimEnd(),
    'no certificate is here',
  );
}
