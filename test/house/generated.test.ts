/** The committed types of the contract are those that the protos give. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { root } from './tree.js';

t.test('generated types fit the protos', async (t) => {
  const check = spawnSync(process.execPath, ['scripts/gen.mjs', '--check'], { cwd: root, encoding: 'utf8' });
  t.equal(check.stderr, '');
  t.equal(check.status, 0);
});
