/**
 * Installs the locked packages when they are missing or differ from the lock file, and compiles the workspace.
 * The install is the CPU one: no package's install script runs (see .npmrc); cuda.mjs fetches what CUDA needs.
 */
import { accessSync, chmodSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, Refusal, root, run, say } from './process.mjs';

/** The first with `crypto.hash`. */
const oldestNode = '20.12';

/** Refuses a Node that cannot run Segue. */
export function checkNode(version = process.versions.node) {
  const [[major, minor], [oldestMajor, oldestMinor]] = [version, oldestNode].map((text) => text.split('.').map(Number));
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new Refusal(
      `Segue needs Node ${oldestNode} or newer and this is ${version}. Install a newer one from https://nodejs.org and try again.`,
    );
  }
}

/**
 * Why the installed packages do not fit the lock file, in a few words; null when they do.
 * npm writes node_modules/.package-lock.json last, so an interrupted install is seen as well.
 */
export function staleness(folder = root) {
  const installedPath = join(folder, 'node_modules/.package-lock.json');
  if (!existsSync(installedPath)) return 'not installed yet';
  const locked = readPackages(join(folder, 'package-lock.json'));
  const installed = readPackages(installedPath);
  for (const [path, wanted] of Object.entries(locked)) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue;
    const found = installed[path];
    // A package for another platform is locked here and installed there.
    if (found === undefined && wanted.optional) continue;
    if (found === undefined || !existsSync(join(folder, path))) return `${path} is missing`;
    if (found.version !== wanted.version || found.integrity !== wanted.integrity) return `${path} is outdated`;
  }
  return null;
}

function readPackages(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

/** Makes node_modules equal to the lock file. Does nothing, in milliseconds, when it is already. */
export async function ensurePackages() {
  const reason = staleness();
  if (reason === null) return;
  const startedAt = Date.now();
  say(`segue: installing the locked npm packages (${reason}); this takes about a minute`);
  const ticker = setInterval(() => say(`segue: still installing, ${seconds(startedAt)} s`), 20_000);
  const install = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    env: { ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  clearInterval(ticker);
  if (!install.ok) {
    throw new Refusal(
      `${lastLines(withoutStack(install.output))}\nnpm ci failed, so Segue's packages are not installed. ` +
        'Check the network and the npm registry (npm ping) and try again.',
    );
  }
  say(`segue: packages installed in ${seconds(startedAt)} s`);
}

/** What npm says, without the indented stack and fields of its inner error. */
function withoutStack(output) {
  const lines = output.split('\n').filter((line) => !/^npm (error|ERR!)(\s{2,}|\s*[{}]?\s*$)/.test(line));
  return lines.join('\n').replaceAll(/\{$/gm, '');
}

/**
 * Compiles what changed (`tsc -b`).
 *
 * @param {readonly string[]} projects project folders; none means all packages
 */
export async function ensureBuild(projects = []) {
  const command = join(root, 'packages/cli/dist/main.js');
  if (!existsSync(command)) say('segue: compiling (about half a minute the first time)');
  const build = await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', ...projects]);
  if (!build.ok) {
    throw new Refusal(
      `${lastLines(build.output, 40)}\nThe build failed. Mend the errors above, or check out a clean copy.`,
    );
  }
  // npm does it where it installs the command, and not again when another clone takes the place of one.
  if (existsSync(command)) makeExecutable(command);
}

/** Lets a file be run as it lies there, where that is not so and may be changed: in a checkout of somebody else, or on a read-only disk, Node can still read it. */
export function makeExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    try {
      chmodSync(path, 0o755);
    } catch {
      // `npm start` does without.
    }
  }
}

function seconds(startedAtMs) {
  return Math.round((Date.now() - startedAtMs) / 1000);
}
