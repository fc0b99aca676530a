/** The controller as other code may start it; the process is main.ts. */
export { buildController } from './build.js';
export type { PageProblem, PageSegment, PageSegmentText, PageTrajectory, PageTrajectoryText } from './page/data.js';
