/** All dashboards, by the name of their file. `npm run dashboards` writes them. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { hostsBoard } from './hosts.js';
import { rolloutBoard } from './rollout.js';
import { runBoard } from './run.js';
import { storeBoard } from './store.js';

export const dashboards: Readonly<Record<string, Dashboard>> = {
  'run.json': runBoard.build(),
  'rollout.json': rolloutBoard.build(),
  'store.json': storeBoard.build(),
  'hosts.json': hostsBoard.build(),
};
