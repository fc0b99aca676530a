#!/usr/bin/env node
/** The controller process: plans iterations, drives their phases, and is the face of the cluster to its users. */
import { controllerConfigSchema } from '@segue/core';
import { runService } from '@segue/service';
import { buildController } from './build.js';

await runService({ name: 'controller', schema: controllerConfigSchema, build: buildController });
