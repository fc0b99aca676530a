/**
 * The events of a run for a browser (server-sent events): each with its number, so that a browser that comes back asks for what it missed. It knows
 * nothing of what the events say.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SegueError, type StoredEvent } from '@segue/core';
import { pageEvent } from './data.js';

/** A comment now and then tells both sides that the other is there. */
const keepAliveMs = 15_000;

/** @param watch the events after a number, until the run has come to rest */
export async function streamEvents(
  request: IncomingMessage,
  response: ServerResponse,
  watch: (afterSequence: number, signal: AbortSignal) => AsyncIterable<StoredEvent>,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const seen = Number(request.headers['last-event-id'] ?? 0);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const keepAlive = setInterval(() => response.write(':\n\n'), keepAliveMs);
  try {
    for await (const event of watch(Number.isSafeInteger(seen) && seen > 0 ? seen : 0, gone.signal)) {
      const body = `id: ${event.sequence}\ndata: ${JSON.stringify(pageEvent(event))}\n\n`;
      if (!response.write(body)) await drained(response, gone.signal);
      if (gone.signal.aborted) break;
    }
    if (!gone.signal.aborted) response.write('event: rest\ndata: {}\n\n');
  } catch (error) {
    // The head is out: what went wrong can only be told as an event.
    const { code, rawMessage } = SegueError.from(error);
    if (!gone.signal.aborted)
      response.write(`event: failure\ndata: ${JSON.stringify({ code, message: rawMessage })}\n\n`);
  } finally {
    clearInterval(keepAlive);
    response.end();
  }
}

/** Until the browser has taken what was written, or has left. */
function drained(response: ServerResponse, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (gone.aborted) return resolve();
    const done = () => {
      response.off('drain', done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    gone.addEventListener('abort', done, { once: true });
  });
}
