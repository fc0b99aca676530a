/**
 * `segue tokens`: what clients show to be let in. A token is printed once; the file keeps its hash.
 */
import { resolve } from 'node:path';
import { isId, type Scope, SegueError, scopes } from '@segue/core';
import type { Command } from 'commander';
import { createSecretFile } from '../security/secret-file.js';
import { TokenList } from '../security/token-list.js';
import { wholeNumber } from './options.js';

interface FileFlags {
  readonly file: string;
}
interface CreateFlags extends FileFlags {
  readonly scopes: string;
  readonly days: number;
  readonly out?: string;
}

export function addTokensCommands(program: Command): void {
  const tokens = program.command('tokens').description('tokens of clients: make, list, revoke');
  withFile(tokens.command('create <name>'))
    .description('make a token and print it, once')
    .option('--scopes <list>', `what it is good for: ${scopes.join(', ')} (admin is good for all)`, 'read,submit')
    .option('--days <n>', 'how long it lasts', wholeNumber(1), 90)
    .option('--out <file>', 'write it to a new file that only its owner reads, in place of printing it')
    .addHelpText('after', '\nExample:\n  segue tokens create alice --scopes read,submit --out alice.token')
    .action(createToken);
  withFile(tokens.command('list')).description('who has a token, for what, until when').action(listTokens);
  withFile(tokens.command('revoke <name>'))
    .description('from now on the token opens nothing; running services see it within a second')
    .action((name: string, { file }: FileFlags) => listOf(file).revoke(name));
}

function withFile(command: Command): Command {
  return command.option('--file <file>', 'file of the tokens, as services have it in security.tokens', 'tokens.json');
}

function listOf(file: string): TokenList {
  return new TokenList(resolve(file));
}

async function createToken(name: string, flags: CreateFlags): Promise<void> {
  if (!isId(name) || name.length > 64) throw new SegueError('INVALID_INPUT', 'name must be 1 to 64 of [a-z0-9-]');
  const token = await listOf(flags.file).create({ name, scopes: parseScopes(flags.scopes), days: flags.days });
  if (flags.out === undefined) process.stdout.write(`${token}\n`);
  else await createSecretFile(resolve(flags.out), `${token}\n`);
}

function parseScopes(text: string): Scope[] {
  return text.split(',').map((part) => {
    const scope = scopes.find((known) => known === part.trim());
    if (!scope)
      throw new SegueError('INVALID_INPUT', `scope ${JSON.stringify(part)} is unknown; there are ${scopes.join(', ')}`);
    return scope;
  });
}

function listTokens({ file }: FileFlags): void {
  for (const { name, scopes: granted, expiresAtMs } of listOf(file).read()) {
    const state = expiresAtMs > Date.now() ? 'until' : 'ended';
    process.stdout.write(`${name}  ${granted.join(',')}  ${state} ${new Date(expiresAtMs).toISOString()}\n`);
  }
}
