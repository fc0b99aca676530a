/**
 * Writes the tiny checkpoints of packages/engine/test/data as Segue writes them: `node scripts/reference/export.mjs FOLDER`. Each twice: as it
 * was read, and with a config.json of Segue's own and the weights in several files. scripts/reference/exported.py opens them elsewhere.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { companionFiles, readCheckpoint, writeCheckpoint } from '@segue/engine';

const root = fileURLToPath(new URL('../../packages/engine/test/data/checkpoints', import.meta.url));
const target = process.argv[2];
if (target === undefined) throw new Error('give the folder to write to');
for (const name of readdirSync(root)) {
  const source = join(root, name);
  const { origin, ...own } = await readCheckpoint(source);
  await writeCheckpoint(join(target, name), { ...own, origin }, await companionFiles(source));
  await writeCheckpoint(join(target, `${name}.own`), own, [], { maxFileBytes: 6000 });
}
