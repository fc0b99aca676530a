/**
 * A program that trains on a disk of its own, first when it is full and then when there is space, and once more when it is full of versions that need not
 * stay; it tells what came of it. Its folder is the one that holds `filler`.
 */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SegueError } from '@segue/core';
import { batch, startTrainer, tinyConfig } from './tiny-run.js';

const disk = process.argv[2] ?? '';
const ends: (() => Promise<void>)[] = [];
const teardown = (end: () => Promise<void>) => {
  ends.push(end);
};

/** Takes what is left of the disk, also for names without content. */
async function fillWhole(): Promise<void> {
  await fill();
  const { files, ffree } = await statfs(disk);
  execFileSync('mount', ['-o', `remount,nr_inodes=${files - ffree}`, disk]);
}

/** Takes what is left of the disk. */
async function fill(): Promise<void> {
  for (let bytes = 1 << 20; bytes >= 4_096; bytes = Math.floor(bytes / 2)) {
    for (let i = 0; ; i++) {
      const path = join(disk, `filler-${bytes}-${i}`);
      const isWritten = await writeFile(path, Buffer.alloc(bytes)).then(
        () => true,
        () => false,
      );
      if (isWritten) continue;
      await rm(path, { force: true });
      break;
    }
  }
}

const { trainer, replay } = await startTrainer(
  { teardown },
  tinyConfig({ train: { updatesPerIteration: 2 } }),
  join(disk, 'data'),
);
replay.batches.set(0, { policyVersion: 0, groups: batch('r') });
const start = await trainer.initialize('r');
const train = async (iteration = 0) => {
  for await (const _ of trainer.train('r', iteration, new AbortController().signal));
};
const refusalOf = (work: Promise<void>) =>
  work.then(
    () => null,
    (error: unknown) => SegueError.from(error),
  );
await fill();
const refusal = await refusalOf(train());
const kept = { versions: await trainer.store.versions('r'), names: await readdir(dirname(start.folder)) };
await trainer.store.verify('r', 0);
for (const name of await readdir(disk)) if (name.startsWith('filler')) await rm(join(disk, name));
await train();
await trainer.store.verify('r', 1);
const after = await trainer.store.versions('r');

// Versions 1 to 3 stay as long as a trajectory of theirs may go on; when the disk is full it does not any more.
replay.unfinishedSince = [1];
for (let iteration = 1; iteration < 6; iteration++) {
  replay.batches.set(iteration, { policyVersion: iteration, groups: batch('r', iteration) });
  if (iteration < 5) await train(iteration);
}
const before = await trainer.store.versions('r');
replay.unfinishedSince = [];
const runFolder = dirname(start.folder);
// What hands do: copies that follow links, and a name that was moved away; and what a killed process does.
for (const version of ['2', '4']) {
  await cp(join(runFolder, version), join(runFolder, 'copy'), { recursive: true, dereference: true });
  await rm(join(runFolder, version));
  await rename(join(runFolder, 'copy'), join(runFolder, version));
}
await rm(join(runFolder, '1'));
await mkdir(join(runFolder, '.staged-old'));
// A folder in memory lists the newest name first: the content that is to be marked, before what may go.
const [moved = ''] = (await readdir(runFolder)).filter((name) => name.startsWith('.content-1-'));
await rename(join(runFolder, moved), join(runFolder, 'aside'));
await rename(join(runFolder, 'aside'), join(runFolder, moved));
await fillWhole();
const swept = await refusalOf(trainer.store.sweep('r'));
const between = { code: swept?.code, versions: await trainer.store.versions('r'), names: await readdir(runFolder) };
const second = await refusalOf(train(5));
const room = { versions: await trainer.store.versions('r'), names: await readdir(runFolder) };
await trainer.store.verify('r', 4);
const third = await refusalOf(train(5));
const last = await trainer.store.versions('r');
const full = { before, between, code: second?.code, room, again: third?.rawMessage ?? null, last };
process.stdout.write(`${JSON.stringify({ code: refusal?.code, message: refusal?.rawMessage, kept, after, full })}\n`);
for (const end of ends.reverse()) await end();
