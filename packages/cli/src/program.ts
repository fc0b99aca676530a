/**
 * The commands of `segue`, put together.
 */
import { Command } from 'commander';
import { addActorCommand } from './commands/actor.js';
import { addCertsCommands } from './commands/certs.js';
import { addDeadLettersCommand } from './commands/dead-letters.js';
import { addDemoCommand } from './commands/demo.js';
import { addInspectCommands } from './commands/inspect.js';
import { addNatsConfigCommand } from './commands/nats-config.js';
import { addRunCommand } from './commands/run.js';
import { addStoreCommand } from './commands/store.js';
import { addTokensCommands } from './commands/tokens.js';
import { addTrajectoryCommand } from './commands/trajectory.js';
import { addUpCommand } from './commands/up.js';

export function buildProgram(): Command {
  const program = new Command('segue')
    .description('rollout cluster for reinforcement learning of language models')
    .version('0.1.0')
    .showHelpAfterError('(run with --help to see the options)');
  addDemoCommand(program);
  addUpCommand(program);
  addRunCommand(program);
  addTrajectoryCommand(program);
  addInspectCommands(program);
  addStoreCommand(program);
  addDeadLettersCommand(program);
  addActorCommand(program);
  addCertsCommands(program);
  addTokensCommands(program);
  addNatsConfigCommand(program);
  return program;
}
