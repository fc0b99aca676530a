/**
 * Every command of `segue`, walked over: help with examples that would parse, --json, completion in real shells; and what scripts rely on: exit codes, and a stdout that holds
 * nothing else.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorCode, errorCodes, SegueError } from '@segue/core';
import { type Command, CommanderError } from 'commander';
import t, { type Test } from 'tap';
import { runSegue } from '../../../test/support/command.js';
import { completionScript, shells } from '../dist/completion/scripts.js';
import { placesOf } from '../dist/completion/words.js';
import { exitCodeOf } from '../dist/exit-codes.js';
import { buildProgram } from '../dist/program.js';
import { Progress } from '../dist/view/progress.js';

/** Why a command has no --json. */
const textAlone: Readonly<Record<string, string>> = {
  completion: 'prints a script for a shell',
};

const program = buildProgram();

/** Commands that do something, by their names after the program's. */
function leaves(command: Command, path: readonly string[] = []): [string, Command][] {
  if (command.commands.length === 0) return [[path.join(' '), command]];
  return command.commands.flatMap((sub) => leaves(sub, [...path, sub.name()]));
}

const commands = new Map(leaves(program));

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

function examplesOf(command: Command): string[] {
  const [, after = ''] = helpOf(command).split('\nExamples:\n');
  return after
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** The segue commands of a line, as words: of its pipes and of `<( )` too. */
function calls(line: string): string[][] {
  const parts = line.replace(/\s#.*/, '').split(/[|()]/);
  return parts.flatMap((part) => {
    const words = /\bsegue (\S.*)/.exec(part)?.[1];
    return words === undefined ? [] : [words.trim().split(/\s+/)];
  });
}

t.test('every command has help with an example, and each example is a command that there is', async (t) => {
  t.ok(commands.size >= 20);
  for (const [path, command] of [['', program] as const, ...commands]) {
    t.not(command.description(), '', `${path} says what it does`);
    const examples = examplesOf(command);
    t.ok(examples.length > 0, `segue ${path} --help shows an example`);
    t.notMatch(helpOf(command), 'default: []', `segue ${path} --help says what is there without a flag in words`);
    t.ok(
      examples.some((line) => line.includes(`segue ${path}`)),
      `and one of itself: ${path}`,
    );
    for (const words of examples.flatMap(calls)) {
      const [name, found] = [...commands].find(([known]) => `${words.join(' ')} `.startsWith(`${known} `)) ?? [];
      if (!found) t.fail(`an example of ${path} calls segue ${words.join(' ')}`);
      const flags = words.filter((word) => word.startsWith('--'));
      const known = new Set(found?.options.map(({ long }) => long));
      for (const flag of flags) t.ok(known.has(flag), `${name} has ${flag}`);
    }
  }
});

t.test('every command has --json, or a reason why not', async (t) => {
  const without = [...commands].filter(([, { options }]) => !options.some(({ long }) => long === '--json'));
  t.same(
    without.map(([path]) => path),
    Object.keys(textAlone),
  );
});

t.test('completion offers what may follow, in the shells that are here', async (t) => {
  const places = placesOf(program);
  const script = (shell: (typeof shells)[number]) => completionScript(shell, places);
  const folder = mkdtempSync(join(tmpdir(), 'segue-completion-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const shell of shells) writeFileSync(join(folder, shell), script(shell));
  const run = (shell: string, code: string) => spawnSync(shell, ['-c', code], { encoding: 'utf8' });
  const isHere = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

  const inBash = (...words: string[]) => {
    const line = words.map((word) => `'${word}'`).join(' ');
    const code = `source '${join(folder, 'bash')}'; COMP_WORDS=(segue ${line}); COMP_CWORD=${words.length}; _segue; echo "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = run('bash', code);
    t.equal(stderr, '');
    return stdout.trim();
  };
  if (isHere('bash')) {
    t.equal(inBash('stor'), 'store');
    t.equal(inBash('store', ''), 'verify snapshot restore --help');
    t.match(inBash('store', 'verify', '--re'), /^--repair$/);
    t.equal(inBash('demo', '--device', ''), 'cpu cuda');
    t.equal(inBash('--data', 'x', 'actor', 'd'), 'drain', 'past an option');
    t.equal(inBash('completion', ''), '--help');
  }
  const inFish = (line: string) => {
    const { stdout, stderr } = run('fish', `source '${join(folder, 'fish')}'; complete -C '${line}'`);
    t.equal(stderr, '');
    return stdout.split('\n').map((word) => word.split('\t')[0]);
  };
  if (isHere('fish')) {
    t.same(inFish('segue stor').slice(0, 1), ['store']);
    t.ok(inFish('segue store ').includes('snapshot'));
    t.same(inFish('segue demo --device c').slice(0, 2), ['cpu', 'cuda']);
    t.ok(inFish('segue store verify --re').includes('--repair'));
  }
  if (isHere('zsh')) t.match(run('zsh', `source '${join(folder, 'zsh')}'; whence -w _segue`).stdout, /function/);
  t.ok(places.some(({ path }) => path === 'dead-letters requeue'));
});

t.test('an exit code says what a script may do', async (t) => {
  const codes = Object.keys(errorCodes) as ErrorCode[];
  const byCode = Object.fromEntries(codes.map((code) => [code, exitCodeOf(new SegueError(code, 'x'))]));
  t.match(byCode, {
    INTERNAL: 1,
    DATA_LOSS: 1,
    INVALID_CONFIG: 2,
    NOT_FOUND: 2,
    UNAVAILABLE: 3,
    RESOURCE_EXHAUSTED: 3,
    DEADLINE_EXCEEDED: 3,
    UNAUTHENTICATED: 4,
    PERMISSION_DENIED: 4,
    CANCELLED: 130,
  });
  t.equal(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', '')), 0);
  t.equal(exitCodeOf(new CommanderError(1, 'commander.unknownOption', '')), 2);
  t.equal(exitCodeOf(new Error('a defect')), 1);
});

function jsonLines(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

t.test('real calls: the code, stdout with nothing but JSON, stderr with one line', async (t: Test) => {
  const folder = mkdtempSync(join(tmpdir(), 'segue-commands-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const [help, wrong, absent, refused, keys] = await Promise.all([
    runSegue('store', 'verify', '--help'),
    runSegue('runs', '--jason'),
    runSegue('runs', '--json', '--data', folder),
    runSegue('up', '--data', folder, '--set', 'slots=4'),
    runSegue('keys', '--json'),
  ]);
  t.match(help, { code: 0, stderr: '', stdout: /Examples:\n {2}segue store verify$/m });
  t.match(wrong, { code: 2, stdout: '', stderr: /unknown option '--jason'/ });
  t.match(absent, { code: 3, stdout: '', stderr: /^segue: no cluster runs on .*\n$/ });
  t.match(refused, { code: 2, stdout: '', stderr: /begin with one of controller, actor/ });
  t.match(jsonLines(keys.stdout).at(0), { path: 'seed' });

  const file = ['--file', join(folder, 'tokens.json'), '--json'];
  const [made] = jsonLines((await runSegue('tokens', 'create', 'alice', ...file)).stdout);
  t.match(made, { name: 'alice', scopes: ['read', 'submit'], token: /^\S{20,}$/ });
  t.match(jsonLines((await runSegue('tokens', 'list', ...file)).stdout), [{ name: 'alice', ended: false }]);
  t.match(jsonLines((await runSegue('tokens', 'revoke', 'alice', ...file)).stdout), [{ revoked: 'alice' }]);
  t.same((await runSegue('tokens', 'list', ...file)).stdout, '', 'nothing is no line');
  const out = ['--out', join(folder, 'certs'), '--json'];
  const certs = jsonLines((await runSegue('certs', 'create', '--scorer', 'judge-1', ...out)).stdout);
  t.match(certs.at(-1), { kind: 'scorer', name: 'judge-1', cert: /judge-1\.pem$/, key: /judge-1\.key$/ });
  t.match(jsonLines((await runSegue('certs', 'list', ...out)).stdout).length, certs.length);
  const [nats] = jsonLines((await runSegue('nats-config', '--out', join(folder, 'nats'), '--json')).stdout);
  t.match(nats, { configFile: /nats\.conf$/, seeds: { controller: /\.seed$/ } });
});

t.test('what lasts says how far it is, what does not says nothing', async (t) => {
  const lines: string[] = [];
  const options = { isTerminal: false, write: (line: string) => void lines.push(line), everyMs: 1 };
  new Progress('quick', { ...options, afterMs: 1_000 }).end();
  const slow = new Progress('reading', { ...options, afterMs: 1 });
  slow.update('3 records');
  const keepAlive = setInterval(() => {}, 1_000);
  while (lines.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  clearInterval(keepAlive);
  slow.end();
  const said = lines.length;
  await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(lines.length, said, 'nothing after the end');
  for (const line of lines) t.match(line, /^reading: 3 records \(0 s\)$/);
});
