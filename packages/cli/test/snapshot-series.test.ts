/** A series of snapshots: the newest stay, what was cut off is cleared away, and nothing is removed for one that failed. The snapshots are empty folders here. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SnapshotManifest } from '@segue/core';
import t from 'tap';
import { addToSeries } from '../dist/store/snapshot-series.js';

const manifest: SnapshotManifest = { formatVersion: 1, takenAt: '', bytes: 0, sha256: '', runs: [] };

async function take(target: string): Promise<SnapshotManifest> {
  mkdirSync(target);
  writeFileSync(join(target, 'snapshot.json'), '{}');
  return manifest;
}

/** As a cluster's own snapshots lie there, and what is not one of them. */
function seriesOf(names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, { 'snapshot.json': '{}' }]));
}

const old = ['2026-01-01T00-00-00Z', '2026-01-02T00-00-00Z', '2026-01-03T00-00-00Z'];

t.test('the newest stay', async (t) => {
  const folder = t.testdir({ ...seriesOf(old), 'segue-monday': {}, '2026-01-02T12-00-00Z': {} });
  const { path, removed } = await addToSeries(folder, 2, take);
  t.strictSame(removed, old.slice(0, 2));
  t.strictSame(readdirSync(folder).sort(), ['2026-01-02T12-00-00Z', old[2], path.split('/').at(-1), 'segue-monday']);
  t.match(path, /\/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/);
});

t.test('the one just taken stays, though the clock was set back', async (t) => {
  const later = ['2999-01-01T00-00-00Z', '2999-01-02T00-00-00Z'];
  const folder = t.testdir(seriesOf(later));
  const { path, removed } = await addToSeries(folder, 2, take);
  t.strictSame(removed, later.slice(0, 1));
  t.strictSame(readdirSync(folder), [path.split('/').at(-1), later[1]]);
});

t.test('one that fails removes none, and the next clears away what is left of it', async (t) => {
  const folder = t.testdir(seriesOf(old));
  const failing = addToSeries(folder, 1, async (target) => {
    mkdirSync(target);
    throw new Error('the disk is full');
  });
  await t.rejects(failing, { message: 'the disk is full' });
  t.equal(readdirSync(folder).length, 4);
  // And of one whose clearing away was cut off.
  mkdirSync(join(folder, `${old[0]}.part-3f0c`));
  const { path, removed } = await addToSeries(folder, 1, take);
  t.strictSame(removed, old);
  t.strictSame(readdirSync(folder), [path.split('/').at(-1)]);
});

t.test('one that another command clears away while it is written fails, and removes nothing', async (t) => {
  const folder = t.testdir(seriesOf(old));
  const first = addToSeries(folder, 1, async (target) => {
    mkdirSync(`${target}/policies`, { recursive: true });
    await t.rejects(addToSeries(folder, 3, () => Promise.reject(new Error('it goes no further'))));
    return manifest;
  });
  await t.rejects(first, { code: 'ENOENT' });
  t.strictSame(readdirSync(folder).sort(), old);
});
