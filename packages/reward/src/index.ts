/** The reward scorer: the scorers, the judge over them, and the work on the queue. As a process it is main.ts. */
export { buildReward } from './build.js';
export { extractAnswer } from './extract-answer.js';
export { type JudgeRules, judge } from './judge.js';
export { KnownScorers } from './own/known-scorers.js';
export { requireAddress, scorerListHandlers } from './own/registration.js';
export { expiresAfterMs, forgottenAfterMs, ScorerServers } from './own/scorer-servers.js';
export { type Nonsense, readVerdict } from './own/verdict.js';
export { Pool } from './pool.js';
export { Problems } from './problems.js';
export type { Scorer, Verdict } from './scorer.js';
export { builtInScorers, requireScorer, type Scorers, scorerTable } from './scorers/index.js';
export { rewardHandlers } from './service.js';
export { Tokenizers } from './tokenizers.js';
export { type WorkParts, workOnRewards } from './work.js';
