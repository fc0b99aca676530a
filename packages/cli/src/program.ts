/**
 * The commands of `segue`, put together.
 */
import { Command } from 'commander';
import { addActorCommand } from './commands/actor.js';
import { addCertsCommands } from './commands/certs.js';
import { addCompletionCommand } from './commands/completion.js';
import { addCredentialsCommand } from './commands/credentials.js';
import { addDeadLettersCommand } from './commands/dead-letters.js';
import { addDemoCommand } from './commands/demo.js';
import { addDownCommand } from './commands/down.js';
import { addExportCommand } from './commands/export.js';
import { addInspectCommands } from './commands/inspect.js';
import { addNatsConfigCommand } from './commands/nats-config.js';
import { addExamples } from './commands/output.js';
import { addRunCommand } from './commands/run.js';
import { addSteerCommands } from './commands/steer.js';
import { addStoreCommand } from './commands/store.js';
import { addTokensCommands } from './commands/tokens.js';
import { addTrajectoryCommand } from './commands/trajectory.js';
import { addUpCommand } from './commands/up.js';

export function buildProgram(): Command {
  const program = new Command('segue')
    .description('rollout cluster for reinforcement learning of language models')
    .version('0.1.0')
    .showHelpAfterError('(run with --help to see the options)')
    // Ends by an exception, so that main.ts gives the exit code of a refusal.
    .exitOverride();
  addExamples(
    program,
    'segue demo                                              # a small policy learns before your eyes',
    'segue up                                                # a cluster for clients',
    'segue run --config my-run.yaml --problems problems.jsonl',
    'segue status --json',
  );
  addDemoCommand(program);
  addUpCommand(program);
  addDownCommand(program);
  addRunCommand(program);
  addTrajectoryCommand(program);
  addExportCommand(program);
  addInspectCommands(program);
  addSteerCommands(program);
  addStoreCommand(program);
  addDeadLettersCommand(program);
  addActorCommand(program);
  addCertsCommands(program);
  addCredentialsCommand(program);
  addTokensCommands(program);
  addNatsConfigCommand(program);
  addCompletionCommand(program);
  return program;
}
