/**
 * Runs the real `segue` command as a process of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../packages/cli/dist/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** @param wrapper command, with its arguments, that starts the process in place of the test */
export function startSegue(
  args: readonly string[],
  onLine: (line: string) => void = () => {},
  wrapper: readonly string[] = [],
): Running {
  const [command = process.execPath, ...rest] = [...wrapper, process.execPath, entry, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  let unfinished = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.stdout += text;
    const lines = (unfinished + text).split('\n');
    unfinished = lines.pop() ?? '';
    lines.forEach(onLine);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...texts }));
  });
  return { process: child, ended };
}

export function runSegue(...args: readonly string[]): Promise<Ended> {
  return startSegue(args).ended;
}
