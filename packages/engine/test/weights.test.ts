// Weights that stay in their file, and versions that are made ready before they are served.
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { GraphCache } from '../dist/generate/graph-cache.js';
import { LocalEngine } from '../dist/generate/local-engine.js';
import { DecodePolicy } from '../dist/generate/policy.js';
import { Builder } from '../dist/graph/builder.js';
import { openWeights, weightsInFiles } from '../dist/model/weights.js';
import { generate, prompt, request, writeTinyPolicy } from './tiny-policy.js';

const requests = [request('w-g0-t0'), request('w-g0-t1', { responseTokens: prompt(3, 4) })];

/** Tokens and log-probs by sequence, each on a fresh engine. */
async function generated(folder: string, packWeights = true) {
  const engine = new LocalEngine({ slots: 2, chunkTokens: 8, packWeights });
  await engine.loadVersion({ version: 1, folder });
  const results = await tokensOf(engine);
  await engine.stop();
  return results;
}

async function tokensOf(engine: LocalEngine, which = requests) {
  const results = await generate(engine, which);
  return which.map(({ id }) => ({ tokens: results.get(id)!.tokens, logProbs: results.get(id)!.logProbs }));
}

/** Writes the same tensors in the order of their names, as other software does. */
async function sortTensors(path: string): Promise<void> {
  const bytes = await readFile(path);
  const headerBytes = Number(bytes.readBigUInt64LE());
  const { __metadata__: metadata, ...entries } = JSON.parse(bytes.subarray(8, 8 + headerBytes).toString());
  const data = bytes.subarray(8 + headerBytes);
  const parts: Buffer[] = [];
  let end = 0;
  const sorted = Object.keys(entries)
    .sort()
    .map((name) => {
      const part = data.subarray(...entries[name].data_offsets);
      parts.push(part);
      const begin = end;
      end += part.length;
      return [name, { ...entries[name], data_offsets: [begin, end] }];
    });
  const header = Buffer.from(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(sorted) }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  await writeFile(path, Buffer.concat([length, header, ...parts]));
}

t.test(
  'weights are mapped where the file holds them as the graphs need them, else read: the same tokens',
  async (t) => {
    const folder = await writeTinyPolicy(join(t.testdir(), 'mapped'), 1);
    const mapped = await openWeights(folder);
    t.equal(mapped.memory, null);
    t.equal(mapped.filesFolder, folder);
    const expected = await generated(folder);

    const sorted = await writeTinyPolicy(join(t.testdir(), 'sorted'), 1);
    await sortTensors(join(sorted, 'model.safetensors'));
    t.equal(await weightsInFiles(sorted), null, 'keys, queries and values lie apart');
    t.not((await openWeights(sorted)).memory, null);
    t.same(await generated(sorted), expected, 'bit for bit');
  },
);

t.test('without packed weights the log-probs are the same but for rounding', async (t) => {
  const folder = await writeTinyPolicy(join(t.testdir(), 'policy'), 1);
  const [packed, plain] = [await generated(folder), await generated(folder, false)];
  packed.forEach(({ tokens, logProbs }, i) => {
    t.same(plain[i]!.tokens, tokens);
    const difference = Math.max(...logProbs.map((value, k) => Math.abs(value - plain[i]!.logProbs[k]!)));
    t.ok(difference < 1e-5, `${difference}`);
  });
});

t.test('emitted graphs are kept for versions of one shape: all that a policy has', async (t) => {
  const parent = t.testdir();
  const first = await openWeights(await writeTinyPolicy(join(parent, 'first'), 1));
  const second = await openWeights(await writeTinyPolicy(join(parent, 'second'), 2));
  const cache = new GraphCache();
  const build = () => {
    const b = new Builder();
    b.output('x', b.add(b.input('a', 'float32', []), 1));
    return b;
  };
  const names = Array.from({ length: 18 }, (_, i) => `graph ${i}`);
  const emitted = names.map((name) => cache.emitted(name, first, build));
  names.forEach((name, i) => {
    t.equal(cache.emitted(name, second, build), emitted[i], name);
  });
});

t.test('a version that is served outlives its files', async (t) => {
  const folder = await writeTinyPolicy(join(t.testdir(), 'policy'), 1);
  const expected = await generated(folder);
  const engine = new LocalEngine({ slots: 2, chunkTokens: 8 });
  await engine.loadVersion({ version: 1, folder });
  await rm(folder, { recursive: true });
  t.same(await tokensOf(engine), expected);
  await engine.stop();
});

t.test('a version is made ready while sequences run, and serves from the moment it is loaded', async (t) => {
  const root = t.testdir();
  const [one, two] = [await writeTinyPolicy(join(root, '1'), 1), await writeTinyPolicy(join(root, '2'), 2)];
  const [expected, next] = [await generated(one), await generated(two)];
  const engine = new LocalEngine({ slots: 2, chunkTokens: 8 });
  await engine.loadVersion({ version: 1, folder: one });
  await engine.admit(requests);
  const chunk = await engine.generateChunk();
  await engine.prepareVersion({ version: 2, folder: two });
  t.match(await engine.status(), { policyVersion: 1, running: chunk.running });
  const results = new Map(
    [...chunk.finished, ...(await generate(engine)).values()].map((result) => [result.id, result]),
  );
  t.same(
    requests.map(({ id }) => results.get(id)!.tokens),
    expected.map(({ tokens }) => tokens),
    'what runs goes on under its own version',
  );
  await engine.loadVersion({ version: 2, folder: two });
  t.match(await engine.status(), { policyVersion: 2 });
  t.same(await tokensOf(engine), next);
  await engine.stop();
});

t.test('files that were replaced after a version was made ready are what is served', async (t) => {
  const root = t.testdir();
  const folder = await writeTinyPolicy(join(root, '2'), 2);
  const other = await writeTinyPolicy(join(root, 'other'), 3);
  const [old, expected] = [await generated(folder), await generated(other)];
  t.notSame(old, expected);
  const engine = new LocalEngine({ slots: 2, chunkTokens: 8 });
  await engine.prepareVersion({ version: 2, folder });
  await rm(folder, { recursive: true });
  await rename(other, folder);
  await engine.loadVersion({ version: 2, folder });
  t.same(await tokensOf(engine), expected);
  await engine.stop();
});

for (const kind of ['mapped', 'read'] as const) {
  t.test(
    `weights that were written anew in place after a version was made ready are what is served (${kind})`,
    async (t) => {
      const root = t.testdir();
      const folder = await writeTinyPolicy(join(root, '2'), 2);
      const other = await writeTinyPolicy(join(root, 'other'), 3);
      const path = (at: string) => join(at, 'model.safetensors');
      if (kind === 'read') await Promise.all([folder, other].map((at) => sortTensors(path(at))));
      const expected = await generated(other);
      t.notSame(await generated(folder), expected);
      const engine = new LocalEngine({ slots: 2, chunkTokens: 8 });
      await engine.prepareVersion({ version: 2, folder });
      // As long as before, and no older by its own word.
      const { atime, mtime } = await stat(path(folder));
      await writeFile(path(folder), await readFile(path(other)));
      await utimes(path(folder), atime, mtime);
      await engine.loadVersion({ version: 2, folder });
      t.same(await tokensOf(engine), expected);
      await engine.stop();
    },
  );
}

t.test('what is ready can be let go of: it is not served, and what is served goes on', async (t) => {
  const root = t.testdir();
  const [one, two] = [await writeTinyPolicy(join(root, '1'), 1), await writeTinyPolicy(join(root, '2'), 2)];
  const engine = new LocalEngine({ slots: 2, chunkTokens: 8 });
  await engine.loadVersion({ version: 1, folder: one });
  const opened = t.capture(DecodePolicy, 'open', DecodePolicy.open);
  await engine.prepareVersion({ version: 2, folder: two });
  t.equal(opened().length, 1);
  await engine.prepareVersion(null);
  t.match(await engine.status(), { policyVersion: 1 });
  t.same(await tokensOf(engine), await generated(one));
  opened();
  await engine.loadVersion({ version: 2, folder: two });
  t.equal(opened().length, 1, 'built anew');
  t.same(await tokensOf(engine), await generated(two));
  await engine.stop();
});

t.test('a version that cannot be made ready leaves the served one as it is', async (t) => {
  const root = t.testdir();
  const folder = await writeTinyPolicy(join(root, '1'), 1);
  const expected = await generated(folder);
  const engine = new LocalEngine({ slots: 2, chunkTokens: 8 });
  await engine.loadVersion({ version: 1, folder });
  const broken = await writeTinyPolicy(join(root, '2'), 2);
  const path = join(broken, 'model.safetensors');
  await writeFile(path, (await readFile(path)).subarray(0, -4));
  await t.rejects(engine.prepareVersion({ version: 2, folder: broken }), { code: 'DATA_LOSS' });
  await t.rejects(engine.prepareVersion({ version: 3, folder: join(root, 'none') }), { code: 'NOT_FOUND' });
  t.match(await engine.status(), { policyVersion: 1 });
  t.same(await tokensOf(engine), expected);
  await engine.stop();
});
