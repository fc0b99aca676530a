/**
 * A program that trains on a disk of its own, first when it is full and then when there is space, and tells what came of it. Its folder is the one that holds
 * `filler`.
 */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SegueError } from '@segue/core';
import { batch, startTrainer, tinyConfig } from './tiny-run.js';

const disk = process.argv[2] ?? '';
const ends: (() => Promise<void>)[] = [];
const teardown = (end: () => Promise<void>) => {
  ends.push(end);
};

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
const train = async () => {
  for await (const _ of trainer.train('r', 0, new AbortController().signal));
};
await fill();
const refusal = await train().then(
  () => null,
  (error: unknown) => SegueError.from(error),
);
const kept = { versions: await trainer.store.versions('r'), names: await readdir(dirname(start.folder)) };
await trainer.store.verify('r', 0);
for (const name of await readdir(disk)) if (name.startsWith('filler')) await rm(join(disk, name));
await train();
await trainer.store.verify('r', 1);
process.stdout.write(
  `${JSON.stringify({ code: refusal?.code, message: refusal?.rawMessage, kept, after: await trainer.store.versions('r') })}\n`,
);
for (const end of ends.reverse()) await end();
