/** The scorer's process as packages/reward starts it, but for how far its heap may grow: `--growth N` in front of its own arguments, `v8` for no bound. */
import { rewardConfigSchema } from '@segue/core';
import { buildReward } from '@segue/reward';
import { runService } from '@segue/service';

const [, growth] = process.argv.splice(2, 2);
const heapGrowthPercent = growth === 'v8' ? null : Number(growth);
await runService({ name: 'reward', schema: rewardConfigSchema, build: buildReward, heapGrowthPercent });
