/** Commands that act on a run of a cluster: `pause`, `resume`, `stop`. To look at it is inspect.ts. */
import type { SegueClient } from '@segue/client';
import type { RunView } from '@segue/core';
import type { Command } from 'commander';
import { addConnectFlags, type ConnectFlags, withClient } from './connect.js';
import { addExamples, print } from './output.js';

export function addSteerCommands(program: Command): void {
  const add = (name: string, about: string, act: (client: SegueClient, run: string) => Promise<RunView>) => {
    const command = program.command(`${name} <run>`).description(about);
    addConnectFlags(command).action((run: string, flags: ConnectFlags) => steer(run, flags, act));
    addExamples(command, `segue ${name} demo-1`, `segue ${name} demo-1 --controller 10.0.0.5:7400 --json`);
  };
  add(
    'pause',
    'bring a run to rest: what is being generated is saved, and segue resume goes on with it',
    (client, run) => client.pauseRun(run),
  );
  add('resume', 'start a run that was created, or go on with one that was paused', (client, run) =>
    client.resumeRun(run),
  );
  add('stop', 'end a run for good; its data stay readable. With tokens it takes the scope admin', (client, run) =>
    client.stopRun(run),
  );
}

async function steer(
  run: string,
  flags: ConnectFlags,
  act: (client: SegueClient, run: string) => Promise<RunView>,
): Promise<void> {
  await withClient(flags, async (client) => {
    const { id, state, iterations, policyVersion } = await act(client, run);
    const now = { id, state, iterations, policyVersion };
    print(flags, now, () => `${id}  ${state}  ${iterations} iterations  version ${policyVersion}`);
  });
}
