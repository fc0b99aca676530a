/** What a task goes on from, and whether the store still waits for it. */
import t from 'tap';
import { PrefixReader } from '../dist/prefix-reader.js';
import { rolloutTask, storedTrajectory } from './support/fakes.js';

t.test('a first task that comes again asks the store whether its segment is there', async (t) => {
  const task = rolloutTask(0);
  let stored = storedTrajectory(task.trajectoryId);
  let reads = 0;
  const reader = new PrefixReader(async () => {
    reads += 1;
    return stored;
  });
  const never = () => false;
  const prefix = await reader.read(task, never);
  t.ok(prefix);
  t.strictSame(await reader.read(rolloutTask(1), never), prefix);
  t.equal(reads, 1, 'siblings share a read');
  t.strictSame(await reader.read(task, never, true), prefix, 'nobody has written it');
  stored = storedTrajectory(task.trajectoryId, [Int32Array.of(4, 5)]);
  t.equal(await reader.read(task, never, true), null, 'it is not generated a second time');
});
