// Original file: protos/segue/v1/replay.proto

import type { IterationState as _segue_v1_IterationState, IterationState__Output as _segue_v1_IterationState__Output } from '../../segue/v1/IterationState.js';
import type { PlannedTask as _segue_v1_PlannedTask, PlannedTask__Output as _segue_v1_PlannedTask__Output } from '../../segue/v1/PlannedTask.js';
import type { IterationProgress as _segue_v1_IterationProgress, IterationProgress__Output as _segue_v1_IterationProgress__Output } from '../../segue/v1/IterationProgress.js';

export interface IterationRecord {
  'runId'?: (string);
  'iteration'?: (number);
  'state'?: (_segue_v1_IterationState);
  /**
   * Version that samples.
   */
  'policyVersion'?: (number);
  /**
   * Version that came out; equal to `policy_version` until committed, and when nothing was trained.
   */
  'policyVersionOut'?: (number);
  'tasks'?: (_segue_v1_PlannedTask)[];
  /**
   * What the tasks have come to so far.
   */
  'progress'?: (_segue_v1_IterationProgress | null);
  /**
   * Groups of the frozen batch.
   */
  'batchGroupIds'?: (string)[];
  /**
   * Groups filtered when it was frozen: all rewards equal / too few usable members.
   */
  'filteredEqual'?: (number);
  'filteredUnusable'?: (number);
  /**
   * Written at commit by the controller.
   */
  'metricsJson'?: (string);
  'openedAtMs'?: (number | string);
  'closedAtMs'?: (number | string);
  'committedAtMs'?: (number | string);
}

export interface IterationRecord__Output {
  'runId': (string);
  'iteration': (number);
  'state': (_segue_v1_IterationState__Output);
  /**
   * Version that samples.
   */
  'policyVersion': (number);
  /**
   * Version that came out; equal to `policy_version` until committed, and when nothing was trained.
   */
  'policyVersionOut': (number);
  'tasks': (_segue_v1_PlannedTask__Output)[];
  /**
   * What the tasks have come to so far.
   */
  'progress': (_segue_v1_IterationProgress__Output | null);
  /**
   * Groups of the frozen batch.
   */
  'batchGroupIds': (string)[];
  /**
   * Groups filtered when it was frozen: all rewards equal / too few usable members.
   */
  'filteredEqual': (number);
  'filteredUnusable': (number);
  /**
   * Written at commit by the controller.
   */
  'metricsJson': (string);
  'openedAtMs': (number);
  'closedAtMs': (number);
  'committedAtMs': (number);
}
