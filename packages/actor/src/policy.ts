/**
 * Which policy version the actor serves: follows the announcements of the bus, loads between segments, and tries again
 * when a version cannot be had yet. It serves one run at a time: the one that was announced last.
 */
import { dirname, join } from 'node:path';
import type { ActivePolicy } from '@segue/bus';
import { type PolicyRef, SegueError } from '@segue/core';
import type { LanePolicy } from './lane-work.js';
import type { FoundPolicy, PolicyFiles } from './policy-files.js';
import { notWanted, orAborted } from './shared-work.js';

export interface PolicyFollowerOptions {
  readonly files: Pick<PolicyFiles, 'locate'>;
  /** What serves now. */
  readonly served: () => LanePolicy | null;
  readonly load: (policy: LanePolicy) => Promise<void>;
  /**
   * Makes a version ready beside the one that is served, or, with null, lets go of what is ready. Left out: versions are loaded when they are
   * announced.
   */
  readonly prepare?: ((policy: LanePolicy | null) => Promise<void>) | undefined;
  readonly onLoaded?: (policy: LanePolicy, source: FoundPolicy['source'], durationMs: number) => void;
  readonly onFailure?: (ref: PolicyRef, error: SegueError) => void;
}

export class PolicyFollower {
  readonly #options: PolicyFollowerOptions;
  /** Newest announcement per run. */
  readonly #active = new Map<string, ActivePolicy>();
  /** Whose files have been checked ahead, and where they lie. */
  #prepared: { readonly ref: PolicyRef; readonly found: FoundPolicy } | null = null;
  /** Versions that are made ready or wait for it. */
  readonly #preparations = new Set<Preparation>();
  #queue: Promise<void> = Promise.resolve();
  /** The announced version that is being brought; `end` fires when a newer announcement has overtaken it. */
  #following: { readonly ref: PolicyRef; readonly end: AbortController; readonly served: Promise<void> } | null = null;

  constructor(options: PolicyFollowerOptions) {
    this.#options = options;
  }

  /**
   * A run has announced a version: serve it. Resolves when it is served; rejects when it cannot be, or a newer one
   * came. One that is already being brought goes on, however often it is announced.
   */
  follow(policy: ActivePolicy): Promise<void> {
    this.#active.set(policy.runId, policy);
    const { runId, version, manifestSha256 } = policy;
    const ref = { runId, version, manifestSha256 };
    if (this.#following && isNamedAlike(this.#following.ref, ref)) return this.#following.served;
    this.#following?.end.abort();
    const end = new AbortController();
    const served = this.serve(ref, end.signal).finally(() => {
      if (this.#following?.end === end) this.#following = null;
    });
    this.#following = { ref, end, served };
    return served;
  }

  /**
   * Brings, checks and makes ready a version that is not announced yet. When it is announced meanwhile, that waits for this and has less to
   * do then; when another one is, this is called off. A caller whose patience ends is answered, and it goes on: what he asked for is announced next.
   * @param folder where the trainer keeps it; empty when that is not known
   */
  prepare(ref: PolicyRef, folder: string, caller?: AbortSignal): Promise<void> {
    const { prepare, files } = this.#options;
    if (!prepare) return Promise.resolve();
    for (const other of this.#preparations) {
      if (other.isLeft && !isNamedAlike(other.ref, ref)) other.end.abort();
    }
    const preparation: Preparation = { ref, end: new AbortController(), isLeft: caller?.aborted === true };
    this.#preparations.add(preparation);
    const leave = () => {
      preparation.isLeft = true;
    };
    caller?.addEventListener('abort', leave, { once: true });
    const { signal } = preparation.end;
    const run = async () => {
      if (signal.aborted) throw notWanted();
      if (this.#isServed(ref)) return;
      let hasBegun = false;
      const beside = (at: string) => {
        hasBegun = true;
        return prepare({ ...ref, folder: at });
      };
      this.#prepared = null;
      try {
        const found = await files.locate(ref, folder === '' ? this.#sharedFolder(ref) : folder, signal, beside);
        this.#prepared = { ref, found };
      } catch (cause) {
        // What was made of files that failed their check is never to be served. An engine that fails in this has nothing ready any more.
        if (hasBegun) await prepare(null).catch(() => undefined);
        throw cause;
      }
    };
    const prepared = this.#queue.then(run).finally(() => {
      caller?.removeEventListener('abort', leave);
      this.#preparations.delete(preparation);
    });
    this.#queue = prepared.catch(() => undefined);
    return orAborted(prepared, caller);
  }

  /** Serves the named version. Calls run in order, one at a time; what else is being made ready is called off. */
  serve(ref: PolicyRef, signal?: AbortSignal): Promise<void> {
    for (const { ref: other, end } of this.#preparations) {
      if (!isSame(other, ref) && !this.#isServed(ref)) end.abort();
    }
    const served = this.#queue.then(() => this.#serve(ref, signal));
    this.#queue = served.catch(() => undefined);
    return served;
  }

  /** Brings what was announced last for the served run, when a load failed before. */
  async catchUp(runId: string): Promise<void> {
    const active = this.#active.get(runId);
    if (active) await this.follow(active);
  }

  /** A pinned version for an evaluation; null asks for the one that is served. Another is looked for when nothing is loaded or made ready. */
  async pin(runId: string, version: number | null, signal?: AbortSignal): Promise<LanePolicy> {
    const served = () => {
      const policy = this.#options.served();
      return policy?.runId === runId && (version === null || version === policy.version) ? policy : null;
    };
    const now = served();
    if (now) return now;
    await orAborted(this.#queue, signal);
    const then = served();
    if (then) return then;
    if (version === null) {
      throw new SegueError('FAILED_PRECONDITION', `this actor serves no policy of run ${JSON.stringify(runId)}`);
    }
    const ref = { runId, version, manifestSha256: '' };
    const { folder, manifestSha256 } = await this.#options.files.locate(ref, this.#sharedFolder(ref), signal);
    return { runId, version, folder, manifestSha256 };
  }

  async #serve(ref: PolicyRef, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#isServed(ref)) return;
    const beganMs = performance.now();
    const prepared = this.#prepared;
    this.#prepared = null;
    try {
      const { folder, source, manifestSha256 } =
        prepared && isSame(prepared.ref, ref)
          ? prepared.found
          : await this.#options.files.locate(ref, this.#sharedFolder(ref), signal);
      const policy = { runId: ref.runId, version: ref.version, folder, manifestSha256 };
      await this.#options.load(policy);
      this.#options.onLoaded?.(policy, source, performance.now() - beganMs);
    } catch (cause) {
      const error = SegueError.from(cause);
      if (!signal?.aborted) this.#options.onFailure?.(ref, error);
      throw error;
    }
  }

  #isServed(ref: PolicyRef): boolean {
    const served = this.#options.served();
    const same = served?.runId === ref.runId && served.version === ref.version;
    // A version that was written anew under its number is loaded again.
    return same && (ref.manifestSha256 === '' || ref.manifestSha256 === served.manifestSha256);
  }

  /** Versions of a run lie side by side in the trainer's store. */
  #sharedFolder(ref: PolicyRef): string | null {
    const active = this.#active.get(ref.runId);
    if (!active || active.folder === '') return null;
    return active.version === ref.version ? active.folder : join(dirname(active.folder), String(ref.version));
  }
}

/** A version that is made ready. */
interface Preparation {
  readonly ref: PolicyRef;
  /** Fires when another version is wanted. */
  readonly end: AbortController;
  /** Who asked for it waits no more. */
  isLeft: boolean;
}

/** Whether both were announced as the same. */
function isNamedAlike(a: PolicyRef, b: PolicyRef): boolean {
  return a.runId === b.runId && a.version === b.version && a.manifestSha256 === b.manifestSha256;
}

/** Whether both name the same content for certain. */
function isSame(a: PolicyRef, b: PolicyRef): boolean {
  return a.manifestSha256 !== '' && isNamedAlike(a, b);
}
