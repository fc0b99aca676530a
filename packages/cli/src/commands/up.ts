/**
 * `segue up`: a cluster without a run, for clients: processes of this machine until Ctrl-C, or, with --compose, containers that stay until `segue down`.
 */
import { once } from 'node:events';
import { resolve } from 'node:path';
import { SegueError, serviceNames } from '@segue/core';
import type { Command } from 'commander';
import { defaultClusterOptions } from '../cluster/local-cluster.js';
import { composeUp } from '../compose/compose-cluster.js';
import { withLocalCluster } from '../run/with-cluster.js';
import { repeatedOption, wholeNumber } from './options.js';
import { addExamples, jsonOption, print } from './output.js';

interface UpFlags {
  readonly data: string;
  readonly actors: number;
  readonly set: readonly string[];
  readonly secure?: boolean;
  readonly compose?: boolean;
  readonly gpu?: boolean;
  readonly grafana?: boolean;
  readonly build?: boolean;
  readonly timeout: number;
  readonly json?: boolean;
}

const tell = (text: string) => void process.stderr.write(`${text}\n`);

export function addUpCommand(program: Command): void {
  const command = program
    .command('up')
    .description('start a cluster for clients, without a run: on this machine until Ctrl-C, or in containers')
    .option('--data <folder>', 'folder of all data', '.segue')
    .option('--actors <n>', 'rollout actors', wholeNumber(0), 2)
    .addOption(repeatedOption('--set <service.key=value>', 'any key of a service, such as reward.timeoutMs=30000'))
    .option('--secure', 'certificates, tokens and users of the message server on this machine too; see SECURITY.md')
    .option('--compose', 'in containers, with Prometheus, until segue down --compose: deploy/docker-compose.yml')
    .option('--gpu', 'with --compose: actors and trainer on NVIDIA devices')
    .option('--grafana', 'with --compose: Grafana too')
    .option('--build', 'with --compose: build the image though there is one')
    .option('--timeout <s>', 'with --compose: until every container is healthy', wholeNumber(1), 300)
    .option(...jsonOption)
    .action(async (flags: UpFlags) => {
      process.exitCode = await (flags.compose ? upInContainers(flags) : up(flags));
    });
  addExamples(
    command,
    'segue up',
    'segue up --actors 4 --set actor.slots=16 --set reward.timeoutMs=30000',
    'segue up --json | head -1',
    'segue up --compose --actors 4',
  );
}

/** @returns 130: it ends by an interrupt alone */
async function up(flags: UpFlags): Promise<number> {
  const { actors, secure = false } = flags;
  for (const name of ['gpu', 'grafana', 'build'] as const)
    if (flags[name]) throw new SegueError('INVALID_CONFIG', `--${name} needs --compose`);
  tell('starting the cluster');
  const options = {
    ...defaultClusterOptions,
    dataFolder: resolve(flags.data),
    actors,
    secure,
    settings: settingsByService(flags.set),
  };
  return withLocalCluster(options, tell, async ({ cluster, interrupt }) => {
    const page = `http://${cluster.child('controller').address.metricsAddress}`;
    print(flags, { controller: cluster.controllerAddress, page }, () =>
      [`controller ${cluster.controllerAddress}`, `page       ${page}`, 'Ctrl-C ends it'].join('\n'),
    );
    if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort');
    if (!interrupt.requested) throw SegueError.from(interrupt.signal.reason);
    return 130;
  });
}

/** @returns 0: it goes on without this process */
async function upInContainers(flags: UpFlags): Promise<number> {
  if (flags.set.length > 0) {
    throw new SegueError('INVALID_CONFIG', '--set is for processes of this machine: containers are set by deploy/.env');
  }
  const { data, actors, gpu = false, grafana = false, build = false, timeout } = flags;
  const options = { dataFolder: resolve(data), actors, gpu, grafana, build, timeoutMs: timeout * 1_000 };
  const state = await composeUp(options, tell);
  const lines = Object.entries(state).filter(([, address]) => address !== null);
  print(flags, state, () => lines.map(([name, address]) => `${name} ${address}`).join('\n'));
  return 0;
}

/** `reward.timeoutMs=1` by service. */
function settingsByService(settings: readonly string[]): Record<string, string[]> {
  const byService: Record<string, string[]> = {};
  for (const setting of settings) {
    const dot = setting.indexOf('.');
    const service = serviceNames.find((name) => name === setting.slice(0, dot));
    if (service === undefined) {
      throw new SegueError(
        'INVALID_CONFIG',
        `--set ${setting}: begin with one of ${serviceNames.join(', ')}, as in actor.slots=16`,
      );
    }
    byService[service] = [...(byService[service] ?? []), setting.slice(dot + 1)];
  }
  return byService;
}
