/**
 * `npm test [-- <part of a file name> | <tap option>]...`: the set-up, the type check of the tests, then every test file
 * whose path holds one of the given parts. The last line on stdout is `N passed, N failed`: assertions, as tap counts them.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuild } from './lib/packages.mjs';
import { main, Refusal, root, runInForeground, say } from './lib/process.mjs';
import { setUp } from './lib/setup.mjs';

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
  const reporter = process.stdout.isTTY
    ? []
    : ['--reporter=node', `--reporter-arg=${join(root, 'scripts/lib/tap-lines.mjs')}`];
  const resultFile = join(root, '.tap/result.tap');
  mkdirSync(join(root, '.tap'), { recursive: true });
  rmSync(resultFile, { force: true });
  const tap = join(root, 'node_modules/.bin/tap');
  const exitCode = await runInForeground(
    tap,
    [...reporter, `--output-file=${resultFile}`, ...options, ...files],
    environment,
  );
  const result = readResult(resultFile);
  counts.passed += result.passed;
  // A runner that fails without a failed assertion (ended from outside, out of memory) is a failure all the same.
  counts.failed += exitCode === 0 ? result.failed : Math.max(result.failed, 1);
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

/** Reads tap's own count, the last comment of the form `# { total: 10, pass: 9, fail: 1 }` that is not indented. */
function readResult(path) {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return { passed: 0, failed: 1 };
  }
  const summary = [...text.matchAll(/^# \{ total: \d+(.*) \}$/gm)].at(-1);
  if (summary === undefined) return { passed: 0, failed: 1 };
  const count = (name) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(summary[1])?.[1] ?? 0);
  return { passed: count('pass'), failed: count('fail') };
}
