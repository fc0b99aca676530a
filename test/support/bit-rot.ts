/** Bits that change on the disk of a message server that does not run. Which server that is, and what becomes of it, is its test's business. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Changes one bit in the middle of each block of a stream; answers in how many. @param folder of the server's data */
export async function rotStream(folder: string, stream: string): Promise<number> {
  const blocks = join(folder, 'jetstream/$G/streams', stream, 'msgs');
  const names = (await readdir(blocks)).filter((name) => name.endsWith('.blk'));
  for (const name of names) {
    const bytes = await readFile(join(blocks, name));
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 4;
    await writeFile(join(blocks, name), bytes);
  }
  return names.length;
}
