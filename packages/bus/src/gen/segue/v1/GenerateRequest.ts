// Original file: protos/segue/v1/actor.proto

import type { GeneratePrompt as _segue_v1_GeneratePrompt, GeneratePrompt__Output as _segue_v1_GeneratePrompt__Output } from '../../segue/v1/GeneratePrompt.js';
import type { Sampling as _segue_v1_Sampling, Sampling__Output as _segue_v1_Sampling__Output } from '../../segue/v1/Sampling.js';

export interface GenerateRequest {
  'runId'?: (string);
  /**
   * Absent: the version that the actor serves.
   */
  'policyVersion'?: (number);
  'prompts'?: (_segue_v1_GeneratePrompt)[];
  'sampling'?: (_segue_v1_Sampling | null);
  /**
   * New tokens per prompt; 0 means the actor's limit.
   */
  'maxTokens'?: (number);
  /**
   * Decides the random numbers together with each prompt's id.
   */
  'seed'?: (number);
  /**
   * Ends a sequence that repeats itself, with the run's rule.
   */
  'stopOnRepeat'?: (boolean);
  '_policyVersion'?: "policyVersion";
}

export interface GenerateRequest__Output {
  'runId': (string);
  /**
   * Absent: the version that the actor serves.
   */
  'policyVersion'?: (number);
  'prompts': (_segue_v1_GeneratePrompt__Output)[];
  'sampling': (_segue_v1_Sampling__Output | null);
  /**
   * New tokens per prompt; 0 means the actor's limit.
   */
  'maxTokens': (number);
  /**
   * Decides the random numbers together with each prompt's id.
   */
  'seed': (number);
  /**
   * Ends a sequence that repeats itself, with the run's rule.
   */
  'stopOnRepeat': (boolean);
  '_policyVersion'?: "policyVersion";
}
