/**
 * Gives the memory of arrays back now, and not when V8 next collects: a thread whose own heap is small waits long with that, however much lies outside of it.
 * Knows nothing of who made them; nobody must use them any more.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** Leads nowhere: what is handed over by it is taken from the sender, as the standard says of a closed port too, and nobody gets it. */
const nowhere: MessagePort = closedPort();

function closedPort(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  port2.close();
  return port1;
}

/** The arrays over them have no elements from then on. */
export function freeAtOnce(buffers: Iterable<ArrayBuffer>): void {
  const all = [...new Set(buffers)];
  if (all.length > 0) nowhere.postMessage(null, all);
}
