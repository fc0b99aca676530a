/**
 * Whether runs are whole after all that happened: every trajectory one chain, every planned segment there, every token of the version that its iteration
 * sampled with, every group trained on once. Reads the store over gRPC and tells what is wrong in sentences.
 */
import { hashTokens, isTerminal } from '@segue/core';
import { placeOf } from './account.mjs';

const readAtOnce = 32;

/**
 * @param {import('@segue/bus').Client<import('@segue/core').ReplayApi>} replay
 * @param {string} runId
 * @param {number} iterations that the run was to have
 * @returns what the store holds by place, and what is wrong
 */
export async function inspectRun(replay, runId, iterations) {
  /** @type {Map<string, import('./account.mjs').Held>} */
  const held = new Map();
  /** @type {string[]} */
  const wrong = [];
  const run = await replay.getRun({ runId });
  if (run.state !== 'finished') wrong.push(`run ${runId} is ${run.state}: ${run.error}`);
  const plans = await collect(replay.listIterations({ runId, fromIteration: 0 }));
  const versions = new Map(plans.map(({ iteration, policyVersion }) => [iteration, policyVersion]));
  wrong.push(...wrongPlans(runId, plans, iterations));

  /** Index of each trajectory's segment by iteration. */
  const written = new Set();
  for await (const { summary, trajectory } of readTrajectories(replay, runId)) {
    if (summary.state === 'failed') wrong.push(`${summary.id} was given up`);
    if (summary.state === 'finished') wrong.push(`${summary.id} has no verdict`);
    let hash = hashTokens(trajectory.promptTokens);
    for (const [index, segment] of trajectory.segments.entries()) {
      const say = (what) => wrong.push(`${segment.id} ${what}`);
      if (segment.index !== index) say(`stands at ${index}`);
      if (segment.prefixHash !== hash) say('does not go on from what is before it');
      if (segment.policyVersion !== versions.get(segment.iteration)) {
        say(`is of version ${segment.policyVersion}, its iteration of ${versions.get(segment.iteration)}`);
      }
      if (isTerminal(segment.endReason) && index < trajectory.segments.length - 1) say('ends the trajectory too early');
      const turn = `${summary.id} ${segment.iteration}`;
      if (written.has(turn)) say(`is the second one of iteration ${segment.iteration}`);
      written.add(turn);
      hash = hashTokens(segment.tokens, hash);
      held.set(placeOf({ trajectoryId: summary.id, index }), { hash, tokens: segment.tokens.length });
    }
  }
  // Iterations here close when every planned task has ended.
  for (const { iteration, tasks } of plans) {
    const missing = tasks.filter(({ trajectoryId }) => !written.has(`${trajectoryId} ${iteration}`));
    if (missing.length > 0)
      wrong.push(`${missing.length} planned segments of iteration ${iteration} of ${runId} are not there`);
  }
  return { held, wrong };
}

/** All trajectories with their tokens, a few read at once. */
async function* readTrajectories(replay, runId) {
  const summaries = (await collect(replay.listTrajectories({ runId }))).map(({ summary }) => summary);
  for (let at = 0; at < summaries.length; at += readAtOnce) {
    const some = summaries.slice(at, at + readAtOnce);
    const read = await Promise.all(some.map(({ id }) => replay.getTrajectory({ trajectoryId: id })));
    yield* some.map((summary, i) => ({ summary, trajectory: read[i] }));
  }
}

function wrongPlans(runId, plans, iterations) {
  const wrong = [];
  const states = plans.map(({ iteration, state }) => `${iteration} ${state}`).join();
  const expected = Array.from({ length: iterations }, (_, i) => `${i} committed`).join();
  if (states !== expected) wrong.push(`iterations of ${runId}: ${states}`);
  const trained = plans.flatMap(({ batchGroupIds }) => batchGroupIds);
  if (new Set(trained).size !== trained.length) wrong.push(`a group of ${runId} was consumed by two versions`);
  for (const [i, { policyVersion, policyVersionOut, batchGroupIds }] of plans.entries()) {
    if (policyVersion !== (plans[i - 1]?.policyVersionOut ?? 0))
      wrong.push(`iteration ${i} of ${runId} ran on version ${policyVersion}`);
    if (batchGroupIds.length > 0 && policyVersionOut <= policyVersion)
      wrong.push(`iteration ${i} of ${runId} trained to no version`);
  }
  return wrong;
}

async function collect(items) {
  const list = [];
  for await (const item of items) list.push(item);
  return list;
}
