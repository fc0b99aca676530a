/**
 * Small helpers around child processes for the developer scripts: where the repository is, how to speak to the person,
 * how to run a command. Plain Node, since it runs before any package is installed. It knows nothing of Segue itself.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** A failure that a person can mend: its message is shown alone, without a stack trace. */
export class Refusal extends Error {}

/** Says one line on stderr; stdout belongs to the program that the script starts. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs a command to its end and never throws for what the command does.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{cwd?: string, env?: Record<string, string>, timeoutMs?: number}} options `env` is laid over the own environment
 * @returns {Promise<{ok: boolean, code: number | null, output: string}>} `output` is stdout and stderr, as they came
 */
export function run(command, args, options = {}) {
  return new Promise((settle) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Not spawn's own timeout: that keeps the script alive when the command does not exist.
    const timer =
      options.timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), options.timeoutMs);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (data) => {
      output += data;
    });
    child.stderr.setEncoding('utf8').on('data', (data) => {
      output += data;
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      settle({ ok: false, code: null, output: error.message });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (signal !== null) output += `\n${command} was ended by ${signal}`;
      settle({ ok: code === 0, code, output });
    });
  });
}

/**
 * Runs a command on the person's own terminal and keeps its exit code. The command hears each signal once: on a terminal,
 * Ctrl-C reaches it without help, so the script only waits; without one, a SIGINT that came to the script alone is passed
 * on. SIGTERM and SIGHUP are always passed on.
 *
 * @param {((text: string) => void) | undefined} onOutput takes what the command writes to stdout, instead of the terminal
 * @returns {Promise<number>} the exit code; 128 + signal number when a signal ended the command
 */
export function runInForeground(command, args, env = {}, onOutput = undefined) {
  return new Promise((settle, fail) => {
    const stdio = ['inherit', onOutput === undefined ? 'inherit' : 'pipe', 'inherit'];
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio });
    child.stdout?.setEncoding('utf8').on('data', onOutput);
    const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    const passedOn = new Set();
    const passOn = (signal) => {
      if (signal === 'SIGINT' && onTerminal) return;
      // npm repeats a signal that the whole process group has had already.
      if (passedOn.has(signal)) return;
      passedOn.add(signal);
      setTimeout(() => passedOn.delete(signal), 1000).unref();
      child.kill(signal);
    };
    for (const signal of handledSignals) process.on(signal, passOn);
    const finish = (result) => {
      for (const signal of handledSignals) process.off(signal, passOn);
      result();
    };
    child.on('error', (error) => finish(() => fail(error)));
    child.on('close', (code, signal) => finish(() => settle(code ?? 128 + (constants.signals[signal] ?? 0))));
  });
}

const handledSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** Runs a script's main function: a refusal becomes one message and exit code 1, a bug keeps its stack. */
export async function main(action) {
  try {
    process.exitCode = (await action()) ?? 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

/** The last lines of a command's output, for a message. */
export function lastLines(output, count = 12) {
  return output.trimEnd().split('\n').slice(-count).join('\n');
}
