export * from './domain.js';
export * from './engine.js';
export { assert, type ErrorCode, errorCodes, SegueError } from './error.js';
export {
  groupId,
  groupOf,
  isId,
  parseTrajectoryId,
  requireId,
  segmentId,
  type TrajectoryIdParts,
  trajectoryId,
} from './ids.js';
export { hashText, SeededRandom, TokenUniforms, tokenUniform } from './random.js';
export { RepeatDetector, requireRepeatRule } from './repeat.js';
export { emptyTokenHash, hashTokens } from './token-hash.js';
export * from './config.js';
export * from './events.js';
export * from './run-config.js';
export * from './service-config.js';
