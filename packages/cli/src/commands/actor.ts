/**
 * `segue actor`: one more rollout actor beside a running cluster, and one less. Who joins learns from the registry where the others are, and from the bus
 * which version is served and which iteration is open; who leaves saves what it was generating.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { isId, memorySettings, SegueError } from '@segue/core';
import { type Command, Option } from 'commander';
import { closeFiles } from '../cluster/closed-folder.js';
import { findJoinPlace, requireNoSecret } from '../cluster/join-place.js';
import { readServiceReady } from '../cluster/local-cluster.js';
import { LogFile } from '../cluster/log-file.js';
import { serviceEntry } from '../cluster/service-process.js';
import { passOn } from '../view/gone-readers.js';
import { addConnectFlags, type ConnectFlags, withClient } from './connect.js';
import { repeatedOption } from './options.js';
import { addExamples, jsonOption, print } from './output.js';

interface JoinFlags {
  readonly data: string;
  readonly nats?: string;
  readonly id: string;
  readonly set: readonly string[];
  readonly json?: boolean;
}

export function addActorCommand(program: Command): void {
  const command = program.command('actor').description('rollout actors that come and go while a cluster runs');
  const joins = command
    .command('join')
    .description('start one more actor; Ctrl-C or SIGTERM makes it save what it generates and leave')
    .option('--data <folder>', 'folder of the local cluster, and of this actor', '.segue')
    .option('--nats <url>', 'message server of another cluster; SEGUE_NATS_URL where none runs in the folder')
    .addOption(
      new Option('--id <id>', 'its name in logs, metrics and the registry').default(
        `joined-${process.pid}`,
        'joined- and the number of the process',
      ),
    )
    .addOption(repeatedOption('--set <key=value>', 'any key of the actor, such as slots=16'))
    .option(...jsonOption)
    .action(async (flags: JoinFlags) => {
      process.exitCode = await join(flags);
    });
  addExamples(joins, 'segue actor join --set slots=16', 'segue actor join --nats nats://10.0.0.5:4222 --id gpu-7');
  const drains = command
    .command('drain <id>')
    .description('have an actor save what it generates and take no more work; its process stays, and evaluates');
  addConnectFlags(drains).action(drain);
  addExamples(drains, 'segue actor drain actor-1', 'segue actor drain gpu-7 --controller 10.0.0.5:7400 --json');
}

/** Lives as long as the actor does; answers its exit code. */
async function join(flags: JoinFlags): Promise<number> {
  const data = resolve(flags.data);
  for (const setting of flags.set) {
    if (setting.startsWith('natsUrl=')) requireNoSecret('--set natsUrl', setting.slice('natsUrl='.length));
  }
  const place = await findJoinPlace(data, flags.nats, process.env.SEGUE_NATS_URL);
  if (!isId(flags.id))
    throw new SegueError('INVALID_CONFIG', `--id must be made of [a-z0-9-], got ${JSON.stringify(flags.id)}`);
  if (place.isSecure) await closeFiles(data);
  const settings = [`dataFolder=${data}`, ...place.settings, ...flags.set];
  const args = [
    '--id',
    flags.id,
    '--port',
    '0',
    '--metrics-port',
    '0',
    '--stop-on-stdin-end',
    ...settings.flatMap((one) => ['--set', one]),
  ];
  // Where it cannot be made nothing is logged.
  if (place.isLocal) await mkdir(resolve(data, 'logs'), { recursive: true }).catch(() => undefined);
  // A group of its own: a Ctrl-C in the terminal reaches this process, which passes it on once. It leaves by itself when this process is gone.
  const child = spawn(process.execPath, [serviceEntry('actor'), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: environmentOf(place.natsUrl),
  });
  const log = place.isLocal ? new LogFile(resolve(data, 'logs', `${flags.id}.log`)) : null;
  if (log === null) passOn(child.stderr, process.stderr);
  else createInterface(child.stderr).on('line', (line) => log.write(line));
  createInterface(child.stdout).on('line', (line) => {
    const ready = readServiceReady(line);
    if (ready) print(flags, { id: flags.id, ...ready }, () => `${flags.id} has joined at ${ready.address}`);
  });
  const leave = () => void child.kill('SIGTERM');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, leave);
  try {
    const [code] = await once(child, 'close');
    return typeof code === 'number' ? code : 1;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, leave);
    await log?.close();
  }
}

/** Not among the arguments, which everybody on the machine can read: a password may stand in the URL. A client's token is the client's alone. */
function environmentOf(natsUrl: string): NodeJS.ProcessEnv {
  const own = { SEGUE_NATS_URL: natsUrl, SEGUE_ACTOR_NATS_URL: undefined, SEGUE_TOKEN: undefined };
  return { ...process.env, ...memorySettings(process.env), ...own };
}

async function drain(id: string, flags: ConnectFlags): Promise<void> {
  await withClient(flags, async (client) => {
    const status = await client.drainActor(id);
    print(flags, status, () => `${id} holds nothing any more and takes no work`);
  });
}
