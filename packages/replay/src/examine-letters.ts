/**
 * Dead letters that a disk has damaged: they are dropped. What a letter tells of is in the records of its trajectory still; a message of the bus is lost. It
 * knows nothing of runs.
 */
import { SegueError } from '@segue/core';
import { removeLetter, requireLetter } from './dead-letters.js';
import type { Examined } from './mend.js';
import type { Key, Tables } from './tables.js';

export function* examineLetters(tables: Tables): Generator<Examined> {
  for (const key of tables.deadLetters.keys([])) {
    const fault = faultOf(tables, key);
    if (fault === null) {
      yield { records: 1, damages: [], mend: null };
      continue;
    }
    const damage = {
      runId: '',
      what: `dead letter ${key[0]}`,
      detail: `${fault}: it is dropped`,
      mending: 'rebuilt',
    } as const;
    const mend = () => {
      if (faultOf(tables, key) !== null) removeLetter(tables, key);
    };
    yield { records: 1, damages: [damage], mend };
  }
}

/** What is wrong with a letter or its body; null: nothing. */
function faultOf(tables: Tables, key: Key): string | null {
  try {
    requireLetter(tables, String(key[0]));
    return null;
  } catch (error) {
    const { code, rawMessage } = SegueError.from(error);
    if (code === 'NOT_FOUND') return null;
    if (code !== 'DATA_LOSS') throw error;
    return `cannot be read: ${rawMessage}`;
  }
}
