/**
 * Dead letters that a disk has damaged: they are dropped. What a letter tells of is in the records of its trajectory still; a message of the bus is lost. It
 * knows nothing of runs.
 */
import { find } from './find.js';
import type { Examined } from './mend.js';
import type { Tables } from './tables.js';

export function* examineLetters(tables: Tables): Generator<Examined> {
  for (const key of tables.deadLetters.keys([])) {
    const { fault } = find(tables.deadLetters, key);
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
      if (find(tables.deadLetters, key).row === null) tables.deadLetters.remove(key);
    };
    yield { records: 1, damages: [damage], mend };
  }
}
