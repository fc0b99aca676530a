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
  const { before, between, code, room, again, last } = told.full;
  t.strictSame(before, [0, 1, 2, 3, 4, 5]);
  t.match(
    between,
    { code: 'RESOURCE_EXHAUSTED', versions: [0, 2, 3, 4, 5] },
    'a copy that cannot be taken over keeps its name',
  );
  t.notOk(between.names.includes('.staged-old'), 'what may go goes first');
  t.equal(code, 'RESOURCE_EXHAUSTED');
  t.strictSame(room.versions, [0, 4, 5], 'what need not stay is gone with the refusal');
  t.ok(
    room.names.some((name: string) => name.startsWith('.content-1-')),
    'but for the content of a version whose name was moved away',
  );
  t.equal(again, null, 'and the same training goes through');
  t.strictSame(last, [0, 5, 6]);
});
