/** A checkpoint that finds its disk full: the training is refused, the version before stays whole, and the same training goes through when there is space. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { cannotMount, smallDisk } from '../../../test/support/small-disk.js';

t.test('a full disk under the policy store', { skip: cannotMount() }, async (t) => {
  const disk = smallDisk(4 << 20, 1);
  t.teardown(() => disk.remove());
  const program = fileURLToPath(new URL('./support/full-disk.ts', import.meta.url));
  const [command = '', ...args] = [...disk.wrapper, process.execPath, ...process.execArgv, program, disk.folder];
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' });
  t.equal(status, 0, stderr);
  const told = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
  t.match(told, { code: 'RESOURCE_EXHAUSTED', kept: { versions: [0] }, after: [0, 1] });
  t.equal(told.kept.names.length, 2, 'version 0 and what it points to: nothing half made is left');
});
