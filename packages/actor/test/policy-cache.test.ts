/** The cache of an actor's policy versions: one download for all who want a version, ended by nobody but the last; and what is removed. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActivePolicy } from '@segue/bus';
import { type PolicyChunk, type PolicyRef, parsePolicyManifest, SegueError } from '@segue/core';
import { policyChunks } from '@segue/service';
import t, { type Test } from 'tap';
import { inTime } from '../../../test/support/waiting.js';
import type { LanePolicy } from '../dist/lane-work.js';
import { PolicyFollower } from '../dist/policy.js';
import type { PolicySource } from '../dist/policy-download.js';
import { PolicyFiles } from '../dist/policy-files.js';
import { settle } from './support/fakes.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { type TinyPolicy, writeTinyPolicy } from './support/tiny-policy.js';

/** A trainer that holds back each download after its first chunk until the test lets it go on. */
class HeldTrainer {
  /** Runs and versions, as `<run>/<version>`, in the order in which they were asked for. */
  readonly asked: string[] = [];
  readonly #policies: readonly TinyPolicy[];
  readonly #held: { readonly go: () => void; readonly name: string }[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(policies: readonly TinyPolicy[]) {
    this.#policies = policies;
  }

  readonly source: PolicySource = {
    downloadPolicy: ({ policy, from }, { signal } = {}) => this.#chunks(policy, from, signal),
  };

  async *#chunks(
    { runId, version }: PolicyRef,
    from: Parameters<typeof policyChunks>[2],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<PolicyChunk> {
    const name = `${runId}/${version}`;
    this.asked.push(name);
    const found = this.#policies.find(({ ref }) => ref.runId === runId && ref.version === version);
    if (!found) throw new SegueError('NOT_FOUND', `${name} is not there`);
    const manifest = parsePolicyManifest(await readFile(join(found.folder, 'manifest.json'), 'utf8'), found.folder);
    let isFirst = true;
    for await (const chunk of policyChunks(found.folder, manifest, from)) {
      yield chunk;
      if (isFirst) await this.#hold(name, signal);
      isFirst = false;
    }
  }

  #hold(name: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#held.push({ go: resolve, name });
      for (const tell of this.#waiting.splice(0)) tell();
      signal?.addEventListener('abort', () => reject(new SegueError('CANCELLED', 'called off')), { once: true });
    });
  }

  /** When a download of this one is held back. @param times how often it was, that one among them */
  async holds(name: string, times = 1): Promise<void> {
    while (this.#held.filter((one) => one.name === name).length < times) {
      await inTime(new Promise<void>((resolve) => this.#waiting.push(resolve)), `a download of ${name}`);
    }
  }

  /** Lets all downloads of one go on. */
  letGo(name: string): void {
    for (const one of this.#held) if (one.name === name) one.go();
  }
}

async function cacheWith(
  t: Test,
  versions: readonly (readonly [string, number])[],
  isNeeded: (name: string) => boolean = () => false,
) {
  const root = await temporaryFolder(t);
  const policies: TinyPolicy[] = [];
  for (const [runId, version] of versions) policies.push(await writeTinyPolicy(join(root, 'store'), runId, version));
  const trainer = new HeldTrainer(policies);
  const files = new PolicyFiles({
    cacheFolder: join(root, 'cache'),
    trainer: async () => trainer.source,
    keepVersions: 2,
    isNeeded: (runId, version) => isNeeded(`${runId}/${version}`),
  });
  const ref = (runId: string, version: number): PolicyRef =>
    policies.find((one) => one.ref.runId === runId && one.ref.version === version)!.ref;
  const folder = (...names: string[]) => join(root, 'cache', ...names);
  /** Downloads without being held back. */
  const get = async (runId: string, version: number) => {
    const found = files.locate(ref(runId, version), null);
    await trainer.holds(`${runId}/${version}`);
    trainer.letGo(`${runId}/${version}`);
    return found;
  };
  return { trainer, files, ref, folder, get };
}

t.test('two who want a version share its download; the one that leaves does not end it', async (t) => {
  const { trainer, files, ref, folder } = await cacheWith(t, [['r', 3]]);
  const leaving = new AbortController();
  const first = files.locate(ref('r', 3), null, leaving.signal);
  await trainer.holds('r/3');
  const second = files.locate(ref('r', 3), null);
  // As an evaluation asks: whatever lies under the number.
  const third = files.locate({ ...ref('r', 3), manifestSha256: '' }, null);
  await settle();
  leaving.abort();
  await t.rejects(first, { code: 'CANCELLED' });
  trainer.letGo('r/3');
  t.match(await second, { folder: folder('r', '3'), source: 'downloaded' });
  t.match(await third, { folder: folder('r', '3'), source: 'cached' });
  t.strictSame(trainer.asked, ['r/3'], 'once');
});

t.test('a download that nobody waits for any more ends and leaves nothing; who comes then begins anew', async (t) => {
  const { trainer, files, ref, folder } = await cacheWith(t, [['r', 3]]);
  const callers = [new AbortController(), new AbortController()];
  const calls = callers.map(({ signal }) => files.locate(ref('r', 3), null, signal));
  await trainer.holds('r/3');
  for (const caller of callers) caller.abort();
  for (const call of calls) await t.rejects(call, { code: 'CANCELLED' });
  // What was called off is still being put away.
  const next = files.locate(ref('r', 3), null);
  await trainer.holds('r/3', 2);
  trainer.letGo('r/3');
  t.equal((await inTime(next, 'the second download')).source, 'downloaded');
  t.strictSame(trainer.asked, ['r/3', 'r/3']);
  t.strictSame(await readdir(folder('r')), ['3']);
});

t.test('a download that fails leaves nothing behind', async (t) => {
  const { files, ref, folder, trainer } = await cacheWith(t, [['r', 3]]);
  const damaged = files.locate({ ...ref('r', 3), manifestSha256: 'f'.repeat(64) }, null);
  await trainer.holds('r/3');
  trainer.letGo('r/3');
  await t.rejects(damaged, { code: 'DATA_LOSS' });
  t.strictSame(await readdir(folder('r')), []);
});

t.test('a download removes what a killed process had begun, and runs that nobody needs', async (t) => {
  const versions = [
    ['over', 1],
    ['served', 1],
    ['served', 2],
    ['r', 1],
    ['r', 2],
  ] as const;
  const { get, folder } = await cacheWith(t, versions, (name) => name === 'served/1');
  for (const [runId, version] of versions.slice(0, 3)) await get(runId, version);
  await mkdir(folder('r', '7.part'), { recursive: true });
  await mkdir(folder('over', '8.part'), { recursive: true });
  await get('r', 1);
  t.strictSame((await readdir(folder())).sort(), ['r', 'served'], 'the run that is over is gone');
  t.strictSame(await readdir(folder('r')), ['1']);
  t.strictSame((await readdir(folder('served'))).sort(), ['1', '2'], 'what was asked for last is being read perhaps');
  await get('r', 2);
  t.strictSame(await readdir(folder('served')), ['1'], 'what is served stays');
});

t.test('a version that is asked for while older ones are removed stays', async (t) => {
  const versions = [
    ['over', 1],
    ['over', 2],
    ['r', 1],
    ['r', 2],
  ] as const;
  let ask: (name: string) => void = () => undefined;
  let isOverNeeded = true;
  const { files, get, ref, folder } = await cacheWith(t, versions, (name) => {
    ask(name);
    return name.startsWith('over/') && isOverNeeded;
  });
  for (const [runId, version] of versions.slice(0, 3)) await get(runId, version);
  isOverNeeded = false;
  let located: ReturnType<typeof files.locate> | null = null;
  // Both are to go; the second is asked for in that moment, as an evaluation does.
  ask = (name) => {
    if (name === 'over/2') located ??= files.locate(ref('over', 2), null);
  };
  await get('r', 2);
  t.match(await located, { folder: folder('over', '2'), source: 'cached' });
  t.strictSame(await readdir(folder('over')), ['2']);
});

/** A follower that loads at once, over a cache. */
function followerOf(files: PolicyFiles, served: LanePolicy | null = null) {
  const loads: number[] = [];
  const follower = new PolicyFollower({
    files,
    served: () => served,
    load: async ({ version }) => void loads.push(version),
    prepare: async () => undefined,
  });
  const announced = (ref: PolicyRef): ActivePolicy => ({ ...ref, folder: '', trainerAddress: '' });
  return { follower, loads, announced };
}

t.test(
  'looking again for the version that is being brought does not begin anew; another version ends it',
  async (t) => {
    const { trainer, files, ref } = await cacheWith(t, [
      ['r', 1],
      ['r', 2],
    ]);
    const { follower, loads, announced } = followerOf(files);
    const one = follower.follow(announced(ref('r', 1)));
    await trainer.holds('r/1');
    const again = follower.catchUp('r');
    const repeated = follower.follow(announced(ref('r', 1)));
    await settle();
    trainer.letGo('r/1');
    await Promise.all([one, again, repeated]);
    t.strictSame(trainer.asked, ['r/1']);
    t.strictSame(loads, [1]);
    const overtaken = follower.follow(announced({ ...ref('r', 1), manifestSha256: 'e'.repeat(64) }));
    await trainer.holds('r/1');
    const two = follower.follow(announced(ref('r', 2)));
    await t.rejects(overtaken, { code: 'CANCELLED' });
    await trainer.holds('r/2');
    trainer.letGo('r/2');
    await two;
    t.strictSame(loads, [1, 2]);
  },
);

t.test(
  'a controller that waits no longer for a version to be made ready has it go on, until another is wanted',
  async (t) => {
    const { trainer, files, ref } = await cacheWith(t, [
      ['r', 1],
      ['r', 2],
      ['r', 3],
    ]);
    const { follower, loads, announced } = followerOf(files);
    const impatient = new AbortController();
    const prepared = follower.prepare(ref('r', 1), '', impatient.signal);
    await trainer.holds('r/1');
    impatient.abort();
    await t.rejects(prepared, { code: 'CANCELLED' }, 'it is answered');
    const served = follower.follow(announced(ref('r', 1)));
    trainer.letGo('r/1');
    await served;
    t.strictSame(trainer.asked, ['r/1'], 'nothing was sent twice');
    t.strictSame(loads, [1]);
    const gone = new AbortController();
    const left = follower.prepare(ref('r', 2), '', gone.signal);
    await trainer.holds('r/2');
    gone.abort();
    await t.rejects(left, { code: 'CANCELLED' });
    const next = follower.prepare(ref('r', 3), '');
    await trainer.holds('r/3');
    trainer.letGo('r/3');
    await next;
    t.strictSame(trainer.asked, ['r/1', 'r/2', 'r/3'], 'what nobody waits for holds up no other');
  },
);

t.test(
  'an evaluation on the served version waits for no download, one on another no longer than its caller',
  async (t) => {
    const { trainer, files, ref } = await cacheWith(t, [['r', 2]]);
    const served = { runId: 'r', version: 1, folder: 'x', manifestSha256: '' };
    const { follower } = followerOf(files, served);
    const impatient = new AbortController();
    const prepared = follower.prepare(ref('r', 2), '', impatient.signal);
    await trainer.holds('r/2');
    impatient.abort();
    await t.rejects(prepared, { code: 'CANCELLED' });
    t.same(await inTime(follower.pin('r', 1), 'the served version by number'), served);
    t.same(await inTime(follower.pin('r', null), 'the served version'), served);
    const gone = new AbortController();
    const other = follower.pin('r', 2, gone.signal);
    gone.abort();
    await t.rejects(inTime(other, 'the end of a call that was called off'), { code: 'CANCELLED' });
    trainer.letGo('r/2');
    t.equal((await inTime(follower.pin('r', 2), 'the other version')).version, 2);
  },
);
