// Original file: protos/segue/v1/keeping.proto


export interface SnapshotRun {
  'id'?: (string);
  'state'?: (string);
  /**
   * Its newest iteration; absent before the first.
   */
  'iteration'?: (number);
  /**
   * Version that the run goes on from.
   */
  'policyVersion'?: (number);
  /**
   * Of its newest iteration, as named in core; empty before the first.
   */
  'iterationState'?: (string);
  '_iteration'?: "iteration";
}

export interface SnapshotRun__Output {
  'id': (string);
  'state': (string);
  /**
   * Its newest iteration; absent before the first.
   */
  'iteration'?: (number);
  /**
   * Version that the run goes on from.
   */
  'policyVersion': (number);
  /**
   * Of its newest iteration, as named in core; empty before the first.
   */
  'iterationState': (string);
  '_iteration'?: "iteration";
}
