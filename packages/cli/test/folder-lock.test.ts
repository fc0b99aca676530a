/** One cluster per data folder: the lock, with real processes that try at the same moment. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { FolderLock } from '../dist/cluster/folder-lock.js';

const module = new URL('../dist/cluster/folder-lock.js', import.meta.url).href;

interface Contender {
  readonly process: ChildProcess;
  /** `ready`, and after the starting shot `taken` or the refusal. */
  next(): Promise<string>;
}

/** Processes that wait for a line on stdin, then take the lock and keep it. */
async function contend(t: Test, folder: string, count: number): Promise<Contender[]> {
  const script = `
    import { once } from 'node:events';
    import { FolderLock } from ${JSON.stringify(module)};
    console.log('ready');
    await once(process.stdin, 'data');
    try {
      await FolderLock.take(${JSON.stringify(folder)});
      console.log('taken');
    } catch (error) {
      console.log(error.message);
    }`;
  const contenders = Array.from({ length: count }, (): Contender => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { process: child, next: async () => String((await lines.next()).value) };
  });
  for (const contender of contenders) t.equal(await contender.next(), 'ready');
  return contenders;
}

/** Lets them all go at once; answers the one that got the lock. */
async function race(t: Test, contenders: readonly Contender[]): Promise<Contender> {
  for (const { process: child } of contenders) child.stdin?.write('go\n');
  const answers = await Promise.all(contenders.map((contender) => contender.next()));
  const winners = contenders.filter((_, i) => answers[i] === 'taken');
  t.equal(winners.length, 1, 'one gets it');
  const refusal = new RegExp(`a cluster already runs on .* \\(process ${winners[0]!.process.pid}\\)`);
  for (const answer of answers.filter((one) => one !== 'taken'))
    t.match(answer, refusal, 'the others learn who has it');
  return winners[0]!;
}

t.test('of processes that start at the same moment one gets the folder, after a kill as well', async (t) => {
  const folder = t.testdir();
  const winner = await race(t, await contend(t, folder, 4));
  const late = await contend(t, folder, 4);
  winner.process.kill('SIGKILL');
  await once(winner.process, 'exit');
  const heir = await race(t, late);
  await t.rejects(FolderLock.take(folder), { message: new RegExp(`process ${heir.process.pid}`) });
  t.equal((await readdir(folder)).length, 1, 'old locks are cleared away');
});

t.test('a lock that is given back is free, also for the same process', async (t) => {
  const folder = join(t.testdir(), 'not', 'there', 'yet');
  for (let round = 0; round < 3; round++) {
    const lock = await FolderLock.take(folder);
    await t.rejects(FolderLock.take(folder), { code: 'FAILED_PRECONDITION' });
    await lock.release();
  }
  t.strictSame(await readdir(folder), ['cluster.lock.3']);
});

t.test('a lock whose number another process has now is free', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = t.testdir();
  await writeFile(join(folder, 'cluster.lock.1'), `${process.pid} 1\n`);
  const lock = await FolderLock.take(folder);
  await t.rejects(FolderLock.take(folder), { code: 'FAILED_PRECONDITION' }, 'and its own is not');
  await lock.release();
});

t.test('many in one process, over a lock whose owner is dead', async (t) => {
  const folder = t.testdir();
  await writeFile(join(folder, 'cluster.lock.7'), '999999999\n');
  const tries = await Promise.allSettled(Array.from({ length: 20 }, () => FolderLock.take(folder)));
  t.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1);
});
