// Original file: protos/segue/v1/trainer.proto

import type { PolicyVersion as _segue_v1_PolicyVersion, PolicyVersion__Output as _segue_v1_PolicyVersion__Output } from '../../segue/v1/PolicyVersion.js';

export interface TrainProgress {
  /**
   * "load", "reference", "train", "save", "done".
   */
  'stage'?: (string);
  /**
   * Steps done and to do in this stage; 0 of 0 when not counted.
   */
  'step'?: (number);
  'steps'?: (number);
  /**
   * Metrics by name as JSON: loss, gradientNorm, logProbDiffMax... (packages/core/src/events.ts).
   */
  'metricsJson'?: (string);
  /**
   * Set in the last message alone.
   */
  'version'?: (_segue_v1_PolicyVersion | null);
  '_version'?: "version";
}

export interface TrainProgress__Output {
  /**
   * "load", "reference", "train", "save", "done".
   */
  'stage': (string);
  /**
   * Steps done and to do in this stage; 0 of 0 when not counted.
   */
  'step': (number);
  'steps': (number);
  /**
   * Metrics by name as JSON: loss, gradientNorm, logProbDiffMax... (packages/core/src/events.ts).
   */
  'metricsJson': (string);
  /**
   * Set in the last message alone.
   */
  'version'?: (_segue_v1_PolicyVersion__Output | null);
  '_version'?: "version";
}
