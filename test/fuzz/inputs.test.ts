/**
 * Malformed configuration of runs and services, and malformed lines of problem files, through the readers that the commands and services use: one refusal each that names
 * the key or the line, nothing accepted that a second reading refuses or does not find again, memory flat.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  actorConfigSchema,
  type CommonConfig,
  type ConfigSchema,
  controllerConfigSchema,
  isId,
  type ProblemInput,
  parseConfig,
  replayConfigSchema,
  rewardConfigSchema,
  runConfigSchema,
  SegueError,
  type ServiceName,
  trainerConfigSchema,
} from '@segue/core';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { serviceEntry } from '../../packages/cli/dist/cluster/service-process.js';
import { readProblemFile } from '../../packages/cli/dist/problems/problem-file.js';
import { readRunConfig } from '../../packages/cli/dist/run/run-config-file.js';
import { readConfig } from '../../packages/service/dist/read-config.js';
import { runSegue } from '../support/command.js';
import { type Case, caseOf, cases, pick } from './support/cases.js';
import { residentBytes } from './support/memory.js';
import { malformedLine, validLine } from './support/problem-lines.js';
import { malformedSettings } from './support/settings.js';

const half = Math.ceil(cases / 2);
const mebibyte = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'segue-fuzz-'));

/** What has settings, and how they are read. */
interface Reader {
  readonly name: ServiceName | 'run';
  readonly valid: Record<string, unknown>;
  read(file: string): Promise<unknown>;
  /** The same values again, without a file. */
  again(value: unknown): unknown;
}

function serviceReader<C extends CommonConfig>(name: ServiceName, schema: ConfigSchema<C>): Reader {
  return {
    name,
    valid: { ...parseConfig(schema, { id: name }, name) },
    read: async (file) => readConfig(name, schema, ['--config', file], {}).config,
    again: (value) => parseConfig(schema, value, 'again'),
  };
}

const readers: readonly Reader[] = [
  {
    name: 'run',
    valid: { ...parseConfig(runConfigSchema, {}, 'run') },
    read: async (file) => (await readRunConfig({ file, ownFile: true, assignments: [], flags: {} })).config,
    again: (value) => parseConfig(runConfigSchema, value, 'again'),
  },
  serviceReader('actor', actorConfigSchema),
  serviceReader('controller', controllerConfigSchema),
  serviceReader('replay', replayConfigSchema),
  serviceReader('reward', rewardConfigSchema),
  serviceReader('trainer', trainerConfigSchema),
];

interface Counts {
  refused: number;
  accepted: number;
  readonly complaints: string[];
}

/** Makes cases until half of the whole number is refused, with a look at the memory in between. */
async function fuzz(t: Test, purpose: string, attempt: (one: Case, counts: Counts) => Promise<void>): Promise<void> {
  const counts: Counts = { refused: 0, accepted: 0, complaints: [] };
  let index = 0;
  const until = async (refused: number) => {
    while (counts.refused < refused && counts.complaints.length < 20) await attempt(caseOf(purpose, index++), counts);
  };
  await until(half / 2);
  const before = residentBytes();
  await until(half);
  const after = residentBytes();
  const { refused, accepted, complaints } = counts;
  t.comment(`${purpose}: ${refused} refused, ${accepted} valid by chance`);
  t.strictSame(complaints, []);
  t.ok(refused >= half, `${refused} were refused`);
  const told = `${(before / mebibyte).toFixed(0)} MiB after the first half, ${(after / mebibyte).toFixed(0)} after the second`;
  t.comment(told);
  t.ok(after < before * 1.05 + 8 * mebibyte, told);
}

/** Whether everything that was written is in what was read: nothing was left out in silence. */
function isWithin(written: unknown, read: unknown): boolean {
  if (typeof written !== 'object' || written === null || Array.isArray(written))
    return isDeepStrictEqual(written, read);
  if (typeof read !== 'object' || read === null) return false;
  return Object.entries(written).every(([key, value]) => isWithin(value, Reflect.get(read, key)));
}

t.test('configuration', (t) =>
  fuzz(t, 'settings', async (one, counts) => {
    const reader = pick(one.random, readers);
    const { name, text, key } = malformedSettings(one, reader.valid);
    const file = join(folder, `${reader.name}.yaml`);
    writeFileSync(file, text);
    let value: unknown;
    try {
      value = await reader.read(file);
    } catch (error) {
      counts.refused++;
      if (!(error instanceof SegueError) || error.code !== 'INVALID_CONFIG') {
        counts.complaints.push(`${reader.name}, ${name}: ${error}`);
      } else if (!error.message.includes(key === null ? file : key)) {
        counts.complaints.push(`${reader.name}, ${name}: does not name it: ${error.message}`);
      }
      return;
    }
    counts.accepted++;
    if (key !== null) counts.complaints.push(`${reader.name}, ${name}: accepted`);
    const written: unknown = parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text)) ?? {};
    if (!isWithin(written, value)) counts.complaints.push(`${reader.name}, ${name}: not all that was written was read`);
    if (!isDeepStrictEqual(reader.again(value), value))
      counts.complaints.push(`${reader.name}, ${name}: read otherwise again`);
  }),
);

t.test('problem files', (t) =>
  fuzz(t, 'line', async (one, counts) => {
    const { name, line, isWrong } = malformedLine(one);
    const file = join(folder, 'problems.jsonl');
    const before = one.random.below(4);
    writeFileSync(
      file,
      Buffer.concat([Buffer.from(`${validLine}\n`.repeat(before)), line, Buffer.from(`\n${validLine}\n`)]),
    );
    const problems: ProblemInput[] = [];
    try {
      for await (const problem of readProblemFile(file)) problems.push(problem);
    } catch (error) {
      counts.refused++;
      const place = `${file}:${before + 1}: `;
      if (!(error instanceof SegueError) || error.code !== 'INVALID_INPUT') counts.complaints.push(`${name}: ${error}`);
      else if (!error.rawMessage.startsWith(place))
        counts.complaints.push(`${name}: does not name the line: ${error.message}`);
      else if (problems.length !== before) counts.complaints.push(`${name}: ${problems.length} lines were read before`);
      return;
    }
    counts.accepted++;
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line);
    if (isWrong) counts.complaints.push(`${name}: accepted: ${text.slice(0, 200)}`);
    if (text.trim() === '') return;
    const { prompt, ...written }: Record<string, unknown> = JSON.parse(text);
    const read = problems[before];
    if (problems.length !== before + 2 || !isWithin(written, read))
      counts.complaints.push(`${name}: not all that was written was read`);
    if (typeof prompt === 'string' && read?.prompt !== prompt) counts.complaints.push(`${name}: another prompt`);
    if (read?.id != null && !isId(read.id)) counts.complaints.push(`${name}: accepted the id ${read.id}`);
  }),
);

t.test('processes say what is wrong and end with 2', async (t) => {
  for (const [index, { name, valid }] of readers.entries()) {
    let made = malformedSettings(caseOf(`process ${name}`, index), valid);
    for (let next = 100; made.key === null; next++) made = malformedSettings(caseOf(`process ${name}`, next), valid);
    const file = join(folder, `${name}.yaml`);
    writeFileSync(file, made.text);
    const ended =
      name === 'run' ? await runSegue('run', '--config', file, '--problems', file) : await runServiceOf(name, file);
    t.equal(ended.code, 2, `${made.name}: ${ended.stderr}`);
    t.ok(ended.stderr.includes(made.key), `${name} names ${made.key}`);
    t.notMatch(ended.stderr, /\n {4}at /, 'no stack trace');
  }
});

function runServiceOf(service: ServiceName, file: string): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [serviceEntry(service), '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => texts.push(text));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stderr: texts.join('') })));
}
