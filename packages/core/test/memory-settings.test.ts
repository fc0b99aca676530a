/** What a service's process is given to keep its memory level: Node takes it, an image sets the same, and who starts a cluster with other values keeps them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { memorySettings, withoutMemorySettings } from '../dist/index.js';

const root = new URL('../../../', import.meta.url);

t.test('own values stay', async (t) => {
  const own = { MALLOC_ARENA_MAX: '8', NODE_OPTIONS: '--max-semi-space-size=32' };
  const settings = memorySettings(own);
  t.notOk('MALLOC_ARENA_MAX' in settings);
  t.equal(settings.MALLOC_TRIM_THRESHOLD_, '4194304');
  t.equal(settings.NODE_OPTIONS, '--max-semi-space-size=4 --max-semi-space-size=32');
});

t.test('given twice, as by a command in an image, is given once', async (t) => {
  for (const own of [{}, { NODE_OPTIONS: '--no-warnings' }]) {
    const once = { ...own, ...memorySettings(own) };
    t.strictSame({ ...once, ...memorySettings(once) }, once);
  }
});

t.test('a program that is not ours is given none of it', async (t) => {
  for (const own of [{}, { PATH: '/bin' }, { MALLOC_ARENA_MAX: '8', NODE_OPTIONS: '--max-semi-space-size=32' }]) {
    t.strictSame(withoutMemorySettings({ ...own, ...memorySettings(own) }), own);
  }
});

t.test('Node takes the bound of the young generation, and of two the last', async (t) => {
  const limitOf = async (NODE_OPTIONS: string) => {
    const env = { ...process.env, NODE_OPTIONS };
    const program = 'process.stdout.write(String(v8.getHeapStatistics().heap_size_limit))';
    return Number((await promisify(execFile)(process.execPath, ['-e', program], { env })).stdout);
  };
  const withOwn = await limitOf(memorySettings({ NODE_OPTIONS: '--max-semi-space-size=16' }).NODE_OPTIONS ?? '');
  const bounded = await limitOf(memorySettings({}).NODE_OPTIONS ?? '');
  t.equal(withOwn - bounded, 3 * 12 * 2 ** 20, 'the heap may be smaller by three times what each half has less');
});

t.test('the image sets the same', async (t) => {
  const dockerfile = await readFile(new URL('deploy/Dockerfile', root), 'utf8');
  const set = Object.entries(memorySettings({})).map(([name, value]) => `${name}=${value}`);
  t.ok(dockerfile.split('\n').includes(`ENV ${set.join(' ')}`), set.join(' '));
});
