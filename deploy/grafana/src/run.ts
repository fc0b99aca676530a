/** The dashboard of a run: whether the policy learns, how long its responses get, where an iteration's time goes. */
import { makeBoard } from './board.js';
import { increase, meanOf, quantile, rate } from './promql.js';

export const runBoard = makeBoard({
  uid: 'segue-run',
  title: 'Segue: the run',
  about: 'Whether the policy learns, how long its responses get, and where the time of an iteration goes.',
  rows: [
    {
      title: 'Now',
      numbers: [
        {
          title: 'Iteration',
          about: 'Iteration that the executed run is in.',
          unit: 'none',
          queries: { iteration: 'max(segue_controller_iteration)' },
        },
        {
          title: 'Phase',
          about: 'How long the run has been in its present phase, named in the legend. It grows while the phase lasts.',
          unit: 's',
          queries: {
            '{{phase}}':
              'max by (phase) ((segue_controller_phase == 1) * on (id) group_left () segue_controller_phase_age_seconds)',
          },
        },
        {
          title: 'Policy version',
          about: 'Version that is active. Every iteration that trains makes one.',
          unit: 'none',
          queries: { version: 'max(segue_controller_policy_version)' },
        },
        {
          title: 'Accuracy',
          about: 'Of the newest evaluation on held-out problems, by sampling temperature.',
          unit: 'percentunit',
          queries: { 'temperature {{temperature}}': 'max by (temperature) (segue_controller_evaluation_accuracy)' },
        },
        {
          title: 'Reward',
          about: 'Mean reward of what finished in the newest iteration.',
          unit: 'short',
          queries: { reward: 'max(segue_controller_reward_mean)' },
        },
        {
          title: 'Actors',
          about: 'Registered actors. One that dies leaves after ten seconds.',
          unit: 'none',
          queries: { actors: 'max(segue_controller_actors)' },
        },
      ],
    },
    {
      title: 'Learning',
      lines: [
        {
          title: 'Reward and accuracy',
          about:
            'Reward of what was sampled for training, and accuracy on held-out problems. They should rise together; a reward that rises alone is the sign of a scorer that can be fooled.',
          unit: 'percentunit',
          queries: {
            'reward of the iteration': 'max(segue_controller_reward_mean)',
            'reward of the trained batch': 'max(segue_trainer_reward_mean)',
            'accuracy at temperature {{temperature}}': 'max by (temperature) (segue_controller_evaluation_accuracy)',
          },
        },
        {
          title: 'Loss',
          about: 'Loss of the newest optimiser step, by work.',
          unit: 'short',
          queries: { '{{work}}': 'max by (work) (segue_trainer_loss)' },
        },
        {
          title: 'Gradient norm and step of the policy',
          about:
            'Global gradient norm before clipping, and how far an update moved the log-probability of a response. Both small and steady is well.',
          unit: 'short',
          queries: {
            'gradient norm, {{work}}': 'max by (work) (segue_trainer_gradient_norm)',
            'log ratio of a response': 'max(segue_trainer_log_ratio_mean)',
          },
        },
        {
          title: 'Log-prob difference of actor and trainer',
          about:
            'Tokens that the newest version wrote, rated by both. In float32 the largest is about 1e-5 to 1e-4: one engine makes both. More means that they do not run the same policy, and training will collapse.',
          unit: 'short',
          queries: {
            largest: 'max(segue_trainer_log_prob_difference_max)',
            mean: 'max(segue_trainer_log_prob_difference_mean)',
          },
        },
        {
          title: 'Trained tokens: off-policy and clipped',
          about:
            'Share of response tokens that entered the loss; of those, the share that an older version wrote, and the share whose importance weight was cut.',
          unit: 'percentunit',
          min: 0,
          max: 1,
          queries: {
            trained: 'max(segue_trainer_trained_token_share)',
            'off-policy': 'max(segue_trainer_off_policy_token_share)',
            'weight clipped': 'max(segue_trainer_importance_clipped_share)',
          },
        },
        {
          title: 'Staleness of trained tokens',
          about: 'Versions between the one that wrote a token and the one that samples. maxSpan bounds the oldest.',
          unit: 'short',
          queries: { mean: 'max(segue_trainer_token_age_mean)', oldest: 'max(segue_trainer_token_age_max)' },
        },
        {
          title: 'Groups by what became of them',
          about:
            'Groups trained on, filtered since all members got the same reward, filtered since too few were usable. Equal ones grow as the problems become too easy or too hard.',
          unit: 'short',
          stacked: true,
          queries: { '{{outcome}}': increase('segue_controller_groups_total', 'outcome') },
        },
        {
          title: 'Trained tokens per second',
          about: 'Tokens that entered the loss, over all the time: training phases and the rest.',
          unit: 'short',
          queries: { tokens: rate('segue_trainer_trained_tokens_total') },
        },
        {
          title: 'Policy version by component',
          about: 'Versions that the controller has activated, the trainer has written and each actor serves.',
          unit: 'none',
          queries: {
            controller: 'max(segue_controller_policy_version)',
            trainer: 'max(segue_trainer_policy_version)',
            '{{id}}': 'max by (id) (segue_actor_policy_version)',
          },
        },
      ],
    },
    {
      title: 'Lengths',
      lines: [
        {
          title: 'Response length',
          about:
            'Of what finished in the newest iteration. Early iterations are short: the long ones are not done yet.',
          unit: 'short',
          queries: {
            mean: 'max(segue_controller_response_tokens_mean)',
            'p95 of the iteration': 'max(segue_controller_response_tokens_p95)',
          },
        },
        {
          title: 'Response length, quantiles',
          about: 'Of the responses that ended within the window, from the buckets of the store.',
          unit: 'short',
          queries: {
            p50: quantile(0.5, 'segue_replay_response_tokens'),
            p95: quantile(0.95, 'segue_replay_response_tokens'),
            p99: quantile(0.99, 'segue_replay_response_tokens'),
          },
        },
        {
          title: 'How segments end',
          about:
            'Segments per second by end reason. budget and yield go on in a later iteration; length means that the cap is too short; repeat, that the policy loops; error, that a try failed.',
          unit: 'ops',
          stacked: true,
          queries: { '{{end_reason}}': rate('segue_replay_segments_total', 'end_reason') },
        },
      ],
    },
    {
      title: 'Time',
      lines: [
        {
          title: 'Duration of a phase',
          about: 'Mean of the phases that ended within the window.',
          unit: 's',
          queries: { '{{phase}}': meanOf('segue_controller_phase_seconds', 'phase') },
        },
        {
          title: 'Duration of an iteration',
          about: 'From the plan to the commit, mean of those that ended within the window.',
          unit: 's',
          queries: { iteration: meanOf('segue_controller_iteration_seconds') },
        },
        {
          title: 'What is waited for',
          about:
            'Share of the time in which something of the kind was waited for: segments while actors generate, trainer while it trains.',
          unit: 'percentunit',
          queries: { '{{what}}': rate('segue_controller_wait_seconds_total', 'what') },
        },
        {
          title: 'Parts of the training phase',
          about: 'Of the newest batch: reference log-probs, updates, writing the version.',
          unit: 's',
          stacked: true,
          queries: {
            reference: 'max(segue_trainer_reference_seconds)',
            updates: 'max(segue_trainer_train_seconds)',
            save: 'max(segue_trainer_save_seconds)',
          },
        },
        {
          title: 'Optimiser steps per second',
          about: 'Of the warm-up and of training, over all the time.',
          unit: 'ops',
          queries: { '{{work}}': rate('segue_trainer_steps_total', 'work') },
        },
        {
          title: 'Failed tries of a phase',
          about: 'By the error code. A phase is tried again a bounded number of times; then the run fails.',
          unit: 'short',
          queries: { '{{code}}': increase('segue_controller_phase_failures_total', 'code') },
        },
      ],
    },
  ],
});
