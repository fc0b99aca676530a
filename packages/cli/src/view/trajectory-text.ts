/**
 * A trajectory for reading: segment by segment, with text, version, actor, log-probs, and the score.
 */
import type { Segment, Trajectory } from '@segue/core';
import pc from 'picocolors';

export type Decode = (tokens: Int32Array) => string;

export function renderTrajectory(trajectory: Trajectory, decode: Decode): string {
  const lines = [
    `${pc.bold(trajectory.id)}  ${trajectory.state}  problem ${trajectory.problemId}`,
    `prompt (${trajectory.promptTokens.length} tokens): ${quote(decode(trajectory.promptTokens))}`,
    ...trajectory.segments.flatMap((segment) => renderSegment(segment, decode)),
    renderScore(trajectory),
  ];
  return `${lines.join('\n')}\n`;
}

function renderSegment(segment: Segment, decode: Decode): string[] {
  const { tokens, logProbs, meter } = segment;
  const facts = [
    `iteration ${segment.iteration}`,
    `version ${segment.policyVersion}`,
    segment.actorId,
    `${tokens.length} tokens`,
    `log-prob ${sum(logProbs).toFixed(3)} (lowest ${lowest(logProbs).toFixed(3)})`,
    `prefilled again ${meter.reprefillTokens}`,
    `${(meter.endedAtMs - meter.startedAtMs).toFixed(0)} ms`,
  ];
  const why = segment.error === null ? '' : `: ${segment.error}`;
  return [
    `${pc.cyan(`segment ${segment.index}`)}  ${facts.join('  ')}  ended by ${pc.bold(segment.endReason)}${why}`,
    `  ${quote(decode(tokens))}`,
  ];
}

function renderScore({ score }: Trajectory): string {
  if (!score) return 'no score yet';
  const reward = score.reward === null ? 'no reward (masked)' : `reward ${score.reward}`;
  return `${score.scorer}: ${pc.bold(score.status)}, ${reward}${score.detail ? `, ${score.detail}` : ''}`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function lowest(values: Float32Array): number {
  return values.reduce((low, value) => Math.min(low, value), 0);
}

/** The same as one JSON object, arrays as plain numbers. */
export function trajectoryJson(trajectory: Trajectory, decode: Decode): unknown {
  return {
    ...trajectory,
    promptTokens: [...trajectory.promptTokens],
    prompt: decode(trajectory.promptTokens),
    segments: trajectory.segments.map((segment) => ({
      ...segment,
      tokens: [...segment.tokens],
      logProbs: [...segment.logProbs],
      origins: segment.origins && [...segment.origins],
      lossMask: segment.lossMask && [...segment.lossMask],
      text: decode(segment.tokens),
    })),
  };
}
