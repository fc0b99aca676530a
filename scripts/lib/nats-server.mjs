/**
 * Finds a nats-server, or installs one: the system's package manager first, the official release archive last.
 * It starts nothing: the local cluster does that.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { isExecutable } from './find-program.mjs';
import { lastLines, Refusal, root, run, say } from './process.mjs';

/** Oldest release with the JetStream features that Segue uses (Debian 12 has 2.9.10). */
const oldestVersion = [2, 9, 0];

const ownFolder = join(root, '.segue/bin');
const serverName = 'nats-server';

/** The release that is fetched where no package manager has one. Checksums: those that the official image pins. */
const release = {
  version: '2.10.29',
  site: 'https://github.com/nats-io/nats-server/releases/download',
  sha256: {
    'linux-amd64': 'e314da74a83a1d3876db8814c27eb990fe729640fd6452025b441bcede8390da',
    'linux-arm64': 'da4b27942ecfb4c5f0c54553d2e7f470ddda9d7581cfe8131b351a0e223ed401',
    'linux-arm7': 'a59e7336a32ef78b0ca8bc3e6707a5770461d3f45c4c2f96cfef263f26eaefd5',
  },
};

/**
 * Makes sure that there is a NATS server to use.
 *
 * @returns {Promise<string | null>} path of the program; null when SEGUE_NATS_URL names a server that already runs
 */
export async function ensureNatsServer() {
  if (process.env.SEGUE_NATS_URL) return null;
  return (await findNatsServer()) ?? installNatsServer();
}

/**
 * Looks where a nats-server may be: SEGUE_NATS_SERVER, then the folders. Null when there is none.
 *
 * @param {readonly string[]} folders PATH, the usual folders and .segue/bin unless told otherwise
 */
export async function findNatsServer(folders = searchFolders()) {
  const named = process.env.SEGUE_NATS_SERVER;
  if (named) {
    const trouble = await troubleWith(named);
    if (trouble !== null) throw new Refusal(`SEGUE_NATS_SERVER is ${named}, but ${trouble}. Correct it or unset it.`);
    return named;
  }
  for (const folder of folders) {
    const path = join(folder, serverName);
    if (!isExecutable(path)) continue;
    const trouble = await troubleWith(path);
    if (trouble === null) return path;
    say(`segue: ${path} is passed over: ${trouble}`);
  }
  return null;
}

/** Debian puts servers into /usr/sbin, which is not on every user's PATH. */
function searchFolders() {
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const usual = ['/usr/local/bin', '/usr/local/sbin', '/usr/sbin', '/opt/homebrew/bin'];
  return [...new Set([...onPath, ...usual, ownFolder])];
}

/** What keeps a program from being used as the NATS server; null when nothing does. */
async function troubleWith(path) {
  const answer = await run(path, ['--version'], { timeoutMs: 10_000 });
  const version = /v(\d+)\.(\d+)\.(\d+)/.exec(answer.output);
  if (!answer.ok || version === null) return `it does not run (${lastLines(answer.output, 1)})`;
  const numbers = version.slice(1).map(Number);
  const older = numbers.findIndex((number, i) => number !== oldestVersion[i]);
  if (older !== -1 && numbers[older] < oldestVersion[older]) {
    return `it is version ${numbers.join('.')}, and Segue needs ${oldestVersion.join('.')} or newer`;
  }
  return null;
}

/**
 * Tries each way to get a nats-server; when none works, one message says why and what to do.
 *
 * @param {readonly (readonly [string, () => Promise<string | null>])[]} ways a name, and an action that gives null or its trouble
 * @param {() => Promise<string | null>} find looks whether a way has worked
 * @returns {Promise<string>} path of the program
 */
export async function installNatsServer(ways = installers(), find = findNatsServer) {
  say('segue: nats-server is missing; installing it');
  const failures = [];
  for (const [name, install] of ways) {
    const trouble = await install();
    const path = trouble === null ? await find() : null;
    if (path !== null) {
      say(`segue: nats-server installed (${name}): ${path}`);
      return path;
    }
    failures.push(`${name}: ${trouble ?? 'it ran, but left no nats-server'}`);
  }
  throw new Refusal(
    `nats-server is missing and could not be installed (${failures.join('; ')}). ` +
      'Install it by hand (https://github.com/nats-io/nats-server/releases) and put it on PATH, ' +
      'or set SEGUE_NATS_URL to a running server with JetStream; then try again.',
  );
}

function installers() {
  if (process.platform === 'darwin') {
    return [
      ['brew', installWithBrew],
      ['download', downloadRelease],
    ];
  }
  return [
    ['apt', installWithApt],
    ['download', downloadRelease],
  ];
}

async function installWithBrew() {
  const brew = await run('brew', ['install', '--quiet', 'nats-server'], { timeoutMs: 600_000 });
  return brew.ok ? null : lastLines(brew.output, 1);
}

/** As root or with a sudo that asks nothing: a proper install. Else the package is unpacked into .segue/bin. */
async function installWithApt() {
  if (!(await run('apt-get', ['--version'])).ok) return 'there is no apt-get here';
  const prefix = process.getuid?.() === 0 ? [] : (await run('sudo', ['-n', 'true'])).ok ? ['sudo', '-n'] : null;
  if (prefix === null) return unpackFromApt();
  const aptGet = (...args) => {
    const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...args];
    return run(command, [...rest, '-o', 'DPkg::Lock::Timeout=120'], { timeoutMs: 300_000 });
  };
  const install = () => aptGet('install', '-y', '--no-install-recommends', serverName);
  if ((await install()).ok) return null;
  // A fresh container or an old machine has no package lists, or outdated ones.
  await aptGet('update');
  const second = await install();
  return second.ok ? null : lastLines(second.output, 1);
}

async function unpackFromApt() {
  return inTemporaryFolder(async (folder) => {
    const download = await run('apt-get', ['-q', 'download', serverName], { cwd: folder, timeoutMs: 300_000 });
    const archive = readdirSync(folder).find((name) => name.endsWith('.deb'));
    if (!download.ok || archive === undefined)
      return `no root rights, and apt-get download failed: ${lastLines(download.output, 1)}`;
    const unpack = await run('dpkg-deb', ['-x', archive, 'unpacked'], { cwd: folder });
    if (!unpack.ok) return lastLines(unpack.output, 1);
    return adopt(join(folder, 'unpacked/usr/sbin', serverName), ownFolder);
  });
}

/**
 * Fetches the official archive, checks it, and puts the program into a folder.
 *
 * @param {{version: string, site: string, sha256: Readonly<Record<string, string>>}} source a target without a checksum
 *   here is checked against the list that the project publishes beside the archive
 * @returns {Promise<string | null>} null when all went well, else what did not
 */
export async function downloadRelease({ version, site, sha256 } = release, folder = ownFolder) {
  const system = { linux: 'linux', darwin: 'darwin', freebsd: 'freebsd' }[process.platform];
  const machine = { x64: 'amd64', arm64: 'arm64', arm: 'arm7' }[process.arch];
  if (system === undefined || machine === undefined)
    return `there is no release for ${process.platform} ${process.arch}`;
  const target = `${system}-${machine}`;
  const name = `${serverName}-v${version}-${target}`;
  try {
    const archive = await fetchBytes(`${site}/v${version}/${name}.tar.gz`);
    const wanted = sha256[target] ?? (await publishedChecksum(`${site}/v${version}/SHA256SUMS`, `${name}.tar.gz`));
    const actual = createHash('sha256').update(archive).digest('hex');
    if (actual !== wanted) return `${name}.tar.gz has the SHA-256 ${actual} instead of ${wanted}`;
    return await inTemporaryFolder(async (place) => {
      writeFileSync(join(place, 'archive.tar.gz'), archive);
      const unpack = await run('tar', ['-xzf', 'archive.tar.gz'], { cwd: place });
      return unpack.ok ? adopt(join(place, name, serverName), folder) : lastLines(unpack.output, 1);
    });
  } catch (error) {
    return `${site} cannot be read (${error.cause?.message ?? error.message})`;
  }
}

async function fetchBytes(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(300_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

/** The checksum that the project publishes beside the archive, for targets without a pinned one. */
async function publishedChecksum(url, file) {
  const lines = (await fetchBytes(url)).toString('utf8').split('\n');
  const line = lines.find((text) => text.trim().endsWith(file));
  if (line === undefined) throw new Error(`${url} does not list ${file}`);
  return line.trim().split(/\s+/)[0];
}

function adopt(program, folder) {
  if (!existsSync(program)) return 'the archive holds no nats-server';
  mkdirSync(folder, { recursive: true });
  copyFileSync(program, join(folder, serverName));
  chmodSync(join(folder, serverName), 0o755);
  return null;
}

async function inTemporaryFolder(action) {
  const folder = mkdtempSync(join(tmpdir(), 'segue-nats-'));
  try {
    return await action(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
