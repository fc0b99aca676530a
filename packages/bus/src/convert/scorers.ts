/** Converters of scorers and of servers that register, which the controller and the reward service serve alike, and the calls over them. */
import type { ControllerApi, ScorerInfo, ScorerRegistration, ScorerServer } from '@segue/core';
import type { ListScorersResponse__Output } from '../gen/segue/v1/ListScorersResponse.js';
import type { RegisterScorersRequest__Output } from '../gen/segue/v1/RegisterScorersRequest.js';
import type { RegisterScorersResponse__Output } from '../gen/segue/v1/RegisterScorersResponse.js';
import type { ScorerInfo__Output } from '../gen/segue/v1/ScorerInfo.js';
import type { UnregisterScorersRequest__Output } from '../gen/segue/v1/UnregisterScorersRequest.js';
import type { UnregisterScorersResponse__Output } from '../gen/segue/v1/UnregisterScorersResponse.js';
import { type Contract, unary } from '../rpc/contract.js';
import { emptyConverter, fields, idText, listOf, optional, text, texts, uint } from './converter.js';

const scorerConverter = fields<ScorerInfo, ScorerInfo__Output>({
  name: text,
  description: text,
  metadataSchemaJson: text,
  servers: optional(uint),
});

type ScorerCalls = Pick<Contract<ControllerApi>['methods'], 'listScorers' | 'registerScorers' | 'unregisterScorers'>;

export const scorerCalls: ScorerCalls = {
  listScorers: unary(
    emptyConverter,
    fields<ControllerApi['listScorers']['response'], ListScorersResponse__Output>({ scorers: listOf(scorerConverter) }),
  ),
  registerScorers: unary(
    fields<ScorerServer, RegisterScorersRequest__Output>({ instance: idText, address: text }),
    fields<ScorerRegistration, RegisterScorersResponse__Output>({
      scorers: listOf(scorerConverter),
      expiresAfterMs: uint,
    }),
  ),
  unregisterScorers: unary(
    fields<{ instance: string }, UnregisterScorersRequest__Output>({ instance: idText }),
    fields<ControllerApi['unregisterScorers']['response'], UnregisterScorersResponse__Output>({ scorers: texts }),
  ),
};
