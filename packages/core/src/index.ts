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
export { emptyTokenHash, hashTokens } from './token-hash.js';
