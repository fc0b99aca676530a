/**
 * `segue up`: a local cluster without a run, for clients in other processes, until Ctrl-C.
 */
import { once } from 'node:events';
import { resolve } from 'node:path';
import { SegueError, serviceNames } from '@segue/core';
import type { Command } from 'commander';
import { defaultClusterOptions } from '../cluster/local-cluster.js';
import { withLocalCluster } from '../run/with-cluster.js';
import { collect, wholeNumber } from './options.js';
import { addExamples, jsonOption, print } from './output.js';

interface UpFlags {
  readonly data: string;
  readonly actors: number;
  readonly set: readonly string[];
  readonly secure?: boolean;
  readonly json?: boolean;
}

export function addUpCommand(program: Command): void {
  const command = program
    .command('up')
    .description('start a local cluster for clients, without a run; Ctrl-C ends it')
    .option('--data <folder>', 'folder of all data', '.segue')
    .option('--actors <n>', 'rollout actors', wholeNumber(0), 2)
    .option('--set <service.key=value>', 'any key of a service, such as reward.timeoutMs=30000', collect, [])
    .option('--secure', 'certificates, tokens and users of the message server on this machine too; see SECURITY.md')
    .option(...jsonOption)
    .action(async (flags: UpFlags) => {
      process.exitCode = await up(flags);
    });
  addExamples(
    command,
    'segue up',
    'segue up --actors 4 --set actor.slots=16 --set reward.timeoutMs=30000',
    'segue up --json | head -1',
  );
}

/** @returns 130: it ends by an interrupt alone */
async function up(flags: UpFlags): Promise<number> {
  const { actors, secure = false } = flags;
  const tell = (text: string) => void process.stderr.write(`${text}\n`);
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
