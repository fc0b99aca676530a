/**
 * Writes the two pictures of a run beside its data.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrajectoryRecord } from '@segue/core';
import type { RunViewState } from '../view/run-view.js';
import { drawLearningCurve } from './learning-curve.js';
import { drawTimeline } from './rollout-timeline.js';

export interface PictureInput {
  readonly run: string;
  /** Folder that gets `learning.svg` and `rollouts.svg`. */
  readonly folder: string;
  readonly view: RunViewState;
  readonly trajectories: readonly TrajectoryRecord[];
  readonly tokenBudget: number;
}

/** @returns the paths written */
export async function writePictures({ run, folder, view, trajectories, tokenBudget }: PictureInput): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const { iterations, evaluations } = view;
  const pictures = {
    'learning.svg': drawLearningCurve({ title: `${run}: accuracy and response length`, iterations, evaluations }),
    'rollouts.svg': drawTimeline({ title: `${run}: segments of every trajectory`, trajectories, tokenBudget }),
  };
  const paths: string[] = [];
  for (const [name, text] of Object.entries(pictures)) {
    const path = join(folder, name);
    await writeFile(path, text);
    paths.push(path);
  }
  return paths;
}
