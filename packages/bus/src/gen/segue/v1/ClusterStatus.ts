// Original file: protos/segue/v1/controller.proto

import type { Waiting as _segue_v1_Waiting, Waiting__Output as _segue_v1_Waiting__Output } from '../../segue/v1/Waiting.js';
import type { ActorReport as _segue_v1_ActorReport, ActorReport__Output as _segue_v1_ActorReport__Output } from '../../segue/v1/ActorReport.js';
import type { ServiceAddress as _segue_v1_ServiceAddress, ServiceAddress__Output as _segue_v1_ServiceAddress__Output } from '../../segue/v1/ServiceAddress.js';
import type { QueueReport as _segue_v1_QueueReport, QueueReport__Output as _segue_v1_QueueReport__Output } from '../../segue/v1/QueueReport.js';
import type { Long } from '@grpc/proto-loader';

export interface ClusterStatus {
  /**
   * Empty when there is no run.
   */
  'runId'?: (string);
  'iteration'?: (number);
  /**
   * "idle", "warmup", "evaluate", "plan", "rollout", "close", "train", "activate".
   */
  'phase'?: (string);
  'phaseSinceMs'?: (number | string);
  /**
   * What is waited for, for people, with since when and from whom; empty when nothing is.
   */
  'waiting'?: (_segue_v1_Waiting)[];
  'actors'?: (_segue_v1_ActorReport)[];
  /**
   * Where the other services listen, from the registry: a client needs the controller's address alone.
   */
  'services'?: (_segue_v1_ServiceAddress)[];
  /**
   * What was refused, given up or done again, by name; see docs/faults.md. Of the run that the answer is about, where a name is one of a run.
   */
  'faults'?: ({[key: string]: number | string | Long});
  /**
   * Messages of the bus by queue: "rollout", "reward", "segments", "scores". As of the last look, about a second ago.
   */
  'queues'?: (_segue_v1_QueueReport)[];
  /**
   * Runs whose records the store has let go of (retention), as of the last look.
   */
  'runsRetired'?: (number);
}

export interface ClusterStatus__Output {
  /**
   * Empty when there is no run.
   */
  'runId': (string);
  'iteration': (number);
  /**
   * "idle", "warmup", "evaluate", "plan", "rollout", "close", "train", "activate".
   */
  'phase': (string);
  'phaseSinceMs': (number);
  /**
   * What is waited for, for people, with since when and from whom; empty when nothing is.
   */
  'waiting': (_segue_v1_Waiting__Output)[];
  'actors': (_segue_v1_ActorReport__Output)[];
  /**
   * Where the other services listen, from the registry: a client needs the controller's address alone.
   */
  'services': (_segue_v1_ServiceAddress__Output)[];
  /**
   * What was refused, given up or done again, by name; see docs/faults.md. Of the run that the answer is about, where a name is one of a run.
   */
  'faults': ({[key: string]: number});
  /**
   * Messages of the bus by queue: "rollout", "reward", "segments", "scores". As of the last look, about a second ago.
   */
  'queues': (_segue_v1_QueueReport__Output)[];
  /**
   * Runs whose records the store has let go of (retention), as of the last look.
   */
  'runsRetired': (number);
}
