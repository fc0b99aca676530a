#!/usr/bin/env node
/** The reward scorer's process: judges responses. */
import { rewardConfigSchema } from '@segue/core';
import { runService } from '@segue/service';
import { buildReward } from './build.js';

await runService({ name: 'reward', schema: rewardConfigSchema, build: buildReward });
