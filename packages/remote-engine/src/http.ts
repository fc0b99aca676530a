/**
 * Calls to an inference server, with every failure as a SegueError that says what was called and what to do; and the messages of a stream of
 * server-sent events. Knows nothing of what is asked or answered.
 */
import { SegueError } from '@segue/core';
import { z } from 'zod';

/** Characters of a server's own message that are repeated. */
const maxQuoted = 500;

/** Sends JSON, or asks when there is no body. A status other than 2xx is an error. */
export async function call(url: string, body: object | null, signal: AbortSignal): Promise<Response> {
  const response = await send(url, body, signal);
  if (response.ok) return response;
  const said = (await response.text().catch(() => '')).slice(0, maxQuoted);
  const what = `${body ? 'POST' : 'GET'} ${url} was answered with ${response.status}: ${said}`;
  const { status } = response;
  if (status === 401 || status === 403) throw new SegueError('UNAUTHENTICATED', what);
  if (status === 404 || status === 405) {
    throw new SegueError('UNIMPLEMENTED', `${what}. Does the server speak the dialect that is configured?`);
  }
  if (status === 429 || status >= 500) throw new SegueError('UNAVAILABLE', what);
  throw new SegueError('FAILED_PRECONDITION', what);
}

export async function callJson(url: string, body: object | null, signal: AbortSignal): Promise<unknown> {
  const response = await call(url, body, signal);
  try {
    return await response.json();
  } catch (error) {
    throw new SegueError('UNAVAILABLE', `${url} answered with something that is no JSON`, error);
  }
}

async function send(url: string, body: object | null, signal: AbortSignal): Promise<Response> {
  try {
    if (!body) return await fetch(url, { signal });
    const headers = { 'content-type': 'application/json' };
    return await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal });
  } catch (error) {
    throw unreachable(url, error);
  }
}

function unreachable(url: string, error: unknown): SegueError {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const why = cause instanceof Error && cause.message !== '' ? cause.message : message;
  return new SegueError('UNAVAILABLE', `the server at ${url} cannot be reached, or broke off: ${why}`, error);
}

const errorMessage = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

/**
 * The messages of a stream, parsed. A message that says there was an error is thrown.
 * @throws FAILED_PRECONDITION for a stream that is no stream of JSON messages
 */
export async function* messagesOf(response: Response, url: string): AsyncGenerator<unknown> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream') || !response.body) {
    await response.body?.cancel();
    throw new SegueError(
      'FAILED_PRECONDITION',
      `${url} did not answer with a stream of events: it must be a completions address that knows "stream"`,
    );
  }
  for await (const line of linesOf(response.body, url)) {
    const data = /^(?:data|error): ?(.*)$/.exec(line)?.[1];
    // Comments and empty lines keep the connection alive.
    if (data === undefined) continue;
    if (data === '[DONE]') return;
    const message = parse(data, url);
    const failed = errorMessage.safeParse(message).data?.error;
    if (failed !== undefined) {
      const said = typeof failed === 'string' ? failed : failed.message;
      throw new SegueError('UNAVAILABLE', `${url} ended a completion with an error: ${said.slice(0, maxQuoted)}`);
    }
    yield message;
  }
}

function parse(data: string, url: string): unknown {
  try {
    return JSON.parse(data);
  } catch (error) {
    throw new SegueError('FAILED_PRECONDITION', `${url} sent an event that is no JSON: ${data.slice(0, 100)}`, error);
  }
}

async function* linesOf(body: ReadableStream<Uint8Array>, url: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { value, done } = await chunks.next().catch((error) => {
        throw unreachable(url, error);
      });
      if (done) break;
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r?\n/);
      rest = lines.pop() ?? '';
      yield* lines;
    }
    if (rest !== '') yield rest;
  } finally {
    // Whoever stops reading lets the connection go.
    await chunks.return?.();
  }
}
