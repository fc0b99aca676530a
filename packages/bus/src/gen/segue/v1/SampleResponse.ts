// Original file: protos/segue/v1/replay.proto

import type { Trajectory as _segue_v1_Trajectory, Trajectory__Output as _segue_v1_Trajectory__Output } from '../../segue/v1/Trajectory.js';

export interface SampleResponse {
  'trajectories'?: (_segue_v1_Trajectory)[];
  /**
   * As many as trajectories.
   */
  'probabilities'?: (number | string)[];
  /**
   * Trajectories that could have been drawn.
   */
  'population'?: (number);
}

export interface SampleResponse__Output {
  'trajectories': (_segue_v1_Trajectory__Output)[];
  /**
   * As many as trajectories.
   */
  'probabilities': (number)[];
  /**
   * Trajectories that could have been drawn.
   */
  'population': (number);
}
