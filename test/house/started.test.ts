/** What a test starts, and the command that the set-up leaves: as a person would start it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { root } from './tree.js';

t.test('a process that a test starts has nothing of the test runner in it', async (t) => {
  t.match(process.env.NODE_OPTIONS, /processinfo/, 'this one has');
  const { stdout } = spawnSync(process.execPath, ['-p', 'process.env.NODE_OPTIONS ?? ""'], { encoding: 'utf8' });
  t.equal(stdout.trim(), '');
  const env = { ...process.env, NODE_OPTIONS: '--max-old-space-size=64' };
  const kept = spawnSync(process.execPath, ['-p', 'process.env.NODE_OPTIONS'], { encoding: 'utf8', env });
  t.match(kept.stdout, /^"?--max-old-space-size=64"?$/m, 'options of its own stay');
});

t.test('the command can be run as it lies there', async (t) => {
  const { status, stdout } = spawnSync(join(root, 'packages/cli/dist/main.js'), ['--version'], { encoding: 'utf8' });
  t.equal(status, 0);
  t.match(stdout, /^\d+\.\d+\.\d+$/m);
});
