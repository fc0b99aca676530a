/**
 * Serves scorers of one's own to a cluster: a segue.v1.RewardScorer server that registers with the controller and says again and again that it is there. In another
 * language the same takes the generated stubs of protos/segue/v1 (docs/clients.md).
 */
import {
  addService,
  createCallerGate,
  createServer,
  type Handlers,
  isLoopback,
  listen,
  pause,
  readTls,
  rewardContract,
  stopServer,
} from '@segue/bus';
import { type RewardApi, type Score, type ScoreRequest, SegueError } from '@segue/core';
import type { SegueClient } from './segue-client.js';

/** What a scorer says of one response: a reward above zero is right, zero is wrong. */
export interface Judgement {
  readonly reward: number;
  /** What it saw, for people. */
  readonly detail?: string | undefined;
}

export interface OwnScorer {
  /** [a-z0-9-]; problems name it. */
  readonly name: string;
  readonly description: string;
  /** JSON schema of the metadata that it reads. With one, problems may come without an answer. */
  readonly metadataSchema?: object | undefined;
  /** Judges one response. What it throws is a failure: the response gets no reward, and is never held to be wrong. @param signal fires when time is up */
  score(request: ScoreRequest, signal: AbortSignal): Judgement | Promise<Judgement>;
}

export interface ServeScorersOptions {
  /** Name of this server, the same after a restart; under TLS the one in its certificate. */
  readonly instance: string;
  /** Address to listen on; default 127.0.0.1. Off loopback under TLS alone. */
  readonly host?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
  /** Name under which the reward service reaches this machine; default: the host. */
  readonly advertisedHost?: string | undefined;
  /** PEM files (segue certs create --scorer NAME), for a cluster that uses TLS. The cluster's reward service alone is then let in, by the name in its certificate. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string } | undefined;
  /** Names of client certificates that are let in too under TLS: who tries this server or watches it. Default: none. */
  readonly clients?: readonly string[] | undefined;
  /** Listen off loopback without TLS, in a closed network. */
  readonly insecure?: boolean | undefined;
  /** Told when a renewal failed; it is tried again. */
  readonly onTrouble?: ((error: SegueError) => void) | undefined;
}

export interface ScorerServerHandle {
  /** host:port, as it was registered. */
  readonly address: string;
  /** Leaves the cluster, answers what is under way, and stops. */
  close(): Promise<void>;
}

const stopMs = 5_000;
const longestPauseMs = 5_000;

/** Resolves when the cluster knows the scorers: problems that name them may be submitted. */
export async function serveScorers(
  client: SegueClient,
  scorers: readonly OwnScorer[],
  options: ServeScorersOptions,
): Promise<ScorerServerHandle> {
  const { instance, host = '127.0.0.1', port = 0, advertisedHost = host, clients = [] } = options;
  if (!isLoopback(host) && !options.tls && !options.insecure) {
    throw new SegueError(
      'INVALID_CONFIG',
      `host ${host} is not loopback: give tls, or insecure if the network is closed`,
    );
  }
  // Without TLS nobody shows who they are.
  const gate = options.tls && createCallerGate({ services: ['reward'], clients });
  const server = createServer({ gate });
  const stopping = new AbortController();
  addService(server, rewardContract, handlersOf(scorers));
  const bound = await listen(server, host, port, options.tls ? readTls(options.tls) : null);
  const address = `${advertisedHost}:${bound}`;
  let renewing: Promise<void>;
  try {
    const { expiresAfterMs } = await client.registerScorers({ instance, address });
    renewing = renew(client, { instance, address }, expiresAfterMs, options, stopping.signal);
  } catch (error) {
    await stopServer(server, 0);
    throw error;
  }
  return {
    address,
    close: async () => {
      stopping.abort();
      await renewing;
      await client.unregisterScorers(instance).catch((error) => options.onTrouble?.(SegueError.from(error)));
      await stopServer(server, stopMs);
    },
  };
}

async function renew(
  client: SegueClient,
  server: { readonly instance: string; readonly address: string },
  expiresAfterMs: number,
  { onTrouble }: ServeScorersOptions,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await pause(Math.min(longestPauseMs, expiresAfterMs / 3), signal);
    if (signal.aborted) return;
    try {
      await client.registerScorers(server);
    } catch (error) {
      onTrouble?.(SegueError.from(error));
    }
  }
}

function handlersOf(scorers: readonly OwnScorer[]): Handlers<RewardApi> {
  const byName = new Map(scorers.map((scorer) => [scorer.name, scorer]));
  return {
    scoreBatch: async ({ requests }, { signal }) => ({
      scores: await Promise.all(requests.map((request) => judge(byName.get(request.scorer), request, signal))),
    }),
    listScorers: async () => ({
      scorers: scorers.map(({ name, description, metadataSchema }) => ({
        name,
        description,
        metadataSchemaJson: metadataSchema === undefined ? '' : JSON.stringify(metadataSchema),
        servers: null,
      })),
    }),
  };
}

async function judge(scorer: OwnScorer | undefined, request: ScoreRequest, signal: AbortSignal): Promise<Score> {
  const startedAt = performance.now();
  const answer = (outcome: Pick<Score, 'status' | 'reward' | 'detail'>): Score => ({
    trajectoryId: request.id,
    scorer: request.scorer,
    ...outcome,
    durationMs: performance.now() - startedAt,
  });
  try {
    if (!scorer) throw new SegueError('NOT_FOUND', `this server has no scorer ${request.scorer}`);
    const { reward, detail = '' } = await scorer.score(request, signal);
    return answer({ status: reward > 0 ? 'ok' : 'wrong', reward, detail });
  } catch (error) {
    return answer({ status: 'error', reward: null, detail: SegueError.from(error).rawMessage });
  }
}
