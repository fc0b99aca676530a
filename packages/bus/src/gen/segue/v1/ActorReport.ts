// Original file: protos/segue/v1/controller.proto


export interface ActorReport {
  'actorId'?: (string);
  'address'?: (string);
  'running'?: (number);
  'slots'?: (number);
  /**
   * Absent before the first load.
   */
  'policyVersion'?: (number);
  'seenAtMs'?: (number | string);
  '_policyVersion'?: "policyVersion";
}

export interface ActorReport__Output {
  'actorId': (string);
  'address': (string);
  'running': (number);
  'slots': (number);
  /**
   * Absent before the first load.
   */
  'policyVersion'?: (number);
  'seenAtMs': (number);
  '_policyVersion'?: "policyVersion";
}
