// Original file: protos/segue/v1/controller.proto


export interface Evaluation {
  'policyVersion'?: (number);
  'problems'?: (number);
  'samples'?: (number);
  /**
   * Mean over judged samples. Absent when none could be judged.
   */
  'accuracy'?: (number | string);
  /**
   * Samples that could not be judged.
   */
  'failed'?: (number);
  'responseTokensMean'?: (number | string);
  'responseTokensP95'?: (number | string);
  '_accuracy'?: "accuracy";
}

export interface Evaluation__Output {
  'policyVersion': (number);
  'problems': (number);
  'samples': (number);
  /**
   * Mean over judged samples. Absent when none could be judged.
   */
  'accuracy'?: (number);
  /**
   * Samples that could not be judged.
   */
  'failed': (number);
  'responseTokensMean': (number);
  'responseTokensP95': (number);
  '_accuracy'?: "accuracy";
}
