/**
 * The container engine of this machine, if there is one: its command, compose in the form that is installed, and what a test looks at in containers.
 * It knows nothing of Segue.
 */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const maxBuffer = 64 * 1024 * 1024;

/** Output of `docker ARGS`; rejects with what it said when it fails. */
export async function docker(args: readonly string[], options: { readonly cwd?: string } = {}): Promise<string> {
  const { stdout } = await run('docker', [...args], { ...options, maxBuffer });
  return stdout.trim();
}

/** `docker compose`, or docker-compose 1.29 with the same flags; null where neither is installed. */
export function findCompose(): readonly string[] | null {
  const forms = [['docker', 'compose'], ['docker-compose']];
  return forms.find(([command = '', ...rest]) => spawnSync(command, [...rest, 'version']).status === 0) ?? null;
}

/** Why nothing can be run in containers here; null when it can. */
export function whyNoDocker(): string | null {
  const engine = spawnSync('docker', ['info', '--format', '{{.OSType}} {{.ServerVersion}}'], { encoding: 'utf8' });
  if (engine.error) return 'no docker on PATH';
  if (engine.status !== 0 || !engine.stdout.startsWith('linux ')) return 'no docker engine answers';
  return findCompose() === null ? 'neither docker compose nor docker-compose is installed' : null;
}

export interface Project {
  readonly folder: string;
  readonly name: string;
  /** Settings of the compose file. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Output of `docker compose ARGS` on a project. */
export async function compose(project: Project, ...args: readonly string[]): Promise<string> {
  const [command = '', ...rest] = findCompose() ?? [];
  // The newer one would draw over the lines.
  const env = { ...process.env, ...project.environment, COMPOSE_PROJECT_NAME: project.name, COMPOSE_ANSI: 'never' };
  const { stdout } = await run(command, [...rest, ...args], { cwd: project.folder, env, maxBuffer });
  return stdout.trim();
}

/** Ids of a service's containers, stopped ones too, in order of their numbers. */
export async function containersOf(project: Project, service: string): Promise<string[]> {
  const filters = [`project=${project.name}`, `service=${service}`, 'oneoff=False'];
  const args = filters.flatMap((one) => ['--filter', `label=com.docker.compose.${one}`]);
  const listed = await docker(['ps', '--all', '--format', '{{.Names}} {{.ID}}', ...args]);
  return listed === ''
    ? []
    : listed
        .split('\n')
        .sort()
        .map((line) => line.split(' ')[1] ?? '');
}

/** `running healthy`, `exited`, `running starting`. */
export function stateOf(container: string): Promise<string> {
  const health = '{{if .State.Health}} {{.State.Health.Status}}{{end}}';
  return docker(['inspect', '--format', `{{.State.Status}}${health}`, container]);
}

/** Asks until the answer is the wanted one. */
export async function until(what: string, timeoutMs: number, ask: () => Promise<boolean>): Promise<void> {
  const deadlineAtMs = performance.now() + timeoutMs;
  while (!(await ask())) {
    if (performance.now() > deadlineAtMs) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await new Promise((done) => setTimeout(done, 250));
  }
}

/** What must be gone when a project has been taken down: its containers, volumes and networks. */
export async function leftOf(project: Project): Promise<string[]> {
  const label = ['--filter', `label=com.docker.compose.project=${project.name}`];
  const lists = await Promise.all([
    docker(['ps', '--all', '--quiet', ...label]),
    docker(['volume', 'ls', '--quiet', ...label]),
    docker(['network', 'ls', '--quiet', ...label]),
  ]);
  return lists.flatMap((list) => (list === '' ? [] : list.split('\n')));
}
