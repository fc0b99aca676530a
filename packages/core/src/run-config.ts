/**
 * The configuration of one run: what is sampled, trained, evaluated. Validated as a whole before anything starts; unknown keys
 * are refused. Every key carries its meaning, unit and the names by which other systems know it; `docs/configuration.md`
 * is printed from here. Where services listen is not part of it: see service-config.ts.
 */
import { z } from 'zod';
import { minTemperature } from './engine.js';
import { key } from './key-docs.js';

const count = z.number().int().min(1);
const countOrZero = z.number().int().min(0);
/** Each is held in memory, for every problem. */
const evaluationSamples = count.max(1024);
const share = z.number().min(0).max(1);
/** Of a running mean: 1 would take in nothing, and leave AdamW to divide by zero. */
const decay = z.number().min(0).lt(1);

const modelSchema = z
  .strictObject({
    hiddenSize: key(count.default(128), 'Width of the residual stream', { alias: 'hidden_size' }),
    layers: key(count.default(4), 'Decoder layers', { alias: 'num_hidden_layers' }),
    heads: key(count.default(4), 'Query heads', { alias: 'num_attention_heads' }),
    keyValueHeads: key(count.default(2), 'Key and value heads; divides heads', { alias: 'num_key_value_heads' }),
    headSize: key(count.default(32), 'Width of one head; even', { alias: 'head_dim' }),
    intermediateSize: key(count.default(384), 'Width of the SwiGLU layer', { alias: 'intermediate_size' }),
    maxContextTokens: key(count.default(512), 'Longest prompt plus response', {
      unit: 'tokens',
      alias: 'max_position_embeddings; slime rollout_max_context_len',
    }),
    ropeTheta: key(z.number().positive().default(10000), 'Base of the rotary positions', { alias: 'rope_theta' }),
    tieEmbeddings: key(z.boolean().default(true), 'Output layer shares the embedding', {
      alias: 'tie_word_embeddings',
    }),
  })
  .refine((m) => m.heads % m.keyValueHeads === 0, {
    message: 'must divide heads',
    path: ['keyValueHeads'],
  })
  .refine((m) => m.headSize % 2 === 0, { message: 'must be even', path: ['headSize'] });

const policySchema = z.strictObject({
  from: key(
    z.string().min(1).nullable().default(null),
    'Where version 0 comes from: a folder in Hugging Face layout, or `run:<id>@<version>`; null makes seeded random weights of the shape in `model`',
    { alias: 'slime load; actor_model_path' },
  ),
  model: key(modelSchema.prefault({}), 'Shape of a policy made from random weights; ignored with `from`'),
  characters: key(
    z.string().min(2).nullable().default(null),
    'Alphabet of the character tokenizer of a policy made from random weights; ignored with `from`',
  ),
});

const repeatSchema = z.strictObject({
  enabled: key(z.boolean().default(true), 'Find repetitions while generating and end the trajectory there'),
  maxPeriod: key(count.max(256).default(32), 'Longest period that is looked for', { unit: 'tokens' }),
  minRepeats: key(count.min(2).default(4), 'Periods in a row that make a repetition'),
  minTokens: key(count.default(48), 'Tokens that a repetition spans at least; 2 or more', { unit: 'tokens' }),
  penalty: key(z.number().min(0).default(0), 'Taken off the reward of a trajectory that ended for repetition', {
    alias: 'k1.5 section 2.6.2; NeMo-RL reward_penalties',
  }),
});

const rolloutSchema = z
  .strictObject({
    groupsPerIteration: key(count.default(32), 'Groups that an iteration trains on at most', {
      alias: 'slime rollout_batch_size; verl data.train_batch_size; NeMo num_prompts_per_step',
    }),
    groupSize: key(count.min(2).default(8), 'Responses per problem, k', {
      alias: 'slime n_samples_per_prompt; verl rollout.n; TRL num_generations',
    }),
    overSampling: key(z.number().min(1).max(8).default(1.5), 'Groups in a plan, as a multiple of groupsPerIteration', {
      alias: 'slime over_sampling_batch_size; NeMo dynamic_sampling batch_multiplier',
    }),
    partial: key(
      z.boolean().default(true),
      'Partial rollouts: token budget, early close, resume. Off: wait for every trajectory',
      {
        alias: 'slime, verl partial_rollout',
      },
    ),
    tokenBudget: key(count.default(96), 'New tokens per trajectory and iteration', {
      unit: 'tokens',
      alias: 'k1.5 section 2.6.2; MindSpeed-RL partial_rollout_max_split (cap / N)',
    }),
    maxResponseTokens: key(count.default(320), 'Cap of a response over all its segments', {
      unit: 'tokens',
      alias: 'slime rollout_max_response_len; verl data.max_response_length',
    }),
    maxPromptTokens: key(count.default(96), 'Longest prompt; a longer one is refused at submission', {
      unit: 'tokens',
      alias: 'verl data.max_prompt_length',
    }),
    maxSpan: key(count.default(6), 'Iterations that one trajectory may span', {
      unit: 'iterations',
      alias: 'TRL max_staleness; AReaL max_head_offpolicyness; prime-rl max_off_policy_steps',
    }),
    freshShare: key(
      share.default(0.25),
      'Share of a plan that fresh problems keep, however many trajectories wait to be resumed',
    ),
    closeWhen: key(
      z.enum(['enough-groups', 'oldest-groups', 'all']).default('enough-groups'),
      'Close the rollout phase when any groupsPerIteration useful groups are complete; when the oldest that can be in this iteration are, so that short responses are not preferred; or when every planned task has ended (implied without partial rollouts)',
    ),
    maxInFlightTrajectories: key(count.default(4096), 'Unfinished trajectories in all; a plan adds no more', {
      alias: 'AReaL max_concurrent_rollouts; TRL max_inflight_tasks',
    }),
    temperature: key(z.number().min(minTemperature).max(10).default(1), 'Sampling temperature', {
      alias: 'rollout_temperature',
    }),
    topK: key(
      countOrZero.default(0),
      'Draw among the k most likely tokens; 0 is no limit. Refused in training: it changes the distribution',
      {
        alias: 'rollout_top_k',
      },
    ),
    topP: key(
      z.number().positive().max(1).default(1),
      'Draw among the likeliest tokens of this mass; 1 is no limit. Refused in training',
      {
        alias: 'rollout_top_p',
      },
    ),
    stop: key(
      z.array(z.string().min(1)).default([]),
      'Texts of single tokens that end a response, beside the end-of-sequence token',
      {
        alias: 'rollout_stop',
      },
    ),
    maxAttempts: key(count.max(100).default(3), 'Failed tries of one segment after which its trajectory is given up'),
    repeat: key(repeatSchema.prefault({}), 'Repeat detection'),
  })
  // Switched off it may be anything: runs are stored that have it so.
  .refine(({ repeat }) => !repeat.enabled || repeat.minTokens >= 2, {
    message: 'must be at least 2: one token repeats nothing',
    path: ['repeat', 'minTokens'],
  })
  .refine((r) => r.tokenBudget <= r.maxResponseTokens, {
    message: 'must not exceed maxResponseTokens',
    path: ['tokenBudget'],
  })
  .refine((r) => !r.partial || r.tokenBudget * r.maxSpan >= r.maxResponseTokens || r.maxSpan > 1, {
    message: 'must be at least 2 with partial rollouts and a budget below the cap, or no trajectory could go on',
    path: ['maxSpan'],
  })
  .refine((r) => r.topK === 0, {
    message: 'must be 0 in a training run: top-k makes the recorded log-probs differ from the sampling distribution',
    path: ['topK'],
  })
  .refine((r) => r.topP === 1, {
    message: 'must be 1 in a training run: top-p makes the recorded log-probs differ from the sampling distribution',
    path: ['topP'],
  });

const problemsSchema = z.strictObject({
  sampler: key(
    z.enum(['uniform', 'curriculum', 'prioritized']).default('uniform'),
    'How fresh problems are drawn: evenly; easy first; or by 1 - success rate (k1.5 section 2.3.4)',
    { alias: 'verl curriculum sampler; prime-rl difficulty_pool' },
  ),
  priorityFloor: key(share.default(0.05), 'Least weight of a problem that is always solved, with `prioritized`'),
  curriculumIterations: key(
    count.default(10),
    'Iterations until the curriculum has opened up to the hardest problems',
    {
      unit: 'iterations',
    },
  ),
});

const importanceSchema = z.strictObject({
  enabled: key(z.boolean().default(false), 'Weigh each token of an older version by its truncated importance ratio', {
    alias: 'slime use_tis; verl rollout_is',
  }),
  clip: key(z.number().min(1).default(2), 'Upper bound of the weight', {
    alias: 'slime tis_clip; verl rollout_is_threshold',
  }),
});

const lengthRewardSchema = z.strictObject({
  weight: key(z.number().min(0).default(0), 'Weight of the length reward (k1.5 section 2.3.3)', {
    alias: 'k1.5 length penalty',
  }),
  warmupIterations: key(countOrZero.default(0), 'Iterations in which the weight is still 0', { unit: 'iterations' }),
});

const trainSchema = z.strictObject({
  learningRate: key(z.number().positive().default(1e-4), 'Step size of AdamW'),
  tau: key(z.number().positive().default(0.1), 'Strength of the pull towards policy i (k1.5 section 2.3.2)', {
    alias: 'kl coefficient',
  }),
  baseline: key(
    z.enum(['mean', 'log-z']).default('mean'),
    'What a reward is compared with: the group mean, or tau * log Z',
    {
      alias: 'k1.5 section 2.3.2',
    },
  ),
  logProb: key(
    z.enum(['sum', 'mean']).default('sum'),
    'Log pi of a response: sum over its trained tokens, or their mean',
  ),
  tokens: key(
    z.enum(['all', 'current', 'window']).default('all'),
    'Which tokens enter the loss: all, those of this iteration (the exclusion of k1.5 section 2.6.2), or those at most windowVersions old',
    { alias: 'slime mask_offpolicy_in_partial_rollout' },
  ),
  windowVersions: key(countOrZero.default(1), 'Age of the oldest token that is trained on, with `window`', {
    unit: 'versions',
  }),
  importance: key(importanceSchema.prefault({}), 'Truncated importance weights'),
  updatesPerIteration: key(count.default(1), 'Optimiser steps per iteration; the batch is split by groups', {
    alias: 'verl ppo_mini_batch_size (as batch / N)',
  }),
  maxGradientNorm: key(z.number().positive().default(1), 'Global gradient norm is clipped to this', {
    alias: 'clip_grad',
  }),
  beta1: key(decay.default(0.9), 'AdamW'),
  beta2: key(decay.default(0.95), 'AdamW'),
  epsilon: key(z.number().positive().default(1e-8), 'AdamW'),
  weightDecay: key(z.number().min(0).default(0), 'AdamW'),
  maxTokensPerMicroBatch: key(count.default(2048), 'Padded tokens of one gradient run', {
    unit: 'tokens',
    alias: 'slime max_tokens_per_gpu',
  }),
  longRowTokens: key(
    count.default(1024),
    'Longer rows are trained in blocks of tokens, computed again for the gradients: memory linear in the length (docs/long-contexts.md)',
    { unit: 'tokens' },
  ),
  minUsableMembers: key(count.min(2).default(2), 'Judged members that a group needs in order to train'),
  keepEqualGroups: key(z.boolean().default(false), 'Train on groups whose rewards are all equal too', {
    alias: 'inverse of verl filter_groups; slime dynamic_sampling_filter',
  }),
  lengthReward: key(lengthRewardSchema.prefault({}), 'Length reward'),
});

const warmupSchema = z.strictObject({
  steps: key(
    countOrZero.default(0),
    'Optimiser steps of supervised fine-tuning on the warm-up problems before the first iteration; 0 skips it',
    {
      alias: 'SFT',
    },
  ),
  tokensPerStep: key(count.default(8192), 'Padded tokens in one step', { unit: 'tokens' }),
  learningRate: key(z.number().positive().default(1e-3), 'Peak step size'),
  finalLearningRate: key(z.number().min(0).default(1e-4), 'Step size at the end of the cosine decay'),
  rampSteps: key(countOrZero.default(20), 'Steps of linear ramp-up', { unit: 'steps' }),
  maxGradientNorm: key(z.number().positive().default(1), 'Global gradient norm is clipped to this'),
  weightDecay: key(z.number().min(0).default(0.01), 'AdamW'),
});

const evaluationSchema = z.strictObject({
  everyIterations: key(
    countOrZero.default(5),
    'Evaluate after every so many iterations; 0: only before the first and after the last',
    {
      unit: 'iterations',
      alias: 'slime eval_interval; NeMo val_period',
    },
  ),
  problems: key(
    countOrZero.default(0),
    'Problems of the evaluations before the first and after the last iteration; 0 means all',
  ),
  samples: key(evaluationSamples.default(4), 'Samples per problem at temperature 1, of those two', {
    alias: 'slime n_samples_per_eval_prompt',
  }),
  problemsBetween: key(count.default(128), 'Problems of the evaluations in between'),
  samplesBetween: key(evaluationSamples.default(1), 'Samples per problem of the evaluations in between'),
  greedy: key(z.boolean().default(true), 'Evaluate greedily too, before and after'),
  // Between 0 and 0.01 a new run is refused by the controller; here it is not, since runs are stored that have it so.
  temperature: key(z.number().min(0).default(1), 'Sampling temperature of the evaluation: 0 (greedy) or at least 0.01'),
});

/** The configuration of a run. */
export const runConfigSchema = z.strictObject({
  seed: key(z.number().int().min(0).max(0xffffffff).default(1), 'Decides every random number of the run', {
    alias: 'rollout_seed',
  }),
  iterations: key(countOrZero.default(20), 'Iterations of rollout and training', {
    alias: 'slime num_rollout; total_steps',
  }),
  control: key(
    z.enum(['none', 'random-reward']).default('none'),
    'Control experiment: `random-reward` shuffles the rewards of each batch, so that nothing can be learned',
  ),
  policy: key(policySchema.prefault({}), 'The policy that the run starts with'),
  rollout: key(rolloutSchema.prefault({}), 'How trajectories are generated'),
  problems: key(problemsSchema.prefault({}), 'How problems are drawn'),
  train: key(trainSchema.prefault({}), 'How the policy is updated'),
  warmup: key(warmupSchema.prefault({}), 'Supervised warm-up'),
  evaluation: key(evaluationSchema.prefault({}), 'Held-out evaluation'),
});

export type RunConfig = z.output<typeof runConfigSchema>;
/** What a person writes: every key may be left out. */
export type RunConfigInput = z.input<typeof runConfigSchema>;
