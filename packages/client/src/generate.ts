/**
 * Generating outside of a run's iterations, for one's own evaluation: prompts go to an actor that serves the version, and what an actor that dies has not answered
 * goes to another one. The seed, the prompt's id and the position decide every token, so who answers does not matter. Nothing is stored.
 */
import { type Client, isLostCall, pause } from '@segue/bus';
import { type ActorApi, type ActorReport, type GenerateResult, type Sampling, SegueError } from '@segue/core';

export interface GenerateOptions {
  readonly runId: string;
  /** Left out: the version that is active now, the same for all prompts. */
  readonly policyVersion?: number | undefined;
  /** New tokens per prompt at most; left out: what the context allows. */
  readonly maxTokens?: number | undefined;
  /** Left out: temperature 1, all tokens. Temperature 0 takes the likeliest token. */
  readonly sampling?: Partial<Sampling> | undefined;
  readonly seed?: number | undefined;
  /** Ends what repeats itself, by the run's rule; default true. */
  readonly stopOnRepeat?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Longest time without an actor, in ms; default one minute. */
  readonly patienceMs?: number | undefined;
}

/** How the cluster is seen from here. */
export interface ActorFinder {
  /** Actors by the newest report. */
  actors(runId: string): Promise<readonly ActorReport[]>;
  activeVersion(runId: string): Promise<number>;
  connect(address: string): Client<ActorApi>;
}

const defaultPatienceMs = 60_000;
const lookAgainMs = 500;
/** Longest time for one call of Generate, in ms; one that brought nothing by then is the last. */
const callMs = 15 * 60_000;

/** @param prompts by an id of one's own, which comes back @returns results in the order in which they end */
export async function* generate(
  finder: ActorFinder,
  prompts: Readonly<Record<string, string>>,
  options: GenerateOptions,
): AsyncGenerator<GenerateResult, void, void> {
  const { runId, signal, patienceMs = defaultPatienceMs } = options;
  const owed = new Map(Object.entries(prompts));
  const policyVersion = options.policyVersion ?? (await finder.activeVersion(runId));
  let lostAtMs: number | null = null;
  while (owed.size > 0) {
    const owedBefore = owed.size;
    try {
      const actor = finder.connect(await pickActor(finder, runId, policyVersion));
      try {
        for await (const result of actor.generate(requestOf(owed, policyVersion, options), {
          signal,
          deadlineMs: callMs,
        })) {
          lostAtMs = null;
          owed.delete(result.id);
          yield result;
        }
      } finally {
        actor.close();
      }
    } catch (error) {
      const failure = SegueError.from(error);
      // Many prompts take longer than one call may: what it has not come to is asked for in the next.
      if (failure.code === 'DEADLINE_EXCEEDED' && owed.size < owedBefore) continue;
      // An actor changes its version now and then: another one, or the same a moment later, may serve this one.
      if (!isLostCall(failure) && failure.code !== 'FAILED_PRECONDITION') throw failure;
      lostAtMs ??= Date.now();
      if (Date.now() - lostAtMs > patienceMs) throw failure;
      await pause(failure.retryAfterMs ?? lookAgainMs, signal);
      if (signal?.aborted) throw new SegueError('CANCELLED', `generating with run ${runId} was cancelled`);
    }
  }
}

/** The one with the most free slots, of those that serve the version if there are any. */
async function pickActor(finder: ActorFinder, runId: string, version: number): Promise<string> {
  const actors = await finder.actors(runId);
  const serving = actors.filter(({ policyVersion }) => policyVersion === version);
  const [best] = [...(serving.length > 0 ? serving : actors)].sort(
    (a, b) => b.slots - b.running - (a.slots - a.running),
  );
  if (best === undefined) throw new SegueError('UNAVAILABLE', 'no actor is registered: start one (segue actor join)');
  return best.address;
}

function requestOf(owed: ReadonlyMap<string, string>, policyVersion: number, options: GenerateOptions) {
  const { runId, maxTokens = 0, seed = 0, stopOnRepeat = true, sampling } = options;
  return {
    runId,
    policyVersion,
    prompts: [...owed].map(([id, text]) => ({ id, text, tokens: null, responseTokens: new Int32Array(0) })),
    sampling: { temperature: 1, topK: 0, topP: 1, ...sampling },
    maxTokens,
    seed,
    stopOnRepeat,
  };
}
