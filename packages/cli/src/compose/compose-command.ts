/**
 * The compose command of this machine, in whichever form is installed, on the file in deploy/. It knows containers and nothing of what runs in them.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SegueError } from '@segue/core';
import type { StartedContainer } from './renewed.js';

const run = promisify(execFile);
/** Far more than a log that is rotated holds of one container. */
const maxOutputBytes = 256 * 2 ** 20;
const folder = fileURLToPath(new URL('../../../../deploy', import.meta.url));
const forms: readonly (readonly [string, ...string[]])[] = [['docker', 'compose'], ['docker-compose']];

export class ComposeCommand {
  readonly #form: readonly [string, ...string[]];
  readonly #profiles: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(
    form: readonly [string, ...string[]],
    profiles: readonly string[],
    environment: NodeJS.ProcessEnv,
  ) {
    this.#form = form;
    this.#profiles = profiles.flatMap((name) => ['--profile', name]);
    this.#environment = environment;
  }

  /** UNAVAILABLE where neither form is installed. @param settings of docker-compose.yml, over those of the environment and of deploy/.env */
  static async find(profiles: readonly string[], settings: Readonly<Record<string, string>>): Promise<ComposeCommand> {
    for (const form of forms) {
      const [command, ...rest] = form;
      const found = await run(command, [...rest, 'version']).then(
        () => true,
        () => false,
      );
      if (found) return new ComposeCommand(form, profiles, { ...process.env, ...settings });
    }
    throw new SegueError('UNAVAILABLE', 'neither docker compose nor docker-compose is installed, or no Docker on PATH');
  }

  /** Runs with its output on stderr. UNAVAILABLE when it fails: what went wrong stands there already. */
  async show(...args: readonly string[]): Promise<void> {
    const [command, ...rest] = this.#form;
    const child = spawn(command, [...rest, ...this.#profiles, ...args], {
      cwd: folder,
      env: this.#environment,
      stdio: ['ignore', 2, 2],
    });
    const [code] = await once(child, 'close');
    if (code !== 0) throw new SegueError('UNAVAILABLE', `${this.#form.join(' ')} ${args[0]} failed`);
  }

  /** Output of a question. */
  async ask(...args: readonly string[]): Promise<string> {
    const [command, ...rest] = this.#form;
    return answer(command, [...rest, ...this.#profiles, ...args], this.#environment);
  }

  /** `running healthy`, `running starting`, `exited 0` of every container of the project, by name. */
  async states(): Promise<ReadonlyMap<string, string>> {
    const ids = (await this.ask('ps', '--all', '--quiet')).split('\n').filter((id) => id !== '');
    const format =
      '{{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.ExitCode}}{{end}}';
    const text = ids.length === 0 ? '' : await answer('docker', ['inspect', '--format', format, ...ids]);
    const lines = text.split('\n').filter((line) => line !== '');
    return new Map(lines.map((line) => [line.split(' ')[0] ?? '', line.slice(line.indexOf(' ') + 1)]));
  }

  /** The containers that run. */
  async running(): Promise<StartedContainer[]> {
    const ids = (await this.ask('ps', '--quiet')).split('\n').filter((id) => id !== '');
    const format = '{{.State.Running}} {{index .Config.Labels "com.docker.compose.service"}} {{.State.StartedAt}}';
    const text = ids.length === 0 ? '' : await answer('docker', ['inspect', '--format', format, ...ids]);
    return text.split('\n').flatMap((line) => {
      const [isRunning, service = '', startedAt = ''] = line.split(' ');
      return isRunning === 'true' ? [{ service, startedAt }] : [];
    });
  }

  /** What a service's container has written to stdout, each line with its time; empty without a container. */
  async log(service: string): Promise<string> {
    const [id = ''] = (await this.ask('ps', '--all', '--quiet', service)).split('\n');
    return id === '' ? '' : answer('docker', ['logs', '--timestamps', id]);
  }

  /** Copies what lies in a container, running or not, with its volumes. */
  async copyFrom(service: string, from: string, to: string): Promise<void> {
    const [id = ''] = (await this.ask('ps', '--all', '--quiet', service)).split('\n');
    await answer('docker', ['cp', `${id}:${from}`, to]);
  }
}

async function answer(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  try {
    const { stdout } = await run(command, [...args], { cwd: folder, env, maxBuffer: maxOutputBytes });
    return stdout.trim();
  } catch (error) {
    throw new SegueError('UNAVAILABLE', `${command} failed: ${SegueError.from(error).rawMessage}`, error);
  }
}
