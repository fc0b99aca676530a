/**
 * A registered scorer as the judge sees any other: asks one of its servers, and the next one when that cannot be reached. Deadlines and tries are the
 * judge's; one request travels per call, so that a response that hangs a server takes no sibling along.
 */
import { pause } from '@segue/bus';
import { type ScoreRequest, SegueError } from '@segue/core';
import type { Scorer, Verdict } from '../scorer.js';
import type { KnownScorer, ScorerServerState, ScorerServers } from './scorer-servers.js';
import { type Nonsense, NonsenseError, readVerdict } from './verdict.js';

/** Longest pause that a server may ask for, in ms: the judge's deadline ends it earlier. */
const longestAskedMs = 60_000;

export interface RemoteScorerParts {
  readonly servers: ScorerServers;
  /** Told of each answer that makes no sense. */
  readonly onNonsense: (kind: Nonsense) => void;
}

export function remoteScorer(known: KnownScorer, { servers, onNonsense }: RemoteScorerParts): Scorer {
  const { name, description, metadataSchema } = known;

  async function ask(server: ScorerServerState, request: ScoreRequest, signal: AbortSignal): Promise<Verdict> {
    const from = `scorer ${name} of ${server.instance} at ${server.address}`;
    server.inFlight++;
    try {
      const { scores } = await server.client.scoreBatch({ requests: [request] }, { signal, retry: false });
      servers.answered(server);
      return readVerdict(scores, request, from);
    } catch (error) {
      const failure = readable(SegueError.from(error), from);
      if (failure instanceof NonsenseError) onNonsense(failure.kind);
      if (signal.aborted) {
        if (SegueError.from(signal.reason).code === 'DEADLINE_EXCEEDED') servers.unanswered(server);
      } else if (failure.code === 'UNAVAILABLE' && failure.retryAfterMs === null) servers.lost(server);
      throw failure;
    } finally {
      server.inFlight--;
    }
  }

  return {
    name,
    description,
    metadataSchema,
    whyAway: () => servers.whyAway(name),
    async score(request, signal) {
      let failure = new SegueError('UNAVAILABLE', servers.whyAway(name) ?? `scorer ${name} is away`);
      for (const server of servers.ready(name)) {
        try {
          return await ask(server, request, signal);
        } catch (error) {
          failure = SegueError.from(error);
          if (failure.code !== 'UNAVAILABLE' || signal.aborted) break;
        }
      }
      // A busy server says when to come again; the judge's next try is then.
      if (failure.retryAfterMs !== null) await pause(Math.min(failure.retryAfterMs, longestAskedMs), signal);
      throw failure;
    },
  };
}

/** A failure that came with no status of the server's is one of reading: what it sent is no answer. */
function readable(failure: SegueError, from: string): SegueError {
  const isStatus = failure.cause instanceof Error && 'details' in failure.cause;
  if (isStatus || failure instanceof NonsenseError) return failure;
  if (failure.code !== 'INVALID_INPUT' && failure.code !== 'INTERNAL') return failure;
  return new NonsenseError('unreadable', `${from} sent what is no answer: ${failure.rawMessage}`);
}
