/**
 * How far the log-probs that actors stored with a run lie from those of this CPU in float32, segment by segment:
 * `npm run bench -- agreement [--data .segue] [--run demo-1] [--over 1e-4] [--temperature 1] [--threads 2] [--json]`.
 * One line for each policy version, and one for each segment with a token further off than `--over`: which actor made it and when, what it prefilled, and where the tokens that
 * are off begin and end. For a GPU, whose products may differ; on a CPU it says that nothing does. Versions that the run has let go of are left out, and named: start the cluster with
 * `SEGUE_TRAINER_KEEP_VERSIONS=100` to have all. It changes nothing, and needs the run's data alone.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TrainingEngine } from '@segue/engine';
import { withStore } from '../../packages/cli/dist/run/with-store.js';
import { short } from './lib/alternate.mjs';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '.segue' },
    run: { type: 'string', default: 'demo-1' },
    over: { type: 'string', default: '1e-4' },
    /** The run's `rollout.temperature`. */
    temperature: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const limit = Number(options.over);
/** Sequences whose log-probs are computed in one call. */
const rowsAtOnce = 256;

/** Segments by the version that wrote them, each with all tokens up to its end. */
async function segmentsByVersion() {
  const byVersion = new Map();
  for (const { trajectory, segment, from } of await readSegments()) {
    const { promptTokens, segments } = trajectory;
    const response = segments.flatMap(({ tokens }) => [...tokens]).slice(0, from + segment.tokens.length);
    const tokens = Int32Array.from([...promptTokens, ...response]);
    const mask = new Uint8Array(tokens.length).fill(1, promptTokens.length + from);
    const made = byVersion.get(segment.policyVersion) ?? [];
    made.push({ trajectory, segment, from, row: { tokens, mask } });
    byVersion.set(segment.policyVersion, made);
  }
  return [...byVersion].sort(([a], [b]) => a - b);
}

async function readSegments() {
  return withStore(options.data, async (store) => {
    const found = [];
    for await (const { summary } of store.trajectories(options.run)) {
      const trajectory = await store.trajectory(summary.id);
      let from = 0;
      for (const segment of trajectory.segments) {
        if (segment.tokens.length > 0) found.push({ trajectory, segment, from });
        from += segment.tokens.length;
      }
    }
    return found;
  });
}

/** The differences of a segment's own tokens. */
function differencesOf({ row, segment }, computed) {
  const first = row.tokens.length - segment.tokens.length;
  return Array.from(segment.logProbs, (logProb, i) => Math.abs(logProb - computed[first + i]));
}

function describe({ trajectory, segment, from }, differences) {
  const { actorId, iteration, index, meter, endReason } = segment;
  const far = (difference) => difference > limit;
  return {
    trajectory: trajectory.id,
    ...{ segment: index, iteration, actor: actorId, endReason },
    startedAt: new Date(meter.startedAtMs).toISOString(),
    milliseconds: meter.endedAtMs - meter.startedAtMs,
    ...{ promptPrefilled: meter.promptTokens, reprefilled: meter.reprefillTokens, responseBefore: from },
    tokens: differences.length,
    tokensOff: differences.filter(far).length,
    firstOff: differences.findIndex(far),
    lastOff: differences.findLastIndex(far),
    max: short(Math.max(...differences)),
  };
}

function report(kind, figures) {
  if (options.json) process.stdout.write(`${JSON.stringify({ kind, ...figures })}\n`);
  else
    process.stdout.write(
      `${kind}: ${Object.entries(figures)
        .map(([key, value]) => `${key} ${value}`)
        .join(', ')}\n`,
    );
}

async function compareVersion(version, segments) {
  const folder = join(options.data, 'policies', options.run, `${version}`);
  const opened = await TrainingEngine.open(folder, {
    threads: Number(options.threads),
    maxTokensPerMicroBatch: 2048,
  }).catch((error) => error);
  if (opened instanceof Error) {
    report('version', { version, segments: segments.length, leftOut: opened.message });
    return 0;
  }
  const total = { tokens: 0, max: 0, sum: 0, segmentsOff: 0 };
  for (let begin = 0; begin < segments.length; begin += rowsAtOnce) {
    const part = segments.slice(begin, begin + rowsAtOnce);
    const { logProbs } = await opened.logProbs(
      part.map(({ row }) => row),
      { temperature: Number(options.temperature) },
    );
    for (const [i, made] of part.entries()) {
      const differences = differencesOf(made, logProbs[i]);
      const max = Math.max(...differences);
      total.tokens += differences.length;
      total.sum += differences.reduce((sum, difference) => sum + difference, 0);
      total.max = Math.max(total.max, max);
      if (max <= limit) continue;
      total.segmentsOff++;
      report('segment', { version, ...describe(made, differences) });
    }
  }
  await opened.dispose();
  const { tokens, max, sum, segmentsOff } = total;
  report('version', {
    version,
    segments: segments.length,
    tokens,
    max: short(max),
    mean: short(sum / tokens),
    segmentsOff,
  });
  return segmentsOff;
}

let off = 0;
for (const [version, segments] of await segmentsByVersion()) off += await compareVersion(version, segments);
process.exitCode = off > 0 ? 1 : 0;
