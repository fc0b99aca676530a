/** What the RPCs of scorers may carry, and those with which servers of somebody's own register: requests and responses, edge values included. */
import type { RewardApi, ScorerInfo, ScorerListApi } from '@segue/core';
import type { Samples } from './rpc-samples.js';
import { score } from './samples.js';

const scorers: readonly ScorerInfo[] = [
  { name: 'exact', description: 'd', metadataSchemaJson: '', servers: null },
  { name: 'judge', description: '', metadataSchemaJson: '{"type":"object"}', servers: 0 },
  { name: 'critic', description: '', metadataSchemaJson: '', servers: 2 },
];

export const rewardSamples: Samples<RewardApi> = {
  scoreBatch: {
    requests: [
      {
        requests: [
          {
            id: 'x',
            scorer: 'exact',
            prompt: 'p',
            response: 'r',
            answer: 'a',
            metadata: { numbers: [1, 2], deep: {} },
          },
        ],
      },
    ],
    responses: [
      {
        scores: [
          score,
          { ...score, status: 'wrong', reward: 0 },
          { ...score, status: 'timeout', reward: null },
          { ...score, status: 'error', reward: null },
        ],
      },
    ],
  },
  listScorers: { requests: [{}], responses: [{ scorers }] },
};

export const scorerListSamples: Samples<ScorerListApi> = {
  registerScorers: {
    requests: [{ instance: 'judge-1', address: '127.0.0.1:5000' }],
    responses: [{ scorers, expiresAfterMs: 15_000 }],
  },
  unregisterScorers: { requests: [{ instance: 'judge-1' }], responses: [{ scorers: [] }, { scorers: ['judge'] }] },
};
