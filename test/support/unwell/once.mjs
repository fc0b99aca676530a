/** Something happens once, whatever the number of processes and lives: the first to make the file in `ONCE_<NAME>` does it. */
import { open } from 'node:fs/promises';

/** Whether it is this caller's to do. */
export async function isFirst(name) {
  const path = process.env[`ONCE_${name}`];
  if (path === undefined) return false;
  try {
    await (await open(path, 'wx')).close();
    return true;
  } catch {
    // Somebody has done it before.
    return false;
  }
}
