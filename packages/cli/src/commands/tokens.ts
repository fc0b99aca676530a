/**
 * `segue tokens`: what clients show to be let in. A token is printed once; the file keeps its hash.
 */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isId, type Scope, SegueError, scopes } from '@segue/core';
import type { Command } from 'commander';
import { createSecretFile, replaceSecretFile } from '../security/secret-file.js';
import { TokenList } from '../security/token-list.js';
import { wholeNumber } from './options.js';
import { addExamples, type JsonFlag, jsonOption, print, printEach } from './output.js';

interface FileFlags extends JsonFlag {
  readonly file: string;
}
interface CreateFlags extends FileFlags {
  readonly scopes: string;
  readonly days: number;
  readonly out?: string;
}

export function addTokensCommands(program: Command): void {
  const tokens = program.command('tokens').description('tokens of clients: make, list, revoke');
  const create = withFile(tokens.command('create <name>'))
    .description('make a token and print it, once')
    .option('--scopes <list>', `what it is good for: ${scopes.join(', ')} (admin is good for all)`, 'read,submit')
    .option('--days <n>', 'how long it lasts', wholeNumber(1), 90)
    .option('--out <file>', 'write it to a new file that only its owner reads, in place of printing it')
    .action(createToken);
  addExamples(create, 'segue tokens create alice --scopes read,submit --out alice.token');
  const list = withFile(tokens.command('list')).description('who has a token, for what, until when');
  addExamples(list.action(listTokens), 'segue tokens list', 'segue tokens list --json');
  const revoke = withFile(tokens.command('revoke <name>'))
    .description('from now on the token opens nothing; running services see it within a second')
    .action(revokeToken);
  addExamples(revoke, 'segue tokens revoke alice --file .segue/security/tokens.json');
}

function withFile(command: Command): Command {
  return command
    .option('--file <file>', 'file of the tokens, as services have it in security.tokens', 'tokens.json')
    .option(...jsonOption);
}

function listOf(file: string): TokenList {
  return new TokenList(resolve(file));
}

async function createToken(name: string, flags: CreateFlags): Promise<void> {
  if (!isId(name) || name.length > 64) throw new SegueError('INVALID_INPUT', 'name must be 1 to 64 of [a-z0-9-]');
  const granted = parseScopes(flags.scopes);
  const made = { name, scopes: granted, days: flags.days };
  const mint = () => listOf(flags.file).create(made);
  if (flags.out === undefined) {
    const token = await mint();
    print(flags, { ...made, token }, () => token);
    return;
  }
  await mintInto(resolve(flags.out), mint);
  if (flags.json) print(flags, { ...made, file: flags.out }, () => '');
}

/** The file is claimed first: a token that nobody could read would be in the list all the same. */
async function mintInto(path: string, mint: () => Promise<string>): Promise<void> {
  await createSecretFile(path, '');
  try {
    await replaceSecretFile(path, `${await mint()}\n`);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

async function revokeToken(name: string, flags: FileFlags): Promise<void> {
  await listOf(flags.file).revoke(name);
  print(flags, { revoked: name }, () => `${name} is revoked`);
}

function parseScopes(text: string): Scope[] {
  return text.split(',').map((part) => {
    const scope = scopes.find((known) => known === part.trim());
    if (!scope)
      throw new SegueError('INVALID_INPUT', `scope ${JSON.stringify(part)} is unknown; there are ${scopes.join(', ')}`);
    return scope;
  });
}

function listTokens(flags: FileFlags): void {
  const all = listOf(flags.file)
    .read()
    .map(({ name, scopes: granted, expiresAtMs }) => ({
      name,
      scopes: granted,
      until: new Date(expiresAtMs).toISOString(),
      ended: expiresAtMs <= Date.now(),
    }));
  const text = ({ name, scopes: granted, until, ended }: (typeof all)[number]) =>
    `${name}  ${granted.join(',')}  ${ended ? 'ended' : 'until'} ${until}`;
  printEach(flags, all, text, 'nobody has a token');
}
