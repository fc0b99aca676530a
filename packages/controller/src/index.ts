/** The controller as other code may start it; the process is main.ts. */
export { buildController } from './build.js';
export type { PageProblem, PageSegmentText, PageTrajectoryText } from './page/data.js';
export type { PageSegment, PageTrajectory } from './page/timelines.js';
