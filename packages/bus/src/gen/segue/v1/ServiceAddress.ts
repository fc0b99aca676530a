// Original file: protos/segue/v1/controller.proto


export interface ServiceAddress {
  /**
   * "actor", "trainer", "reward", "replay", "controller".
   */
  'service'?: (string);
  'id'?: (string);
  /**
   * host:port of its gRPC face.
   */
  'address'?: (string);
  /**
   * What is wrong with it that a person should know; empty when nothing is.
   */
  'trouble'?: (string);
}

export interface ServiceAddress__Output {
  /**
   * "actor", "trainer", "reward", "replay", "controller".
   */
  'service': (string);
  'id': (string);
  /**
   * host:port of its gRPC face.
   */
  'address': (string);
  /**
   * What is wrong with it that a person should know; empty when nothing is.
   */
  'trouble': (string);
}
