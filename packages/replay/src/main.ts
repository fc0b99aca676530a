#!/usr/bin/env node
/** The replay store's process: the source of truth of a cluster. */
import { replayConfigSchema } from '@segue/core';
import { runService } from '@segue/service';
import { buildReplay } from './build.js';

await runService({ name: 'replay', schema: replayConfigSchema, build: buildReplay });
