/** What can stand where in a command line of `segue`: read off the commands themselves. It knows no shell. */
import type { Command } from 'commander';

export interface Word {
  readonly text: string;
  readonly about: string;
}

/** What may follow after a command. */
export interface Place {
  /** Names from the program down, without the program: `store verify`; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly Word[];
  readonly options: readonly Word[];
  /** Values of options that take one of a few. */
  readonly choices: readonly { readonly option: string; readonly values: readonly string[] }[];
}

export function placesOf(program: Command): Place[] {
  return placesBelow(program, []);
}

function placesBelow(command: Command, path: readonly string[]): Place[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).filter((sub) => sub.name() !== 'help');
  const options = help.visibleOptions(command);
  const place = {
    path: path.join(' '),
    commands: commands.map((sub) => ({ text: sub.name(), about: sub.description() })),
    options: options.map((option) => ({ text: option.long ?? option.short ?? '', about: option.description })),
    choices: options.flatMap(({ long, argChoices }) =>
      long && argChoices ? [{ option: long, values: argChoices }] : [],
    ),
  };
  return [place, ...commands.flatMap((sub) => placesBelow(sub, [...path, sub.name()]))];
}
