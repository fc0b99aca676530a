/**
 * The policy store: versions appear whole or not at all, damage is named, versions are downloaded and kept as promised.
 * And version 0.
 */

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePolicyManifest } from '@segue/core';
import { readCheckpoint, writeCheckpoint } from '@segue/engine';
import t from 'tap';
import { until } from '../../../test/support/waiting.js';
import { downloadPolicy } from '../dist/download.js';
import { initializePolicy } from '../dist/initialize.js';
import { PolicyStore } from '../dist/policy-store.js';
import { characters, tinyConfig } from './support/tiny-run.js';
import { trainedOrigin } from './support/trained-origin.js';

async function openStore(t: { teardown(end: () => Promise<void>): void }): Promise<PolicyStore> {
  const root = await mkdtemp(join(tmpdir(), 'segue-policies-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  return new PolicyStore(root);
}

const writeFiles = (files: Record<string, string>) => async (folder: string) => {
  await mkdir(folder);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
};

t.test('a version appears whole, with the checksum of every file, or not at all', async (t) => {
  const store = await openStore(t);
  t.equal(await store.find('r', 1), null);
  await t.rejects(store.get('r', 1), { code: 'NOT_FOUND', message: /kept are: none/ });
  const failing = store.put(trainedOrigin(1), async (folder) => {
    await writeFiles({ 'config.json': '{}' })(folder);
    t.strictSame(await store.versions('r'), [], 'invisible while it is written');
    throw new Error('disk full');
  });
  await t.rejects(failing, { message: 'disk full' });
  t.strictSame(await store.versions('r'), []);
  t.strictSame(await readdir(join(store.root, 'r')), [], 'and nothing is left of it');

  const stored = await store.put(trainedOrigin(1), writeFiles({ 'config.json': '{}', 'model.safetensors': 'weights' }));
  t.match(stored.manifest, { version: 1, parent: 0, metrics: { loss: 1 } });
  t.match(stored.manifest.files, [
    { name: 'config.json', bytes: 2 },
    { name: 'model.safetensors', bytes: 7 },
  ]);
  t.same(await store.verify('r', 1), stored);
  t.match(store.info(stored), { ref: { runId: 'r', version: 1 }, bytes: 9, folder: join(store.root, 'r', '1') });
  await t.rejects(store.find('../r', 1), { code: 'INVALID_INPUT' });
});

t.test('a process killed between stage and rename leaves no version, and the next one cleans up', async (t) => {
  const store = await openStore(t);
  await store.put(trainedOrigin(1), writeFiles({ 'config.json': '{}' }));
  // The child stages a version and is killed while its files lie there.
  const script = `
    import { mkdir, writeFile } from 'node:fs/promises';
    import { PolicyStore } from ${JSON.stringify(new URL('../dist/policy-store.js', import.meta.url).href)};
    await new PolicyStore(${JSON.stringify(store.root)}).put(${JSON.stringify(trainedOrigin(2))}, async (folder) => {
      await mkdir(folder);
      await writeFile(folder + '/config.json', '{}');
      process.stdout.write('staged');
      await new Promise(() => setInterval(() => {}, 1000));
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const hidden = async () => (await readdir(join(store.root, 'r'))).filter((name) => name.startsWith('.staged'));
  t.equal((await hidden()).length, 1, 'the staged files are there');
  t.strictSame(await store.versions('r'), [1]);
  t.equal(await store.find('r', 2), null);
  await store.put(trainedOrigin(2), writeFiles({ 'config.json': '{"a":1}' }));
  t.strictSame(await store.versions('r'), [1, 2]);
  t.strictSame(await hidden(), []);
});

t.test('a process killed while it writes weights leaves nothing for good', async (t) => {
  const store = await openStore(t);
  const first = await initializePolicy(store, 'r', tinyConfig());
  // Nobody writes into it: who copies it along with the weights stands still.
  const pipe = join(store.root, 'pipe');
  t.equal(spawnSync('mkfifo', [pipe]).status, 0);
  const script = `
    import { readCheckpoint, writeCheckpoint } from ${JSON.stringify(import.meta.resolve('@segue/engine'))};
    import { PolicyStore } from ${JSON.stringify(new URL('../dist/policy-store.js', import.meta.url).href)};
    const checkpoint = await readCheckpoint(${JSON.stringify(first.folder)});
    await new PolicyStore(${JSON.stringify(store.root)}).put(${JSON.stringify(trainedOrigin(1))}, (folder) =>
      writeCheckpoint(folder, checkpoint, [${JSON.stringify(pipe)}]));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = once(child, 'exit');
  t.teardown(() => child.kill('SIGKILL'));
  const others = async () => {
    const names = await readdir(join(store.root, 'r'));
    return names.filter((name) => name !== '0' && !first.folder.endsWith(name) && !name.startsWith('.content-0'));
  };
  const halfMade = async () => {
    const [name] = await others();
    return name !== undefined && (await readdir(join(store.root, 'r', name))).includes('model.safetensors');
  };
  await until(halfMade, 'weights lie there');
  child.kill('SIGKILL');
  await gone;
  await store.put(trainedOrigin(1), writeFiles({ 'config.json': '{}' }));
  t.strictSame(await others().then((names) => names.filter((name) => !name.startsWith('.content-1'))), ['1']);
});

t.test('replacing a version is one step: readers of the old files go on, new ones see the new', async (t) => {
  const store = await openStore(t);
  const first = await store.put(trainedOrigin(0), writeFiles({ 'config.json': 'old' }));
  const reading = downloadPolicy(store, { policy: store.info(first).ref, from: null });
  const chunk = await reading.next();
  const second = await store.put(trainedOrigin(0), writeFiles({ 'config.json': 'new' }));
  t.equal(second.folder, first.folder);
  t.not(second.manifestSha256, first.manifestSha256);
  t.equal(await readFile(join(second.folder, 'config.json'), 'utf8'), 'new');
  t.equal(chunk.value?.file, 'manifest.json');
  t.equal(Buffer.from((await reading.next()).value!.data).toString(), 'old', 'the download began before');
  await reading.return(undefined);
  await t.rejects(downloadPolicy(store, { policy: store.info(first).ref, from: null }).next(), {
    code: 'FAILED_PRECONDITION',
  });
});

t.test('a damaged version is refused, and the file is named', async (t) => {
  const store = await openStore(t);
  const files = { 'config.json': '{}', 'model.safetensors': 'weights' };
  const { folder } = await store.put(trainedOrigin(1), writeFiles(files));
  await writeFile(join(folder, 'model.safetensors'), 'wEights');
  await t.rejects(store.verify('r', 1), { code: 'DATA_LOSS', message: /model\.safetensors does not match/ });
  await truncate(join(folder, 'model.safetensors'), 3);
  await t.rejects(store.verify('r', 1), { code: 'DATA_LOSS', message: /model\.safetensors has 3 bytes instead of 7/ });
  await rm(join(folder, 'model.safetensors'));
  await t.rejects(store.verify('r', 1), { code: 'DATA_LOSS', message: /model\.safetensors is missing/ });
  await writeFile(join(folder, 'manifest.json'), '{"formatVersion":1');
  await t.rejects(store.verify('r', 1), { code: 'DATA_LOSS', message: /manifest\.json/ });
});

t.test('what was summed while it was written is not read again, until somebody touches it', async (t) => {
  const store = await openStore(t);
  const sums = { 'model.safetensors': createHash('sha256').update('weights').digest('hex') };
  const write = async (folder: string) => {
    await writeFiles({ 'config.json': '{}', 'model.safetensors': 'weights' })(folder);
    return sums;
  };
  const { folder, manifest } = await store.put(trainedOrigin(1), write);
  t.match(manifest.files, [{ name: 'config.json' }, { name: 'model.safetensors', sha256: sums['model.safetensors'] }]);
  const path = join(folder, 'model.safetensors');
  // A time that can be set again to the last digit: only the time of the change itself tells then.
  await utimes(path, 1, 1);
  await store.verify('r', 1);
  await writeFile(path, 'wEights');
  await utimes(path, 1, 1);
  await t.rejects(store.verify('r', 1), { code: 'DATA_LOSS', message: /model\.safetensors does not match/ });
  await writeFile(path, 'weights');
  await store.verify('r', 1);

  // Only who reads the file finds that this is not its sum.
  const wrong = { 'model.safetensors': createHash('sha256').update('others').digest('hex') };
  const second = await store.put(trainedOrigin(2), async (folder) => {
    await write(folder);
    return wrong;
  });
  await t.resolves(store.verify('r', 2), 'it has not been read');
  await utimes(join(second.folder, 'model.safetensors'), 1, 1);
  await t.rejects(store.verify('r', 2), { code: 'DATA_LOSS', message: /model\.safetensors does not match/ });
});

t.test('the newest versions, version 0 and those in use are kept', async (t) => {
  const store = await openStore(t);
  for (let version = 0; version < 6; version++)
    await store.put(trainedOrigin(version), writeFiles({ 'config.json': '{}' }));
  await store.prune('r', 2, new Set([2, 5, 9]));
  t.strictSame(await store.versions('r'), [0, 2, 4, 5]);
  await store.prune('r', 2, new Set());
  t.strictSame(await store.versions('r'), [0, 4, 5]);
  t.strictSame((await readdir(join(store.root, 'r'))).filter((name) => name.startsWith('.')).length, 3);
});

t.test('a download gives the manifest first and every file whole', async (t) => {
  const store = await openStore(t);
  const large = 'x'.repeat(1024 * 1024 + 5);
  const stored = await store.put(trainedOrigin(3), writeFiles({ 'config.json': '', 'model.safetensors': large }));
  const received = new Map<string, string>();
  const order: string[] = [];
  const policy = store.info(stored).ref;
  for await (const { file, offset, fileBytes, data, sha256 } of downloadPolicy(store, { policy, from: null })) {
    t.same(sha256, createHash('sha256').update(data).digest());
    if (!received.has(file)) order.push(file);
    const before = received.get(file) ?? '';
    t.equal(offset, before.length);
    t.ok(data.length <= 1024 * 1024 && offset + data.length <= fileBytes);
    received.set(file, before + Buffer.from(data).toString());
  }
  t.strictSame(order, ['manifest.json', 'config.json', 'model.safetensors']);
  t.equal(received.get('model.safetensors'), large);
  t.same(parsePolicyManifest(received.get('manifest.json')!, 'x'), stored.manifest);
  const rest: string[] = [];
  const from = { file: 'config.json', offset: 0 };
  for await (const { file, offset } of downloadPolicy(store, { policy, from })) rest.push(`${file} ${offset}`);
  t.strictSame(rest, ['config.json 0', 'model.safetensors 0', 'model.safetensors 1048576']);
  const place = { file: 'model.safetensors', offset: 1024 * 1024 };
  const fromPlace = downloadPolicy(store, { policy, from: place });
  t.equal(Buffer.from((await fromPlace.next()).value!.data).toString(), 'xxxxx');
  await fromPlace.return(undefined);
  const refused = { code: 'INVALID_INPUT' };
  await t.rejects(downloadPolicy(store, { policy, from: { file: '../x', offset: 0 } }).next(), refused);
  await t.rejects(downloadPolicy(store, { policy, from: { ...place, offset: 2 ** 21 } }).next(), refused);
  const gone = { runId: 'r', version: 9, manifestSha256: '' };
  await t.rejects(downloadPolicy(store, { policy: gone, from: null }).next(), { code: 'NOT_FOUND' });
});

t.test('version 0 from random weights is decided by seed and shape, and is answered when it is there', async (t) => {
  const store = await openStore(t);
  const config = tinyConfig();
  const first = await initializePolicy(store, 'r', config);
  t.match(first.manifest, { version: 0, parent: 0, origin: 'random' });
  t.strictSame(
    first.manifest.files.map(({ name }) => name),
    ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'],
  );
  t.same(await initializePolicy(store, 'r', config), first);
  t.same((await initializePolicy(store, 'r2', config)).manifest.files, first.manifest.files, 'the same in another run');
  const other = await initializePolicy(store, 'r3', tinyConfig({ seed: 6 }));
  t.notSame(other.manifest.files, first.manifest.files);
  await t.rejects(initializePolicy(store, 'r', tinyConfig({ seed: 6 })), { code: 'ALREADY_EXISTS' });
  const warmed = { ...trainedOrigin(0), runId: 'old', origin: 'warmup' as const };
  await store.put(warmed, (folder) => cp(first.folder, folder, { recursive: true, dereference: true }));
  t.match((await initializePolicy(store, 'old', config)).manifest, warmed, 'one of an earlier version does not say');
  t.match((await readCheckpoint(first.folder)).config, { vocabularySize: 12, bosTokenId: 1, eosTokenIds: [2] });
  await t.rejects(initializePolicy(store, 'r4', tinyConfig({ policy: {} })), { message: /policy\.characters/ });
  const tight = { characters, model: { maxContextTokens: 39 } };
  await t.rejects(initializePolicy(store, 'r5', tinyConfig({ policy: tight })), {
    message: /policy\.model\.maxContextTokens is 39/,
  });
});

t.test('version 0 from a folder or another run is checked to fit, and refused naming the key', async (t) => {
  const store = await openStore(t);
  const source = await initializePolicy(store, 'source', tinyConfig());
  const fromRun = await initializePolicy(store, 'a', tinyConfig({ policy: { from: 'run:source@0' } }));
  t.equal(fromRun.manifest.origin, 'imported');
  const weightsOf = ({ manifest }: typeof source) => manifest.files.find(({ name }) => name === 'model.safetensors');
  t.same(weightsOf(fromRun), weightsOf(source));
  const refuse = (from: string, rejection: { code: string } | { message: RegExp }, more: object = {}) =>
    t.rejects(initializePolicy(store, 'b', tinyConfig({ policy: { from }, ...more })), rejection);
  await refuse('run:source@7', { code: 'NOT_FOUND' });
  await refuse('run:source', { message: /policy\.from/ });
  await refuse(join(store.root, 'nowhere'), { code: 'NOT_FOUND' });
  const long = { rollout: { maxPromptTokens: 60, maxResponseTokens: 16, tokenBudget: 16 } };
  await refuse(source.folder, { message: /max_position_embeddings.* is 64/ }, long);

  const damaged = join(store.root, 'damaged');
  const { config, layout, parameters } = await readCheckpoint(source.folder);
  await writeCheckpoint(damaged, { config, layout, parameters });
  await refuse(damaged, { message: /tokenizer\.json/ });
  t.strictSame(await store.versions('b'), []);
});

t.test('a version in the shared folder is there at once, and on the disk once it is persisted', async (t) => {
  const root = t.testdir();
  const shared = join(root, 'memory');
  const store = new PolicyStore(join(root, 'policies'), shared);
  await store.put(trainedOrigin(0), writeFiles({ 'config.json': 'zero' }));
  const first = await store.putShared(trainedOrigin(1), writeFiles({ 'config.json': 'one' }));
  const inMemory = await realpath(first.folder);
  t.ok(inMemory.startsWith(await realpath(shared)), 'its name leads into memory');
  await store.verify('r', 1);
  await store.persist(first);
  t.notOk((await realpath(first.folder)).startsWith(await realpath(shared)), 'its name leads to the disk');
  t.equal((await store.verify('r', 1)).manifestSha256, first.manifestSha256);
  t.equal(await readFile(join(inMemory, 'config.json'), 'utf8'), 'one', 'who reads it in memory goes on');
  await store.persist(first);
  await store.putShared(trainedOrigin(2), writeFiles({ 'config.json': 'two' }));
  t.equal(await readFile(join(inMemory, 'config.json'), 'utf8'), 'one', 'it may still be served');
  await store.putShared(trainedOrigin(3), writeFiles({ 'config.json': 'three' }));
  await t.rejects(readFile(join(inMemory, 'config.json')), { code: 'ENOENT' });
  await rm(shared, { recursive: true });
  t.equal(await store.find('r', 3), null, 'what was never saved is gone with the memory');
  t.strictSame((await store.verify('r', 1)).manifest.version, 1);
});
