/** segue.v1.RewardScorer: the RPCs with their converters, deadlines and retry rules. Meanings are in reward.proto. */
import type { RewardApi, ScoreRequest, ScorerInfo } from '@segue/core';
import { scoreConverter } from '../convert/common.js';
import { converter, emptyConverter, fields, jsonObject, listOf, text } from '../convert/converter.js';
import type { ListScorersResponse__Output } from '../gen/segue/v1/ListScorersResponse.js';
import type { ScoreBatchRequest__Output } from '../gen/segue/v1/ScoreBatchRequest.js';
import type { ScoreBatchResponse__Output } from '../gen/segue/v1/ScoreBatchResponse.js';
import type { ScoreRequest__Output, ScoreRequest as WireScoreRequest } from '../gen/segue/v1/ScoreRequest.js';
import type { ScorerInfo__Output } from '../gen/segue/v1/ScorerInfo.js';
import { type Contract, deadlines, unary } from '../rpc/contract.js';

const requestConverter = converter<ScoreRequest, WireScoreRequest, ScoreRequest__Output>(
  ({ metadata, ...request }) => ({ ...request, metadataJson: JSON.stringify(metadata) }),
  (message) => ({
    id: message.id,
    scorer: message.scorer,
    prompt: message.prompt,
    response: message.response,
    answer: message.answer,
    metadata: jsonObject(message.metadataJson, 'requests.metadata_json'),
  }),
);

const scorerConverter = fields<ScorerInfo, ScorerInfo__Output>({
  name: text,
  description: text,
  metadataSchemaJson: text,
});

export const rewardContract: Contract<RewardApi> = {
  name: 'segue.v1.RewardScorer',
  methods: {
    scoreBatch: unary(
      fields<RewardApi['scoreBatch']['request'], ScoreBatchRequest__Output>({ requests: listOf(requestConverter) }),
      fields<RewardApi['scoreBatch']['response'], ScoreBatchResponse__Output>({ scores: listOf(scoreConverter) }),
      { deadlineMs: deadlines.slowMs, retry: true },
    ),
    listScorers: unary(
      emptyConverter,
      fields<RewardApi['listScorers']['response'], ListScorersResponse__Output>({ scorers: listOf(scorerConverter) }),
    ),
  },
};
