// Original file: protos/segue/v1/scorers.proto


export interface RegisterScorersRequest {
  /**
   * Name of the server, [a-z0-9-], the same after a restart. Several servers may serve one scorer: they share its work. Under TLS it is the
   * name in the server's certificate (segue certs create --scorer <instance>).
   */
  'instance'?: (string);
  /**
   * host:port at which the reward service reaches its segue.v1.RewardScorer. Off loopback under TLS alone, unless the reward service was started
   * with --insecure.
   */
  'address'?: (string);
}

export interface RegisterScorersRequest__Output {
  /**
   * Name of the server, [a-z0-9-], the same after a restart. Several servers may serve one scorer: they share its work. Under TLS it is the
   * name in the server's certificate (segue certs create --scorer <instance>).
   */
  'instance': (string);
  /**
   * host:port at which the reward service reaches its segue.v1.RewardScorer. Off loopback under TLS alone, unless the reward service was started
   * with --insecure.
   */
  'address': (string);
}
