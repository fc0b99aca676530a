/** The list of tokens, edited by several at once: real processes that begin at the same moment, one that died in the middle, one that does not end. */
import { spawn } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { FolderLock } from '../dist/cluster/folder-lock.js';
import { TokenList } from '../dist/security/token-list.js';

const module = new URL('../dist/security/token-list.js', import.meta.url).href;
const one = (name: string) => ({ name, scopes: ['read'], days: 1 }) as const;
/** No process has this number. */
const dead = '999999999\n';

/** A process that waits for a line on stdin, then does this to the list; tells `ready`, and `done` or the failure. */
function editor(t: Test, path: string, work: string) {
  const script = `
    import { once } from 'node:events';
    import { TokenList } from ${JSON.stringify(module)};
    const list = new TokenList(${JSON.stringify(path)});
    console.log('ready');
    await once(process.stdin, 'data');
    try {
      ${work}
      console.log('done');
    } catch (error) {
      console.log(error.message);
    }
    process.exit();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { go: () => child.stdin.write('go\n'), next: async () => String((await lines.next()).value) };
}

t.test('commands that edit the list at the same moment lose nothing of each other', async (t) => {
  const path = join(t.testdir(), 'tokens.json');
  const list = new TokenList(path);
  for (let i = 0; i < 3; i++) await list.create(one(`old-${i}`));
  const editors = Array.from({ length: 3 }, (_, i) => [
    editor(
      t,
      path,
      `for (let n = 0; n < 4; n++) await list.create({ name: 'new-${i}-' + n, scopes: ['read'], days: 1 });`,
    ),
    editor(t, path, `await list.revoke('old-${i}');`),
  ]).flat();
  for (const { next } of editors) t.equal(await next(), 'ready');
  for (const { go } of editors) go();
  for (const { next } of editors) t.equal(await next(), 'done');
  const wanted = [0, 1, 2].flatMap((i) => [0, 1, 2, 3].map((n) => `new-${i}-${n}`));
  t.strictSame(
    list
      .read()
      .map(({ name }) => name)
      .sort(),
    wanted,
  );
});

t.test('one who died while he edited is waited for no longer than he could be alive elsewhere', async (t) => {
  const path = join(t.testdir(), 'tokens.json');
  const lock = join(`${path}.lock`, 'cluster.lock.1');
  mkdirSync(`${path}.lock`);
  writeFileSync(lock, dead);
  await t.rejects(new TokenList(path, 0).create(one('alice')), {
    code: 'UNAVAILABLE',
    message: /process 999999999 edits this list/,
  });
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(lock, longAgo, longAgo);
  await new TokenList(path, 0).create(one('alice'));
  t.match(new TokenList(path).read(), [{ name: 'alice' }]);
});

t.test('one who died before the clock was set back is not waited for until it has come there again', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'tokens.json');
  mkdirSync(`${path}.lock`);
  const later = new Date(Date.now() + 3_600_000);
  for (const lock of [join(`${path}.lock`, 'cluster.lock.1'), join(folder, 'cluster.lock.1')]) {
    writeFileSync(lock, dead);
    utimesSync(lock, later, later);
  }
  await new TokenList(path, 0).create(one('alice'));
  await t.resolves(FolderLock.take(folder), 'nor by a cluster that starts');
});

t.test('one who does not end is named, and nothing is changed meanwhile', async (t) => {
  const path = join(t.testdir(), 'tokens.json');
  await new TokenList(path).create(one('alice'));
  writeFileSync(join(`${path}.lock`, 'cluster.lock.2'), `${process.pid}\n`);
  const busy = {
    code: 'UNAVAILABLE',
    message: new RegExp(`process ${process.pid} edits this list of tokens .*try again`),
  };
  await t.rejects(new TokenList(path, 50).create(one('bob')), busy);
  await t.rejects(new TokenList(path, 50).revoke('alice'), busy);
  t.match(new TokenList(path).read(), [{ name: 'alice' }]);
});
