// Original file: protos/segue/v1/replay.proto

import type { Group as _segue_v1_Group, Group__Output as _segue_v1_Group__Output } from '../../segue/v1/Group.js';
import type { Trajectory as _segue_v1_Trajectory, Trajectory__Output as _segue_v1_Trajectory__Output } from '../../segue/v1/Trajectory.js';

export interface CompleteGroup {
  'group'?: (_segue_v1_Group | null);
  'trajectories'?: (_segue_v1_Trajectory)[];
}

export interface CompleteGroup__Output {
  'group': (_segue_v1_Group__Output | null);
  'trajectories': (_segue_v1_Trajectory__Output)[];
}
