/** The domain words and rules: what every package may import. Pure. */
export * from './access.js';
export * from './api.js';
export * from './config.js';
export * from './device.js';
export * from './domain.js';
export * from './engine.js';
export {
  batchClass,
  type DecodeTimes,
  type EngineTimes,
  noEngineTimes,
  sumEngineTimes,
  withChunk,
} from './engine-times.js';
export { assert, type ErrorCode, errorCodes, SegueError } from './error.js';
export * from './events.js';
export { assembleBatch, type BatchRules, type GroupBatch, splitByGroups, type TrainRow } from './group-batch.js';
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
export * from './item-table/index.js';
export { memorySettings, withoutMemorySettings } from './memory-settings.js';
export {
  awaitsVerdicts,
  type ClosingReason,
  type ClosingState,
  closingReason,
  tokenLimits,
  type VerdictState,
} from './plan/closing.js';
export { isLastSpan, type PlanState, planIteration } from './plan/planner.js';
export { type Candidate, curriculumPool, type DrawRequest, drawProblems, priorityOf } from './plan/samplers.js';
export { mean, percentile } from './plan/statistics.js';
export { couldTake, servesVersion, whyNobodyCan } from './plan/taking.js';
export {
  formatPolicyManifest,
  manifestFileName,
  type PolicyFile,
  type PolicyManifest,
  parsePolicyManifest,
  startHashOf,
} from './policy-manifest.js';
export { promptText } from './prompt-text.js';
export { hashText, SeededRandom, TokenUniforms, tokenUniform } from './random.js';
export * from './records.js';
export {
  observedStepTimes,
  type RefillBoundInput,
  refillBoundMs,
  type StepTime,
  stepTimeCurve,
} from './refill-bound.js';
export { RepeatDetector, requireRepeatRule } from './repeat.js';
export { isAtRest, isOver, type RestingRun, type RetentionRules, runsToRetire } from './retention.js';
export {
  addLogProbDifference,
  advantages,
  type Baseline,
  importanceWeights,
  isSelected,
  isUsable,
  type LogProbDifference,
  lengthRewards,
  lengthRewardWeight,
  type MemberLength,
  noLogProbDifference,
  permuteRewards,
  responseLength,
  shapedRewards,
  type TokenLogProbs,
  type TokenSelection,
  tauLogZ,
  tokenMask,
} from './reward-math.js';
export * from './run-config.js';
export type { ServerConfig } from './server-config.js';
export * from './service-config.js';
export {
  parseSnapshotManifest,
  type SnapshotManifest,
  snapshotFileName,
  snapshotManifestName,
} from './snapshot-manifest.js';
export * from './table-api.js';
export { emptyTokenHash, hashTokens } from './token-hash.js';
export { type TokenEntry, tokenListSchema } from './token-list.js';
export { adoptingPrefix, contentPrefix, isVersionName, stagedPrefix } from './version-names.js';
export { joinWaiting } from './waiting-order.js';
