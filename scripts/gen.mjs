/**
 * `npm run gen`: writes the TypeScript types of the messages in protos/segue/v1 into packages/bus/src/gen, with the options that the
 * run-time loader uses as well (packages/bus/src/proto-options.json), so that types and values agree.
 * With --check it writes nothing and fails when the committed types differ from what the protos give.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastLines, main, Refusal, root, run, say } from './lib/process.mjs';

const protoFolder = join(root, 'protos');
const generated = join(root, 'packages/bus/src/gen');
const optionsFile = join(root, 'packages/bus/src/proto-options.json');

await main(() => (process.argv.includes('--check') ? check() : write()));

async function write() {
  rmSync(generated, { recursive: true, force: true });
  await generate(generated);
  say(`segue: wrote ${filesUnder(generated).length} files into packages/bus/src/gen`);
}

async function check() {
  const fresh = mkdtempSync(join(tmpdir(), 'segue-gen-'));
  try {
    await generate(fresh);
    const names = new Set([...filesUnder(fresh), ...filesUnder(generated)]);
    const different = [...names].filter((name) => read(join(fresh, name)) !== read(join(generated, name))).sort();
    if (different.length === 0) return;
    throw new Refusal(
      `packages/bus/src/gen does not fit the protos: ${different.join(', ')}. Run npm run gen and commit the result.`,
    );
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

async function generate(folder) {
  const protos = readdirSync(join(protoFolder, 'segue/v1')).filter((name) => name.endsWith('.proto'));
  const generation = await run(join(root, 'node_modules/.bin/proto-loader-gen-types'), [
    ...loaderFlags(),
    '--importFileExtension=.js',
    '--includeComments',
    '--includeDirs=protos',
    `--outDir=${folder}`,
    ...protos.map((name) => `segue/v1/${name}`),
  ]);
  if (!generation.ok)
    throw new Refusal(
      `${lastLines(generation.output)}\nThe types of protos/segue/v1 could not be made; the error above names the proto.`,
    );
}

/** The loader's options as flags. An option that is off is left out: the generator's switches have no negative. */
function loaderFlags() {
  const options = JSON.parse(readFileSync(optionsFile, 'utf8'));
  return Object.entries(options)
    .filter(([, value]) => value !== false)
    .map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`));
}

function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}
