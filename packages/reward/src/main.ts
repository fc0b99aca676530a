#!/usr/bin/env node
/** The reward scorer's process: judges responses. */
import { rewardConfigSchema } from '@segue/core';
import { runService } from '@segue/service';
import { buildReward } from './build.js';

/** About what V8 does by itself at 50 verdicts a second; whenever there are more it would grow by up to 300, and stay larger (docs/load.md). */
const heapGrowthPercent = 60;

await runService({ name: 'reward', schema: rewardConfigSchema, build: buildReward, heapGrowthPercent });
