// Original file: protos/segue/v1/controller.proto


export interface QueueReport {
  'queue'?: (string);
  /**
   * Not held by anybody.
   */
  'pending'?: (number);
  /**
   * Under a lease.
   */
  'leased'?: (number);
}

export interface QueueReport__Output {
  'queue': (string);
  /**
   * Not held by anybody.
   */
  'pending': (number);
  /**
   * Under a lease.
   */
  'leased': (number);
}
