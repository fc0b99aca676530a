/** segue.v1.RewardScorer and segue.v1.ScorerList: the RPCs with their converters, deadlines and retry rules. Meanings are in reward.proto and scorers.proto. */
import type { RewardApi, ScoreRequest, ScorerListApi } from '@segue/core';
import { scoreConverter } from '../convert/common.js';
import { converter, fields, jsonObject, listOf } from '../convert/converter.js';
import { scorerCalls } from '../convert/scorers.js';
import type { ScoreBatchRequest__Output } from '../gen/segue/v1/ScoreBatchRequest.js';
import type { ScoreBatchResponse__Output } from '../gen/segue/v1/ScoreBatchResponse.js';
import type { ScoreRequest__Output, ScoreRequest as WireScoreRequest } from '../gen/segue/v1/ScoreRequest.js';
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

export const rewardContract: Contract<RewardApi> = {
  name: 'segue.v1.RewardScorer',
  methods: {
    scoreBatch: unary(
      fields<RewardApi['scoreBatch']['request'], ScoreBatchRequest__Output>({ requests: listOf(requestConverter) }),
      fields<RewardApi['scoreBatch']['response'], ScoreBatchResponse__Output>({ scores: listOf(scoreConverter) }),
      { deadlineMs: deadlines.slowMs, retry: true },
    ),
    listScorers: scorerCalls.listScorers,
  },
};

export const scorerListContract: Contract<ScorerListApi> = {
  name: 'segue.v1.ScorerList',
  methods: { registerScorers: scorerCalls.registerScorers, unregisterScorers: scorerCalls.unregisterScorers },
};
