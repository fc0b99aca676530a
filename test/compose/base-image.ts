/**
 * A base image for tests, from Debian's packages and this machine's own Node: nothing is pulled from an image registry. It stands in for the images that
 * docker-compose.yml names: node, nats and prom/prometheus. Made once per recipe and kept, since it takes a minute or two.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { docker } from './docker.js';

const run = promisify(execFile);
const suite = 'bookworm';
const packages = ['ca-certificates', 'wget', 'nats-server', 'prometheus'];

const recipe = `FROM BASE
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \\
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \\
 && mkdir /prometheus && chown 65534:65534 /prometheus
`;
/** Where packages come through a proxy with an authority of its own, the build has to know it too. */
const authorities = process.env.NODE_EXTRA_CA_CERTS;
const trusting = 'COPY ca.pem /etc/ssl/host-ca.pem\nENV NODE_EXTRA_CA_CERTS=/etc/ssl/host-ca.pem\n';

const contents = createHash('sha256').update(
  JSON.stringify([suite, packages, recipe, process.version, authorities !== undefined]),
);
const tag = `segue-test-base:${contents.digest('hex').slice(0, 12)}`;

function isThere(): boolean {
  return spawnSync('docker', ['image', 'inspect', tag]).status === 0;
}

/** Why it cannot be made here; null when it is there or can be. */
export function whyNoBaseImage(): string | null {
  if (isThere()) return null;
  if (spawnSync('mmdebstrap', ['--version']).status !== 0) return 'no mmdebstrap to make a base image with';
  return npmFolder() === null ? 'npm is not installed beside Node' : null;
}

/** @returns its tag */
export async function ensureBaseImage(): Promise<string> {
  if (isThere()) return tag;
  const folder = mkdtempSync(join(tmpdir(), 'segue-image-'));
  try {
    const archive = join(folder, 'debian.tar');
    await run('mmdebstrap', ['--variant=minbase', `--include=${packages.join(',')}`, suite, archive]);
    const imported = await docker(['import', archive]);
    const context = join(folder, 'context');
    mkdirSync(context);
    cpSync(realpathSync(process.execPath), join(context, 'node'));
    cpSync(npmFolder() ?? '', join(context, 'npm'), { recursive: true });
    if (authorities !== undefined) writeFileSync(join(context, 'ca.pem'), readFileSync(authorities));
    const lines = recipe.replace('BASE', imported) + (authorities === undefined ? '' : trusting);
    writeFileSync(join(context, 'Dockerfile'), lines);
    await docker(['build', '--quiet', '--tag', tag, context]);
    return tag;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function npmFolder(): string | null {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const folder = join(prefix, 'lib/node_modules/npm');
  return existsSync(folder) ? realpathSync(folder) : null;
}
