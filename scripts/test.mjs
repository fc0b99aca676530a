/**
 * `npm test [-- <part of a file name> | <tap option>]...`: the set-up, the type check of the tests, then every test file
 * whose path holds one of the given parts. The last line on stdout is `N passed, N failed`: assertions, as tap counts them.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuild } from './lib/packages.mjs';
import { main, Refusal, root, runInForeground, say } from './lib/process.mjs';
import { setUp } from './lib/setup.mjs';
import { TapLog } from './lib/tap-log.mjs';

await main(async () => {
  const counts = { passed: 0, failed: 0 };
  try {
    const environment = await setUp();
    if (!(await typesAreRight())) counts.failed += 1;
    await runTests(environment, counts);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say(error.message);
    counts.failed += 1;
  }
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
  return counts.failed === 0 ? 0 : 1;
});

/** A type error in a test is a failure of its own and keeps no test from running. */
async function typesAreRight() {
  try {
    await ensureBuild(['test']);
    return true;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say(error.message);
    return false;
  }
}

async function runTests(environment, counts) {
  const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
  const parts = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
  const files = testFiles().filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
  if (files.length === 0) throw new Refusal(`No test file has ${parts.join(' or ')} in its path.`);
  const { exitCode, counts: result } = await runTap([...options, ...files], environment);
  counts.passed += result?.passed ?? 0;
  // A runner that ends badly without a failed assertion (killed, out of memory) has failed all the same.
  counts.failed += exitCode === 0 && result !== null ? result.failed : Math.max(result?.failed ?? 0, 1);
}

/** On a terminal tap draws its own live report; elsewhere a plain log is written. */
async function runTap(args, environment) {
  const log = new TapLog();
  const tap = join(root, 'node_modules/.bin/tap');
  if (!process.stdout.isTTY) {
    const toLog = (text) => process.stdout.write(log.read(text));
    const exitCode = await runInForeground(tap, ['--reporter=tap', ...args], environment, toLog);
    return { exitCode, counts: log.counts };
  }
  const file = join(root, '.tap/result.tap');
  mkdirSync(join(root, '.tap'), { recursive: true });
  writeFileSync(file, '');
  const exitCode = await runInForeground(tap, [`--output-file=${file}`, '--reporter=base', ...args], environment);
  log.read(readFileSync(file, 'utf8'));
  return { exitCode, counts: log.counts };
}

/** Every `*.test.ts` of the packages and of test/, sorted: the slowest folder, test/, first to keep all jobs busy. */
function testFiles() {
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/test`);
  return ['test', ...packages].flatMap((folder) => testFilesUnder(folder));
}

function testFilesUnder(folder) {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .filter((entry) => entry.name !== 'dist')
    .flatMap((entry) => (entry.isDirectory() ? testFilesUnder(`${folder}/${entry.name}`) : `${folder}/${entry.name}`))
    .filter((path) => path.endsWith('.test.ts'))
    .sort();
}
