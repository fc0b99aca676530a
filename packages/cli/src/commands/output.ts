/**
 * What commands print: with --json one JSON object per line on stdout and nothing else there, else text for people. And the examples below a command's help.
 */
import type { Command } from 'commander';

export interface JsonFlag {
  readonly json?: boolean;
}

export const jsonOption = ['--json', 'one JSON object per line on stdout, and nothing else'] as const;

export function print(flags: JsonFlag, value: object, text: () => string): void {
  process.stdout.write(`${flags.json ? JSON.stringify(value) : text()}\n`);
}

/** A list: a line each. @param none what people read when there is nothing */
export function printEach<T extends object>(
  flags: JsonFlag,
  values: readonly T[],
  text: (value: T) => string,
  none: string,
): void {
  const lines = values.map((value) => (flags.json ? JSON.stringify(value) : text(value)));
  if (lines.length === 0 && !flags.json) lines.push(none);
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

/** Below the help; each is a line that can be run. */
export function addExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`);
}
