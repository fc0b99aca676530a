/** Damages records of a store's file as a failing disk would: one bit of a value is another one, or the record is gone. */
import { open } from 'lmdb';

type Key = readonly (string | number)[];

/** A record by table and key. */
export interface RecordName {
  readonly table: string;
  readonly key: Key;
}

export type Harm = 'rotten' | 'gone';

function withFile<T>(folder: string, work: (table: (name: string) => ReturnType<typeof tableOf>) => T): T {
  const root = open<Buffer, (string | number)[]>({ path: folder, encoding: 'binary', noSubdir: false, maxDbs: 32 });
  try {
    return work((name) => tableOf(root, name));
  } finally {
    void root.close();
  }
}

function tableOf(root: ReturnType<typeof open<Buffer, (string | number)[]>>, name: string) {
  return root.openDB<Buffer, (string | number)[]>({ name, encoding: 'binary' });
}

/** Names of all records in these tables. The store must be closed. */
export function recordsOf(folder: string, tables: readonly string[]): RecordName[] {
  return withFile(folder, (table) =>
    tables.flatMap((name) =>
      Array.from(table(name).getKeys(), (key: Key | string) => ({
        table: name,
        key: typeof key === 'string' ? [key] : key,
      })),
    ),
  );
}

/** The store may be open. */
export function harm(folder: string, { table: name, key }: RecordName, how: Harm = 'rotten'): void {
  withFile(folder, (table) => {
    const records = table(name);
    const bytes = records.get([...key]);
    if (bytes === undefined) throw new Error(`no ${name} ${key.join()}`);
    if (how === 'gone') return records.removeSync([...key]);
    const rotten = Buffer.from(bytes);
    const at = rotten.length - 1;
    rotten[at] = (rotten[at] ?? 0) ^ 1;
    return records.putSync([...key], rotten);
  });
}
