/**
 * Journals of what really happened, written beside the store by the processes themselves (programs/) and read when all is over. One file per life of a
 * process. A line is with the kernel when the call returns, so a SIGKILL does not take it; the last line may be torn, and is then left out.
 */
import { mkdirSync, openSync, writeSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the programs find the folder. */
export const journalVariable = 'SEGUE_CHAOS_JOURNAL';

/**
 * Begins the journal of this process.
 * @param {string} name of the process
 */
export function openJournal(name) {
  const folder = process.env[journalVariable];
  if (folder === undefined) throw new Error(`${journalVariable} names the folder of the journals`);
  mkdirSync(folder, { recursive: true });
  const file = openSync(join(folder, `${name}.${process.pid}.jsonl`), 'a');
  return {
    /** @param {string} kind @param {object} fields */
    write(kind, fields) {
      writeSync(file, `${JSON.stringify({ kind, atMs: Date.now(), ...fields })}\n`);
    },
  };
}

/**
 * Reads all journals of a folder.
 * @returns {Promise<{ pid: number, name: string, entries: Record<string, any>[] }[]>} one for each life of a process
 */
export async function readJournals(folder) {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.jsonl')).sort();
  return Promise.all(
    names.map(async (file) => {
      const [name = '', pid = ''] = file.split('.');
      return { name, pid: Number(pid), entries: whole(await readFile(join(folder, file), 'utf8')) };
    }),
  );
}

/** The lines that were written to their end. */
function whole(text) {
  const lines = text.split('\n');
  lines.pop();
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}
