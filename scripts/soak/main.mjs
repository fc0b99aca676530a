/** `npm run soak`: reads the flags, runs, shows progress on stderr and the judgement on stdout. Exit code 1 when something does not stay level. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fewestSamples, tolerance } from './judge.mjs';
import { runSoak } from './soak.mjs';

const usage = `npm run soak -- [--minutes N] [--iterations N] [--pace N] [--seed S] [--patience SECONDS] [--json] [--data FOLDER]
  --minutes     of work (default 60)
  --iterations  of one run (default 30)
  --pace        iterations in a minute, so that each quarter of the time has the same work: a run is begun when the time of the one before is over, or
                at its end if it takes longer (default 20; 0: always at its end)
  --seed        decides the five pieces of work that come again and again (default 1)
  --patience    seconds after which it has failed when a run cannot be begun, or no iteration ends (default 300)
  --json        one line of JSON on stdout at the end
  --data        keeps all data, and the samples in samples.jsonl, in this folder; a temporary one when left out`;

function readFlags() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '60' },
      iterations: { type: 'string', default: '30' },
      pace: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      patience: { type: 'string', default: '300' },
      data: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const number = (name, least) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= least) return value;
    throw new TypeError(`--${name} must be a whole number of at least ${least}, not ${values[name]}`);
  };
  const { data, json, help } = values;
  return {
    minutes: number('minutes', 1),
    iterations: number('iterations', 1),
    pace: number('pace', 0),
    seed: number('seed', 0),
    stuckAfterMs: 1000 * number('patience', 1),
    data,
    json,
    help,
  };
}

const tell = (text) => void process.stderr.write(`${text}\n`);
const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** On a terminal one line that is written over; else a line for every tenth sample. */
function progress(minutes) {
  let count = 0;
  return ({ atMs, runId, iterations, sample }) => {
    const processes = Object.values(sample.processes);
    const sum = (key) => processes.reduce((total, one) => total + one[key], 0);
    const line = `${(atMs / 60_000).toFixed(1)} of ${minutes} min  ${runId}, ${iterations} iterations done  ${sum('handles')} handles, ${mebibytes(sum('ownBytes'))} in ${processes.length} processes`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
    else if (count++ % 10 === 0) tell(line);
  };
}

function describe({ runs, pace, late, samples, verdicts, grew, failed }) {
  const size = ({ what }, value) => (what === 'handles' ? value.toFixed(1) : mebibytes(value));
  const isJudged = ({ second }) => second !== null;
  const mark = (verdict) => {
    if (verdict.told) return '      ';
    if (verdict.ok) return 'good  ';
    return isJudged(verdict) ? 'RISES ' : 'FEW   ';
  };
  const levels = (verdict) => {
    if (!isJudged(verdict))
      return `${verdict.samples} samples are no judgement: at least ${fewestSamples}, some of them in either quarter`;
    const limit = verdict.limit === undefined ? '' : `, limit ${mebibytes(verdict.limit)}`;
    return `${size(verdict, verdict.second)} -> ${size(verdict, verdict.last)} (x ${verdict.ratio.toFixed(3)}${limit})`;
  };
  const rows = verdicts.map((verdict) =>
    [mark(verdict), verdict.process.padEnd(22), verdict.what.padEnd(26), levels(verdict)].join(' '),
  );
  const kept = Object.entries(grew).map(([name, bytes]) => `${name} ${mebibytes(bytes)}`);
  const held = pace === 0 ? 'as fast as they end' : `${pace} iterations a minute, ${late} took longer`;
  return [
    `${runs} runs (${held}), ${samples} samples; second quarter -> last quarter, at most ${tolerance * 100} % more`,
    ...rows,
    `kept on purpose, and not judged, grew: ${kept.join(', ')}`,
    failed.length === 0 ? 'everything stays level' : `does not stay level, or cannot be judged: ${failed.join(', ')}`,
  ].join('\n');
}

async function soak() {
  const { data, json, help, ...options } = readFlags();
  if (help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const folder = data ?? (await mkdtemp(join(tmpdir(), 'segue-soak-')));
  tell(`soak: ${options.minutes} minutes, seed ${options.seed}; data, logs and samples in ${folder}`);
  const show = progress(options.minutes);
  const result = await runSoak({ ...options, folder, tell, onSample: show });
  if (process.stderr.isTTY) tell('');
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${describe(result)}\n`);
  const ok = result.failed.length === 0;
  // What went wrong can be read afterwards.
  if (data === undefined && ok) await rm(folder, { recursive: true });
  else tell(`data, logs and samples: ${folder}`);
  return ok ? 0 : 1;
}

try {
  process.exitCode = await soak();
} catch (error) {
  tell(`soak: ${error.message}`);
  if (error instanceof TypeError) tell(usage);
  process.exitCode = error instanceof TypeError ? 2 : 1;
}
