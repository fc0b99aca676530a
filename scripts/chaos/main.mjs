/** `npm run chaos`: reads the flags, runs, shows progress on stderr and the account on stdout. Exit code 1 when something is wrong. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos-run.mjs';
import { describeFault, killableKinds } from './schedule.mjs';

const usage = `npm run chaos -- [--kills N] [--seed S] [--json] [--iterations N] [--pause MS] [--lease MS] [--only KIND] [--data FOLDER]
  --kills       processes to kill with SIGKILL (default 30)
  --seed        decides faults and work (default 1)
  --json        one line of JSON on stdout at the end
  --iterations  of one run; another is begun when it ends before the last kill (default 20)
  --pause       mean time between two faults, in ms (default 3000)
  --lease       of rollout tasks, in ms (default 3000); about half of the pauses and silences last longer
  --only        one kind of process (actor, controller, trainer, reward, replay, nats) is killed, and nothing else is done
  --data        keeps all data and journals in this folder; a temporary one when left out`;

function readFlags() {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '30' },
      seed: { type: 'string', default: '1' },
      iterations: { type: 'string', default: '20' },
      pause: { type: 'string', default: '3000' },
      lease: { type: 'string', default: '3000' },
      only: { type: 'string' },
      data: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const number = (name) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < (name === 'seed' ? 0 : 1)) {
      throw new TypeError(`--${name} must be a whole number, not ${values[name]}`);
    }
    return value;
  };
  const only = values.only ?? null;
  if (only !== null && !killableKinds.includes(only)) throw new TypeError(`--only knows ${killableKinds.join(', ')}`);
  return {
    only,
    ...{ kills: number('kills'), seed: number('seed'), iterations: number('iterations') },
    ...{ meanPauseMs: number('pause'), leaseMs: number('lease') },
    ...{ data: values.data, json: values.json, help: values.help },
  };
}

const tell = (text) => void process.stderr.write(`${text}\n`);

function describe(result) {
  const { tokens, segments, faults, inFlight } = result;
  const kills = Object.entries(faults.kills).map(([name, count]) => `${name} ${count}`);
  const rows = [
    ['killed', `${faults.killed}: ${kills.join(', ')}`],
    [
      'beside that',
      `${faults.pauses} stopped, ${faults.cuts} cuts, ${faults.silences} silences, ${faults.slows} slow links`,
    ],
    ['runs', `${result.runs}, ${result.finished ? 'finished' : 'NOT finished'}, ${(result.ms / 1000).toFixed(0)} s`],
    [
      'tokens',
      `${tokens.committed} committed, ${tokens.lost} lost, ${tokens.duplicated} duplicated, ${tokens.unknown} unknown`,
    ],
    ['segments', `${segments.committed} committed, ${result.refused.segments} second tries refused`],
    [
      'generated again',
      `${result.again} tokens = ${inFlight.tokens} in flight in ${inFlight.kills} killed actors (at most ${inFlight.most}) + ${result.repeated} after a lost lease + ${result.dropped} cut`,
    ],
    ['longest time without a commit', `${(result.longestStandstillMs / 1000).toFixed(1)} s`],
    ...result.wrong.map((what) => ['WRONG', what]),
    ...Object.entries(result.places).flatMap(([kind, places]) => (places.length > 0 ? [[kind, places.join(' ')]] : [])),
  ];
  return rows.map(([name, text]) => `${name}: ${text}`).join('\n');
}

async function chaos() {
  const { data, json, help, ...options } = readFlags();
  if (help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const folder = data ?? (await mkdtemp(join(tmpdir(), 'segue-chaos-')));
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));
  tell(`chaos: seed ${options.seed}, ${options.kills} kills; processes and their journals in ${folder}`);
  const result = await runChaos({
    ...options,
    folder,
    longOutage: options.kills >= 100,
    signal: interrupted.signal,
    onFault: (fault, killed, seen, atMs) =>
      tell(
        `${(atMs / 1000).toFixed(1).padStart(7)} s  ${killed}/${options.kills}  ${describeFault(fault)}  (${seen.runId} ${seen.state}, ${seen.iterations} iterations done)`,
      ),
  });
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${describe(result)}\n`);
  // What went wrong can be read afterwards.
  if (data === undefined && result.ok) await rm(folder, { recursive: true });
  else tell(`data, logs and journals: ${folder}`);
  return result.ok ? 0 : 1;
}

try {
  process.exitCode = await chaos();
} catch (error) {
  tell(`chaos: ${error.message}`);
  if (error instanceof TypeError) tell(usage);
  process.exitCode = error instanceof TypeError ? 2 : 1;
}
