/** Samples of a timeline, for the round trip of every RPC in rpc.test.ts. */
import type { ReplayApi } from '@segue/core';
import type { Samples } from './rpc-samples.js';

export const timelineSamples: Pick<Samples<ReplayApi>, 'listTimeline'> = {
  listTimeline: {
    requests: [
      { runId: 'r', fromGroup: 0, also: [] },
      { runId: 'r', fromGroup: 7, also: ['r-g0-t0'] },
    ],
    responses: [
      { rows: [] },
      {
        rows: [
          { trajectoryId: 'r-g0-t0', state: 'pending', reward: null, segments: [] },
          {
            trajectoryId: 'r-g0-t1',
            state: 'scored',
            reward: 0,
            segments: [{ iteration: 0, tokens: 3, endReason: 'budget', policyVersion: 0 }],
          },
        ],
      },
    ],
  },
};
