/**
 * `segue store`: looks whether the replay store is whole, mends it, takes a snapshot, puts one back.
 */
import { join, resolve } from 'node:path';
import type { StoreClient } from '@segue/client';
import { SegueError } from '@segue/core';
import type { Command } from 'commander';
import { withStore, withStoreAt } from '../run/with-store.js';
import { requireNoContainers } from '../store/local-store.js';
import { restoreSnapshot } from '../store/restore.js';
import { writeSnapshot } from '../store/snapshot-folder.js';
import { addToSeries } from '../store/snapshot-series.js';
import { type Progress, withProgress } from '../view/progress.js';
import { addCredentialFlags, type CredentialFlags, credentialsFrom } from './connect.js';
import { wholeNumber } from './options.js';
import { addExamples, jsonOption, print } from './output.js';

interface StoreFlags {
  readonly data: string;
  readonly json?: boolean;
}

interface SnapshotFlags extends StoreFlags, CredentialFlags {
  readonly store?: string;
  readonly keep?: number;
}

interface VerifyFlags extends StoreFlags {
  readonly run?: string;
  readonly repair?: boolean;
}

export function addStoreCommand(program: Command): void {
  const store = program.command('store').description('look after the replay store: verify, snapshot, restore');
  const addFlags = (command: Command) =>
    command.option('--data <folder>', 'folder of all data', '.segue').option(...jsonOption);
  const verifies = addFlags(store.command('verify'))
    .description('look for records that are not what was written; a running cluster goes on meanwhile')
    .option('--run <id>', 'one run alone')
    .option('--repair', 'mend what can be mended: the work is run again from the last good record')
    .action(verify);
  addExamples(verifies, 'segue store verify', 'segue store verify --run demo-1 --repair --json');
  const snapshots = addCredentialFlags(addFlags(store.command('snapshot <folder>')))
    .description('copy the store as it is at this moment into a new folder; a running cluster goes on meanwhile')
    .option('--store <host:port>', 'a store that runs elsewhere; --data is then where its policies lie')
    .option(
      '--keep <n>',
      'one of a series: a new folder inside, named after its time; the newest n stay',
      wholeNumber(1),
    )
    .action(snapshot);
  addExamples(
    snapshots,
    'segue store snapshot /backup/segue-monday',
    'segue store snapshot /snapshots --keep 48 --store replay:7404 --data /data/trainer',
  );
  const restores = addFlags(store.command('restore <folder>'))
    .description('put a snapshot in the place of the store; the cluster must be down')
    .action(restore);
  addExamples(restores, 'segue store restore /backup/segue-monday');
}

async function verify(flags: VerifyFlags): Promise<void> {
  const { repair = false, run = null } = flags;
  let records = 0;
  let mended = 0;
  let standing = 0;
  const look = async (store: StoreClient, progress: Progress) => {
    for await (const check of store.verify(run, repair)) {
      records = check.records;
      progress.update(`${records} records`);
      const { damage } = check;
      if (damage === null) continue;
      if (repair && damage.mending !== 'none') mended++;
      else standing++;
      print(flags, damage, () => `${damage.what}: ${damage.detail} [${damage.mending}]`);
    }
  };
  await withProgress('looking through the store', (progress) =>
    withStore(flags.data, (store) => look(store, progress)),
  );
  const summary = { records, mended, standing };
  print(flags, summary, () => `${records} records looked at, ${mended} mended, ${standing} damaged`);
  if (standing === 0) return;
  const advice = repair ? 'restore a snapshot (segue store restore)' : 'mend it (segue store verify --repair)';
  throw new SegueError('DATA_LOSS', `${standing} records of the store in ${flags.data} are damaged: ${advice}`);
}

async function snapshot(folder: string, flags: SnapshotFlags): Promise<void> {
  const policies = join(resolve(flags.data), 'policies');
  const write = (target: string) => {
    const copy = (store: StoreClient) => writeSnapshot(target, store.snapshot(true), policies, warn);
    if (flags.store === undefined) return withStore(flags.data, copy);
    return withStoreAt(flags.store, credentialsFrom(flags), copy);
  };
  const { keep } = flags;
  const warnings: string[] = [];
  // After the line that shows how far it is.
  const warn = (text: string) => void warnings.push(text);
  const { path, manifest, removed } = await withProgress('copying the store', async () =>
    keep === undefined
      ? { path: folder, manifest: await write(resolve(folder)), removed: [] }
      : addToSeries(resolve(folder), keep, write),
  );
  for (const text of warnings) process.stderr.write(`warning: ${text}\n`);
  const runs = manifest.runs.map(({ id, iteration }) => `${id} at iteration ${iteration ?? '-'}`).join(', ');
  const lines = [
    `snapshot of ${manifest.bytes} bytes in ${path}: ${runs || 'no runs'}`,
    ...removed.map((name) => `removed ${name}`),
  ];
  print(flags, keep === undefined ? manifest : { ...manifest, path, removed }, () => lines.join('\n'));
}

async function restore(folder: string, flags: StoreFlags): Promise<void> {
  await requireNoContainers(resolve(flags.data));
  const { manifest, replaced, unknown, missing } = await withProgress('putting the snapshot back', () =>
    restoreSnapshot(resolve(folder), resolve(flags.data)),
  );
  const text = [
    `restored the snapshot of ${manifest.takenAt}; iterations after it are run again`,
    ...(replaced === null ? [] : [`what was there is kept as ${replaced}`]),
    ...(unknown.length === 0
      ? []
      : [`versions of runs that it does not know are aside, in policies/replaced-*: ${unknown.join(', ')}`]),
    ...missing.map(
      ({ runId, version }) =>
        `run ${runId} goes on from version ${version}, whose weights are neither in the snapshot nor here: put them into ${join(resolve(flags.data), 'policies', runId)} before you start`,
    ),
  ].join('\n');
  print(flags, { manifest, replaced, unknown, missing }, () => text);
}
