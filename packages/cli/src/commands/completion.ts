/** `segue completion`: the script with which a shell completes commands and options. */
import { Argument, type Command } from 'commander';
import { completionScript, type Shell, shells } from '../completion/scripts.js';
import { placesOf } from '../completion/words.js';
import { addExamples } from './output.js';

export function addCompletionCommand(program: Command): void {
  const command = program
    .command('completion')
    .description('print the script with which your shell completes segue')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .action((shell: Shell) => void process.stdout.write(completionScript(shell, placesOf(program))));
  addExamples(
    command,
    'source <(segue completion bash)        # in ~/.bashrc, to keep it',
    'source <(segue completion zsh)         # in ~/.zshrc, after compinit',
    'segue completion fish | source         # in ~/.config/fish/config.fish',
  );
}
