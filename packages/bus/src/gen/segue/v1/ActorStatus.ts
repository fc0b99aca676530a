// Original file: protos/segue/v1/actor.proto

import type { RefusedRun as _segue_v1_RefusedRun, RefusedRun__Output as _segue_v1_RefusedRun__Output } from '../../segue/v1/RefusedRun.js';
import type { Long } from '@grpc/proto-loader';

export interface ActorStatus {
  'actorId'?: (string);
  'runId'?: (string);
  'policyVersion'?: (number);
  'slots'?: (number);
  'running'?: (number);
  /**
   * Trajectories whose lease the actor holds.
   */
  'trajectoryIds'?: (string)[];
  'draining'?: (boolean);
  'device'?: (string);
  'generatedTokens'?: (number | string | Long);
  'reprefilledTokens'?: (number | string | Long);
  /**
   * Newest iteration for which all that was running is flushed; absent before the first.
   */
  'flushedIteration'?: (number);
  /**
   * Call of the engine that is waited for ("generateChunk", "loadVersion", ...); empty when none is.
   */
  'engineCall'?: (string);
  /**
   * How long it has lasted. Past the actor's engineTimeoutMs the engine hangs, and the process ends.
   */
  'engineCallMs'?: (number | string | Long);
  /**
   * Run whose version is served: another than run_id while that run's version is still to be loaded. Empty when none is served, and from
   * earlier versions of the actor.
   */
  'policyRunId'?: (string);
  /**
   * Runs whose tasks are left to other actors, since this one's engine cannot generate as they ask.
   */
  'refusedRuns'?: (_segue_v1_RefusedRun)[];
  '_policyVersion'?: "policyVersion";
  '_flushedIteration'?: "flushedIteration";
}

export interface ActorStatus__Output {
  'actorId': (string);
  'runId': (string);
  'policyVersion'?: (number);
  'slots': (number);
  'running': (number);
  /**
   * Trajectories whose lease the actor holds.
   */
  'trajectoryIds': (string)[];
  'draining': (boolean);
  'device': (string);
  'generatedTokens': (number);
  'reprefilledTokens': (number);
  /**
   * Newest iteration for which all that was running is flushed; absent before the first.
   */
  'flushedIteration'?: (number);
  /**
   * Call of the engine that is waited for ("generateChunk", "loadVersion", ...); empty when none is.
   */
  'engineCall': (string);
  /**
   * How long it has lasted. Past the actor's engineTimeoutMs the engine hangs, and the process ends.
   */
  'engineCallMs': (number);
  /**
   * Run whose version is served: another than run_id while that run's version is still to be loaded. Empty when none is served, and from
   * earlier versions of the actor.
   */
  'policyRunId': (string);
  /**
   * Runs whose tasks are left to other actors, since this one's engine cannot generate as they ask.
   */
  'refusedRuns': (_segue_v1_RefusedRun__Output)[];
  '_policyVersion'?: "policyVersion";
  '_flushedIteration'?: "flushedIteration";
}
