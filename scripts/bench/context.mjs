/**
 * Time and memory against the length of the context: `npm run bench -- context [--rollout 1024,...,131072] [--blocks 1024,...,32768]
 * [--plain 1024,...,8192] [--threads 1] [--json] [--write]`. A list may be empty: `--plain ''`. The model is small (0.8 million parameters).
 *
 * rollout  the last segment of a trajectory that has grown to the length: all tokens before it are prefilled again (a resumed segment's cost),
 *          then 64 are generated at that context. The earlier tokens are made up, not generated: speed does not depend on what they are.
 * blocks   a training step over one row of the length, by the graph that computes in blocks
 * plain    the same by the plain graph
 *
 * Times are CPU seconds. Each point runs in a process of its own. `--write` puts the points into docs/data/long-contexts.json, in the place of earlier ones of the same
 * kind and length, and draws docs/pictures/long-contexts.svg from all that the file then has; so the bench can be run in pieces.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { short } from './lib/alternate.mjs';
import { drawCurves, lengthName } from './lib/curve-picture.mjs';

const { values: options } = parseArgs({
  options: {
    rollout: { type: 'string', default: '1024,2048,4096,8192,16384,32768,65536,131072' },
    blocks: { type: 'string', default: '1024,2048,4096,8192,16384,32768' },
    plain: { type: 'string', default: '1024,2048,4096,8192' },
    threads: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

const kinds = ['rollout', 'blocks', 'plain'];
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const dataPath = at('../../docs/data/long-contexts.json');
const picturePath = at('../../docs/pictures/long-contexts.svg');
const mebibyte = 2 ** 20;
const run = promisify(execFile);

async function measure(kind, tokens) {
  const { stdout } = await run(process.execPath, [
    at('./lib/context-point.mjs'),
    kind,
    String(tokens),
    options.threads,
  ]);
  return JSON.parse(stdout, (_, value) =>
    typeof value === 'number' && !Number.isInteger(value) ? short(value) : value,
  );
}

function say(point) {
  const { kind, tokens, baseBytes, peakBytes } = point;
  const time =
    kind === 'rollout'
      ? `prefilled again in ${point.prefillSeconds} s (${Math.round(point.prefillTokensPerSecond)} tokens/s), then ${Math.round(point.decodeTokensPerSecond)} tokens/s`
      : `${point.stepSeconds} s per step`;
  const memory = `peak ${Math.round(peakBytes / mebibyte)} MiB (${Math.round(baseBytes / mebibyte)} before)`;
  return `${kind.padEnd(8)} ${lengthName(tokens).padStart(5)}  ${time}, ${memory}`;
}

const measured = [];
for (const kind of kinds) {
  for (const tokens of options[kind].split(',').filter(Boolean).map(Number)) {
    const point = await measure(kind, tokens);
    measured.push(point);
    process.stdout.write(`${options.json ? JSON.stringify(point) : say(point)}\n`);
  }
}
if (options.write) await write();

async function write() {
  const known = JSON.parse(await readFile(dataPath, 'utf8').catch(() => '{"points":[]}'));
  const key = ({ kind, tokens }) => `${kind} ${tokens}`;
  const fresh = new Set(measured.map(key));
  const points = [...known.points.filter((point) => !fresh.has(key(point))), ...measured].sort(
    (a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || a.tokens - b.tokens,
  );
  const data = {
    about: 'Time and memory against the length of the context, model of 0.8 million parameters',
    command: 'npm run bench -- context --write',
    processor: `${cpus()[0].model.trim()}, ${options.threads} of ${cpus().length} cores`,
    points,
  };
  for (const path of [dataPath, picturePath]) await mkdir(dirname(path), { recursive: true });
  await writeFile(dataPath, `${JSON.stringify(data, null, 2)}\n`);
  await writeFile(picturePath, draw(points));
}

function draw(points) {
  const curve = (kind, of, color, text) => ({
    color,
    text,
    points: points.filter((point) => point.kind === kind).map((point) => ({ x: point.tokens, y: of(point) })),
  });
  const colors = { blocks: '#1b6ca8', plain: '#e0912f', again: '#2a8f5b', decode: '#8a5aa8' };
  const peak = (point) => point.peakBytes / mebibyte;
  const panels = [
    {
      title: 'Training step over one row, CPU seconds',
      yName: (tick) => `${short(tick)} s`,
      curves: [
        curve('blocks', (p) => p.stepSeconds, colors.blocks, 'in blocks'),
        curve('plain', (p) => p.stepSeconds, colors.plain, 'plain graph'),
      ],
    },
    {
      title: 'Training, peak memory of the process',
      yName: (tick) => `${tick} MiB`,
      curves: [curve('blocks', peak, colors.blocks, 'in blocks'), curve('plain', peak, colors.plain, 'plain graph')],
    },
    {
      title: 'Resumed segment: prefill of what was, CPU seconds',
      yName: (tick) => `${short(tick)} s`,
      curves: [curve('rollout', (p) => p.prefillSeconds, colors.again, 'seconds')],
    },
    {
      title: 'Rollout, peak memory of the process',
      yName: (tick) => `${tick} MiB`,
      curves: [curve('rollout', peak, colors.again, 'one row')],
    },
    {
      title: 'Generation at that context, one row',
      yName: (tick) => `${tick}/s`,
      curves: [curve('rollout', (p) => p.decodeTokensPerSecond, colors.decode, 'tokens per second')],
    },
  ];
  return drawCurves(
    'Long contexts: time and memory against length',
    panels.filter(({ curves }) => curves.some(({ points: own }) => own.length > 0)),
  );
}
