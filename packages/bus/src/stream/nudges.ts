/** Nudges from the store to whoever waits for it: said once, on the bus as ordinary messages. Loss is harmless; who missed one looks anyway. */
import { AsyncQueue } from '../async-queue.js';
import type { ProgressNote } from './bus.js';
import { decodeBody, encodeBody } from './codec.js';
import type { Connection } from './connection.js';
import { progressFormat } from './messages.js';
import { eventsPrefix } from './subjects.js';

type Wire = Pick<Connection, 'nc'>;

export function announceProgress({ nc }: Wire, note: ProgressNote): void {
  if (!nc.isClosed()) nc.publish(`${eventsPrefix}.${note.runId}`, encodeBody(progressFormat.write(note)));
}

/** Until the signal fires. */
export async function* watchProgress({ nc }: Wire, signal: AbortSignal): AsyncGenerator<ProgressNote, void, void> {
  const notes = new AsyncQueue<ProgressNote>();
  const subscription = nc.subscribe(`${eventsPrefix}.*`, {
    callback: (error, message) => {
      if (error) return;
      try {
        notes.push(progressFormat.read(decodeBody(message.data, null)));
      } catch {
        // A nudge that cannot be read is a nudge that was lost: harmless.
      }
    },
  });
  const close = () => notes.close();
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  try {
    yield* notes;
  } finally {
    signal.removeEventListener('abort', close);
    subscription.unsubscribe();
  }
}
