/** A controller that stands still at a call while another one goes on with its run, and then goes on itself. Nothing here knows what the call is. */
import type { Test } from 'tap';
import { startController, until } from './fake-cluster.js';
import type { World } from './fake-world.js';

/** Whoever passes while it is closed waits until it is open. */
export function barrier() {
  let isOpen = Promise.resolve();
  let open: () => void = () => undefined;
  const close = () => {
    isOpen = new Promise((resolve) => {
      open = resolve;
    });
  };
  return { close, passed: () => isOpen, open: () => open() };
}

/** Another controller takes the run up, comes to `what`, and ends. */
export async function succeed(t: Test, world: World, isThere: () => boolean, what: string): Promise<void> {
  const second = startController(world);
  t.teardown(() => second.kill());
  await second.runs.recover();
  await until(isThere, what);
  await second.kill();
}

/** Whatever the actor runs has ended. */
export function endAll(world: World): void {
  for (const task of world.held.values()) world.append(task, 'stop');
  world.held.clear();
}
