/**
 * The page to watch, over HTTP: its files, and under /api what it shows. It only reads; whoever may reach the port may read. What each answer holds is
 * in data.ts.
 */
import type { ServerResponse } from 'node:http';
import { isLoopback } from '@segue/bus';
import { type ErrorCode, SegueError, type StoredEvent } from '@segue/core';
import type { HttpPages } from '@segue/service';
import type { PageData } from './data.js';
import { streamEvents } from './event-stream.js';
import { type PageFile, readPageFiles } from './files.js';

/** What a request names. */
interface Asked {
  readonly pathname: string;
  readonly searchParams: URLSearchParams;
}

export interface PageParts {
  readonly data: PageData;
  readonly status: () => unknown;
  /** Answers only requests that name a loopback host. */
  readonly onlyLocal: boolean;
  readonly watch: (runId: string, afterSequence: number, signal: AbortSignal) => AsyncIterable<StoredEvent>;
}

/** Nothing from elsewhere is loaded, nothing inline is run, and no other site may frame the page. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const statusOf: Partial<Record<ErrorCode, number>> = {
  INVALID_INPUT: 400,
  NOT_FOUND: 404,
  FAILED_PRECONDITION: 409,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

export function servePage({ data, status, onlyLocal, watch }: PageParts): HttpPages {
  let files: Promise<ReadonlyMap<string, PageFile>> | null = null;
  const readFiles = () => {
    files ??= readPageFiles();
    return files;
  };

  return (request, response) => {
    // Taken apart by hand: what a request names may be no address at all.
    const [pathname = '/', query = ''] = (request.url ?? '/').split('?');
    const url = { pathname, searchParams: new URLSearchParams(query) };
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    // A site of somebody's may have its own name lead here, and would then read along.
    if (onlyLocal && !isLoopback(hostOf(request.headers.host))) {
      sendError(response, new SegueError('FAILED_PRECONDITION', 'the page answers to names of this machine alone'));
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const events = /^\/api\/runs\/([^/]+)\/events$/.exec(url.pathname);
    if (events) {
      void streamEvents(request, response, (after, signal) => watch(events[1]!, after, signal));
      return;
    }
    const work = url.pathname.startsWith('/api/')
      ? answer(url).then((body) => sendJson(response, body))
      : sendFile(url);
    work.catch((error: unknown) => sendError(response, SegueError.from(error)));

    async function sendFile({ pathname }: Asked): Promise<void> {
      const file = (await readFiles()).get(pathname === '/' ? 'index.html' : pathname.slice(1));
      if (!file) throw new SegueError('NOT_FOUND', `${pathname} is not here`);
      response.writeHead(200, { 'content-type': file.type, 'cache-control': 'no-cache' }).end(file.body);
    }
  };

  async function answer({ pathname, searchParams }: Asked): Promise<unknown> {
    if (pathname === '/api/status') return status();
    if (pathname === '/api/runs') return data.runs();
    const [, kind, id, part] =
      /^\/api\/(runs|trajectories)\/([^/]+)(?:\/(trajectories|problems))?$/.exec(pathname) ?? [];
    if (kind === 'trajectories' && id !== undefined && part === undefined) return data.trajectory(id);
    if (kind === 'runs' && id !== undefined && part === 'problems') return data.problems(id);
    if (kind === 'runs' && id !== undefined && part === 'trajectories') {
      const last = Number.MAX_SAFE_INTEGER;
      return data.trajectories(id, iterationOf(searchParams, 'from', 0), iterationOf(searchParams, 'to', last));
    }
    throw new SegueError('NOT_FOUND', `${pathname} is not here`);
  }
}

/** The name in a Host header, without the port. */
function hostOf(header: string | undefined): string {
  return (header ?? '').replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
}

function iterationOf(query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new SegueError(
    'INVALID_INPUT',
    `${name} must be an iteration from 0, got ${JSON.stringify(text.slice(0, 40))}`,
  );
}

function sendJson(response: ServerResponse, body: unknown): void {
  response
    .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(JSON.stringify(body));
}

function sendError(response: ServerResponse, { code, rawMessage }: SegueError): void {
  if (response.headersSent) response.end();
  else {
    response
      .writeHead(statusOf[code] ?? 500, { 'content-type': 'application/json' })
      .end(JSON.stringify({ code, message: rawMessage }));
  }
}
