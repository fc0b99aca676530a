// Original file: protos/segue/v1/replay.proto

import type { Group as _segue_v1_Group, Group__Output as _segue_v1_Group__Output } from '../../segue/v1/Group.js';
import type { PlannedTask as _segue_v1_PlannedTask, PlannedTask__Output as _segue_v1_PlannedTask__Output } from '../../segue/v1/PlannedTask.js';

export interface OpenIterationRequest {
  'runId'?: (string);
  'iteration'?: (number);
  'policyVersion'?: (number);
  /**
   * Groups that begin in this iteration.
   */
  'newGroups'?: (_segue_v1_Group)[];
  /**
   * In the order in which they are to be issued.
   */
  'tasks'?: (_segue_v1_PlannedTask)[];
  /**
   * Failed tries of one segment after which its trajectory is given up; 0 means 3.
   */
  'maxAttempts'?: (number);
}

export interface OpenIterationRequest__Output {
  'runId': (string);
  'iteration': (number);
  'policyVersion': (number);
  /**
   * Groups that begin in this iteration.
   */
  'newGroups': (_segue_v1_Group__Output)[];
  /**
   * In the order in which they are to be issued.
   */
  'tasks': (_segue_v1_PlannedTask__Output)[];
  /**
   * Failed tries of one segment after which its trajectory is given up; 0 means 3.
   */
  'maxAttempts': (number);
}
