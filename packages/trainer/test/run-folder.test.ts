/** What hands other than the trainer's do to a run's folder: copies that follow links, versions that are moved away, crashes in between. */

import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { PolicyStore } from '../dist/policy-store.js';
import { batch, startTrainer, tinyConfig } from './support/tiny-run.js';
import { trainedOrigin } from './support/trained-origin.js';

const never = new AbortController().signal;

const write = (text: string) => async (folder: string) => {
  await mkdir(folder);
  await writeFile(join(folder, 'config.json'), text);
};

const contents = async (root: string) => (await readdir(join(root, 'r'))).filter((name) => name.startsWith('.content'));

async function drain(messages: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of messages);
}

t.test('a run whose versions were copied back as plain folders, as a snapshot holds them, goes on', async (t) => {
  const config = tinyConfig();
  const before = await startTrainer(t, config);
  for (const i of [0, 1, 2, 3]) before.replay.batches.set(i, { policyVersion: i, groups: batch('r', i) });
  await before.trainer.initialize('r');
  await drain(before.trainer.train('r', 0, never));
  await before.trainer.stop();
  const folder = t.testdir();
  for (const version of ['0', '1']) {
    const at = join('policies', 'r', version);
    await cp(join(before.folder, at), join(folder, at), { recursive: true, dereference: true });
  }
  t.ok((await stat(join(folder, 'policies/r/1'))).isDirectory());

  const { trainer, replay, warnings } = await startTrainer(t, config, folder);
  replay.batches = before.replay.batches;
  for (const i of [1, 2, 3]) await drain(trainer.train('r', i, never));
  t.strictSame(warnings, [], 'old versions are removed too');
  t.strictSame(await trainer.store.versions('r'), [0, 3, 4]);
  await trainer.store.verify('r', 0);
  t.equal((await contents(trainer.store.root)).length, 3);
});

t.test('plain folders are taken over wherever the store is asked, with what they hold', async (t) => {
  const root = t.testdir();
  const made = new PolicyStore(join(root, 'made'));
  for (const version of [0, 1, 2, 3]) await made.put(trainedOrigin(version), write(`{"v":${version}}`));
  const works: Record<string, (store: PolicyStore) => Promise<unknown>> = {
    put: (store) => store.put(trainedOrigin(2), write('{"v":"new"}')),
    putShared: (store) => store.putShared(trainedOrigin(2), write('{"v":"new"}')),
    persist: async (store) => store.persist(await store.get('r', 3)),
    prune: (store) => store.prune('r', 1, new Set()),
    keepOnly: (store) => store.keepOnly('r', new Set([0, 3])),
  };
  for (const [name, work] of Object.entries(works)) {
    await cp(made.root, join(root, name), { recursive: true, dereference: true });
    const store = new PolicyStore(join(root, name), name === 'putShared' ? join(root, 'memory') : null);
    await work(store);
    t.strictSame(await store.versions('r'), name === 'prune' || name === 'keepOnly' ? [0, 3] : [0, 1, 2, 3], name);
    for (const version of await store.versions('r')) await store.verify('r', version);
    t.equal(await readFile(join(store.folder('r', 3), 'config.json'), 'utf8'), '{"v":3}', name);
  }
});

t.test('a folder that is no version is left alone', async (t) => {
  const root = t.testdir();
  const store = new PolicyStore(root);
  for (const version of [0, 1]) await store.put(trainedOrigin(version), write(`{"v":${version}}`));
  const other = join(root, 'r', '001');
  await cp(join(root, 'r', '0'), other, { recursive: true, dereference: true });
  await store.prune('r', 9, new Set());
  t.equal(await readFile(join(other, 'config.json'), 'utf8'), '{"v":0}');
  t.equal((await store.verify('r', 1)).manifest.version, 1);
});

t.test('a folder that was being taken over when the process died has its name again', async (t) => {
  const root = t.testdir();
  const store = new PolicyStore(root);
  for (const version of [0, 1, 2]) await store.put(trainedOrigin(version), write(`{"v":${version}}`));
  const at = (name: string) => join(root, 'r', name);
  const asFolder = async (version: string) => {
    await cp(at(version), at('.adopting-1'), { recursive: true, dereference: true });
    await rm(at(version));
  };
  await asFolder('1');
  await store.put(trainedOrigin(3), write('{}'));
  t.equal((await store.verify('r', 1)).manifest.version, 1, 'before it had its link');
  await asFolder('1');
  await symlink('.content-1-adopted-x', at('1'));
  await store.prune('r', 9, new Set());
  t.equal((await store.verify('r', 1)).manifest.version, 1, 'before the link led anywhere');
  await cp(at('1'), at('.adopting-1'), { recursive: true, dereference: true });
  t.strictSame(await store.runsToSweep(), ['r'], 'a trainer that starts finds it');
  await store.sweep('r');
  t.notOk((await readdir(join(root, 'r'))).includes('.adopting-1'), 'somebody has put the version back meanwhile');
});

t.test(
  'a version whose name was moved away keeps its content for a day, and is there again when the name is',
  async (t) => {
    const root = t.testdir();
    const at = (name: string) => join(root, 'r', name);
    const store = new PolicyStore(root);
    for (const version of [0, 1, 2]) await store.put(trainedOrigin(version), write(`{"v":${version}}`));
    const [moved] = (await contents(root)).filter((name) => name.startsWith('.content-2'));
    await rename(at('2'), join(root, 'aside'));
    t.strictSame(await store.runsToSweep(), ['r']);
    await store.put(trainedOrigin(2), write('{"v":"other"}'));
    t.ok((await contents(root)).includes(moved!), 'it was the only copy');
    t.strictSame(await store.runsToSweep(), [], 'it is waited for');
    await rename(join(root, 'aside'), at('2'));
    await store.put(trainedOrigin(3), write('{}'));
    t.equal(await readFile(join(store.folder('r', 2), 'config.json'), 'utf8'), '{"v":2}');
    t.notOk(
      (await readdir(join(root, 'r'))).some((name) => name === `.loose-${moved}`),
      'and it is no longer waited for',
    );

    await rm(at('2'));
    await new PolicyStore(root).put(trainedOrigin(2), write('{"v":"last"}'));
    t.ok((await contents(root)).includes(moved!));
    const longAgo = Date.now() / 1_000 - 25 * 3_600;
    await utimes(at(`.loose-${moved}`), longAgo, longAgo);
    t.strictSame(await store.runsToSweep(), ['r'], 'of a run that writes no more, too');
    await store.sweep('r');
    t.notOk((await contents(root)).includes(moved!));
  },
);

t.test('what the store itself removes or replaces goes at once', async (t) => {
  const root = t.testdir();
  const store = new PolicyStore(root);
  for (const version of [0, 0, 1, 2, 3]) await store.put(trainedOrigin(version), write('{}'));
  t.equal((await contents(root)).length, 4, 'the first version 0 is gone');
  await store.prune('r', 1, new Set());
  t.equal((await contents(root)).length, 2);
  await store.keepOnly('r', new Set([3]));
  t.equal((await contents(root)).length, 1);
  t.notOk((await readdir(join(root, 'r'))).some((name) => name.startsWith('.loose')));
});

t.test(
  'the way to take a version out that the refusal names keeps its weights, and the iteration is trained',
  async (t) => {
    const { trainer, replay, folder } = await startTrainer(t, tinyConfig());
    replay.batches.set(0, { policyVersion: 0, groups: batch('r') });
    await trainer.initialize('r');
    await drain(trainer.train('r', 0, never));
    replay.batches.set(0, { policyVersion: 0, groups: batch('r').slice(0, 2) });
    const refusal = await drain(trainer.train('r', 0, never)).then(
      () => '',
      (error: Error) => error.message,
    );
    const [command] = /cp -rL .*$/.exec(refusal) ?? ['false'];
    const aside = join(folder, 'aside');
    const weights = () => readFile(join(trainer.store.folder('r', 1), 'model.safetensors'));
    const first = await weights();
    execFileSync('/bin/sh', ['-c', command.replace('ELSEWHERE', aside)]);
    t.strictSame(await trainer.store.versions('r'), [0]);
    await drain(trainer.train('r', 0, never));
    t.notOk(first.equals(await weights()), 'another batch');
    t.ok(first.equals(await readFile(join(aside, 'model.safetensors'))), 'what was taken out is whole');
  },
);
