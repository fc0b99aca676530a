/**
 * Flags that several commands share, with one reading of each.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ClusterOptions } from '../cluster/local-cluster.js';
import type { RunCommand } from '../run/resume.js';
import { jsonOption } from './output.js';

export function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < minimum)
      throw new InvalidArgumentError(`must be a whole number from ${minimum}.`);
    return value;
  };
}

/** A flag that takes one value each time it is given, and gives a list. */
export function repeatedOption(flags: string, about: string): Option {
  return new Option(flags, `${about}; may be repeated`)
    .argParser((value, before: readonly string[]) => [...before, value])
    .default([], 'none');
}

export interface LocalRunFlags {
  readonly data: string;
  readonly actors?: number;
  readonly deployment: Deployment;
  readonly device: Device;
  readonly precision: Precision;
  readonly seed?: number;
  readonly iterations?: number;
  readonly control?: 'none' | 'random-reward';
  readonly partial: boolean;
  readonly set: readonly string[];
  readonly resume?: string | true;
  readonly json?: boolean;
  readonly secure?: boolean;
}

/** What a run does not remember, and the same command without the flag does not take. */
const clusterDefaults = { data: '.segue', deployment: 'disaggregated', device: 'cpu', precision: 'float32' } as const;

const deployments = ['disaggregated', 'colocated'] as const;
type Deployment = (typeof deployments)[number];
const devices = ['cpu', 'cuda'] as const;
type Device = (typeof devices)[number];
const precisions = ['float32', 'tf32', 'float16'] as const;
type Precision = (typeof precisions)[number];

function deploymentOption(): Option {
  const text = 'colocated: training and rollout take turns on one device, and each gives all memory back';
  return new Option('--deployment <kind>', text).choices(deployments).default(clusterDefaults.deployment);
}

function deviceOption(): Option {
  return new Option('--device <device>', 'what actors and trainer compute on')
    .choices(devices)
    .default(clusterDefaults.device);
}

function precisionOption(): Option {
  const text = 'arithmetic on cuda; the trainer keeps float32 where the actors take float16';
  return new Option('--precision <kind>', text).choices(precisions).default(clusterDefaults.precision);
}

/** What the dedicated flags say about the services of the local cluster. */
export function settingsOfFlags({ device, precision }: LocalRunFlags): ClusterOptions['settings'] {
  if (device === 'cpu' && precision === 'float32') return {};
  return {
    actor: [`device=${device}`, `precision=${precision}`],
    trainer: [`device=${device}`, `precision=${precision === 'float16' ? 'float32' : precision}`],
  };
}

/** How actors and trainer share what the machine has. */
export function deploymentOfFlags({ deployment, actors }: LocalRunFlags): Pick<ClusterOptions, 'actors' | 'colocated'> {
  const colocated = deployment === 'colocated';
  return { actors: actors ?? (colocated ? 1 : 2), colocated };
}

/** Flags of the commands that start a local cluster and run on it. */
export function addLocalRunFlags(command: Command): Command {
  return command
    .option('--data <folder>', 'folder of all data', clusterDefaults.data)
    .option('--actors <n>', 'rollout actors (default: 2; colocated: 1)', wholeNumber(1))
    .addOption(deploymentOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .option('--seed <n>', 'decides every random number of the run', wholeNumber(0))
    .option('--iterations <n>', 'iterations of rollout and training', wholeNumber(0))
    .addOption(new Option('--control <kind>', 'control experiment').choices(['none', 'random-reward']))
    .option('--no-partial', 'wait for every trajectory instead of partial rollouts')
    .addOption(repeatedOption('--set <key=value>', 'any key of the run configuration, such as train.learningRate=5e-5'))
    .option('--resume [run]', 'go on with the newest unfinished run of this name, or the one given')
    .option('--secure', 'certificates, tokens and users of the message server on this machine too; see SECURITY.md')
    .option(...jsonOption);
}

/** What the dedicated flags say, as keys of the run configuration. */
export function configOfFlags(flags: LocalRunFlags): unknown {
  return {
    ...(flags.seed !== undefined && { seed: flags.seed }),
    ...(flags.iterations !== undefined && { iterations: flags.iterations }),
    ...(flags.control !== undefined && { control: flags.control }),
    ...(!flags.partial && { rollout: { partial: false } }),
  };
}

/** The command that goes on with a run: where its data is and what its cluster is made of, since the run itself is remembered. */
export function resumeLine(command: RunCommand, runId: string, flags: LocalRunFlags): string {
  const { actors, secure } = flags;
  const names = ['data', 'deployment', 'device', 'precision'] as const;
  const changed = names.filter((name) => flags[name] !== clusterDefaults[name]);
  return [
    `segue ${command} --resume ${runId}`,
    ...changed.map((name) => `--${name} ${quote(flags[name])}`),
    ...(actors === undefined ? [] : [`--actors ${actors}`]),
    ...(secure ? ['--secure'] : []),
  ].join(' ');
}

/** As one word for a shell. */
function quote(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
