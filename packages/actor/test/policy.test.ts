/** Which version an actor serves, and how its files come to this host: shared or downloaded, checked, made ready ahead. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActivePolicy, Registration } from '@segue/bus';
import { type ChunkPlace, type DownloadPolicyRequest, type PolicyChunk, type PolicyRef, SegueError } from '@segue/core';
import { chunkSha256 } from '@segue/service';
import t from 'tap';
import type { LanePolicy } from '../dist/lane-work.js';
import { peersWith } from '../dist/peers.js';
import { PolicyFollower } from '../dist/policy.js';
import { PolicyFiles } from '../dist/policy-files.js';
import { servePolicy } from '../dist/serve-policy.js';
import { settle } from './support/fakes.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { type TinyPolicy, writeTinyPolicy } from './support/tiny-policy.js';

/** An actor as the registry has it. */
const registration: Registration = {
  id: 'a',
  service: 'actor',
  address: '',
  metricsAddress: '',
  policyVersion: null,
  slots: 1,
  running: 0,
  flushedIteration: null,
  runId: '',
  seenAtMs: 0,
  published: {},
};

type Asked = { readonly from: ChunkPlace | null };

/** What the trainer streams, in small chunks; `spoil` may change a file's bytes. */
function trainerOf(policy: TinyPolicy, spoil: (name: string, bytes: Buffer) => Buffer = (_, bytes) => bytes) {
  return {
    async *downloadPolicy({ from }: Asked): AsyncGenerator<PolicyChunk> {
      const names = await readdir(policy.folder);
      const all = ['manifest.json', ...names.filter((name) => name !== 'manifest.json').sort()];
      for (const file of all.slice(from === null ? 0 : all.indexOf(from.file))) {
        const bytes = spoil(file, await readFile(join(policy.folder, file)));
        for (let offset = file === from?.file ? from.offset : 0; offset < bytes.length; offset += 1_000) {
          const data = bytes.subarray(offset, offset + 1_000);
          yield { file, offset, fileBytes: bytes.length, data, sha256: chunkSha256(data) };
        }
      }
    },
  };
}

t.test('a version is read from the shared folder, else downloaded, and checked file by file', async (t) => {
  const root = await temporaryFolder(t);
  const policy = await writeTinyPolicy(join(root, 'store'), 'r', 3);
  let spoil = (_: string, bytes: Buffer) => bytes;
  const files = new PolicyFiles({
    cacheFolder: join(root, 'cache'),
    trainer: async () => trainerOf(policy, (name, bytes) => spoil(name, bytes)),
    keepVersions: 2,
  });
  const { manifestSha256 } = policy.ref;
  const unnamed = { ...policy.ref, manifestSha256: '' };
  t.same(await files.locate(unnamed, policy.folder), { folder: policy.folder, source: 'shared', manifestSha256 });
  const cached = join(root, 'cache', 'r', '3');
  spoil = (name, bytes) =>
    name === 'model.safetensors' ? Buffer.concat([bytes.subarray(0, -1), Buffer.of(1)]) : bytes;
  await t.rejects(files.locate(policy.ref, join(root, 'elsewhere')), {
    code: 'DATA_LOSS',
    message: /model\.safetensors/,
  });
  spoil = (_, bytes) => bytes;
  const elsewhere = join(root, 'elsewhere');
  t.same(await files.locate(unnamed, elsewhere), { folder: cached, source: 'downloaded', manifestSha256 });
  t.same(await files.locate(unnamed, null), { folder: cached, source: 'cached', manifestSha256 });
  t.same(await readFile(join(cached, 'model.safetensors')), await readFile(join(policy.folder, 'model.safetensors')));
  await writeFile(join(cached, 'config.json'), '{}');
  t.match(
    await files.locate(policy.ref, null),
    { folder: cached, source: 'downloaded' },
    'a damaged copy is fetched again',
  );
  await t.rejects(files.locate({ ...policy.ref, manifestSha256: 'f'.repeat(64) }, policy.folder), {
    code: 'DATA_LOSS',
  });
  await writeFile(join(policy.folder, 'config.json'), '{}');
  await t.rejects(files.locate(policy.ref, policy.folder), {
    code: 'DATA_LOSS',
    message: /config\.json does not match/,
  });
});

t.test('a chunk that is damaged on its way is asked for again, from there on', async (t) => {
  const root = await temporaryFolder(t);
  const policy = await writeTinyPolicy(join(root, 'store'), 'r', 3);
  const trainer = trainerOf(policy);
  const asked: (ChunkPlace | null)[] = [];
  let damages = 2;
  const line = {
    async *downloadPolicy({ from }: Asked): AsyncGenerator<PolicyChunk> {
      asked.push(from);
      for await (const chunk of trainer.downloadPolicy({ from })) {
        const isHit = chunk.file === 'model.safetensors' && chunk.offset === 2_000 && damages > 0;
        if (isHit) damages -= 1;
        yield isHit ? { ...chunk, data: Buffer.from(chunk.data).fill(7) } : chunk;
      }
    },
  };
  const refetched: string[] = [];
  const files = new PolicyFiles({
    cacheFolder: join(root, 'cache'),
    trainer: async () => line,
    onRefetch: ({ code }) => refetched.push(code),
    keepVersions: 2,
  });
  t.equal((await files.locate(policy.ref, null)).source, 'downloaded');
  const place = { file: 'model.safetensors', offset: 2_000 };
  t.strictSame(asked, [null, place, place], 'what was good is not sent again');
  t.strictSame(refetched, ['DATA_LOSS', 'DATA_LOSS']);
  damages = 1_000;
  const other = new PolicyFiles({ cacheFolder: join(root, 'other'), trainer: async () => line, keepVersions: 2 });
  await t.rejects(other.locate(policy.ref, null), {
    code: 'DATA_LOSS',
    message: /chunk of model\.safetensors at 2000/,
  });
});

t.test('who joins late has a version from an actor that serves it, and from the trainer when that fails', async (t) => {
  const root = await temporaryFolder(t);
  const policy = await writeTinyPolicy(join(root, 'store'), 'r', 3);
  const asked: string[] = [];
  const named = (name: string, source: ReturnType<typeof trainerOf>) => ({
    downloadPolicy: (request: Asked) => {
      asked.push(name);
      return source.downloadPolicy(request);
    },
  });
  const gone = { downloadPolicy: (request: Asked) => servePolicy(null, { ...request, policy: policy.ref }) };
  // Every chunk is as it was sent, but it is another file: the manifest tells.
  const liar = trainerOf(policy, (name, bytes) => (name === 'config.json' ? Buffer.from('{}') : bytes));
  const from = (folder: string, ...peers: ReturnType<typeof trainerOf>[]) =>
    new PolicyFiles({
      cacheFolder: join(root, folder),
      trainer: async () => named('trainer', trainerOf(policy)),
      peers: async () => peers.map((peer, i) => named(`peer ${i}`, peer)),
      keepVersions: 2,
    });
  t.equal((await from('a', trainerOf(policy)).locate(policy.ref, null)).source, 'peer');
  t.strictSame(asked.splice(0), ['peer 0']);
  t.equal((await from('b', gone, liar).locate(policy.ref, null)).source, 'downloaded');
  t.strictSame(asked.splice(0), ['peer 0', 'peer 1', 'trainer']);
  const actors = [
    { ...registration, id: 'me', runId: 'r', policyVersion: 3, address: 'me:1' },
    { ...registration, id: 'other-run', runId: 'q', policyVersion: 3, address: 'q:1' },
    { ...registration, id: 'older', runId: 'r', policyVersion: 2, address: 'old:1' },
    { ...registration, id: 'one', runId: 'r', policyVersion: 3, address: 'one:1' },
    { ...registration, id: 'two', runId: 'r', policyVersion: 3, address: 'two:1' },
  ];
  const draws = [0.9, 0.1];
  t.strictSame(
    peersWith(actors, policy.ref, 'me', () => draws.shift()!),
    ['two:1', 'one:1'],
  );
});

t.test('an actor gives away the version that it serves, and no other', async (t) => {
  const root = await temporaryFolder(t);
  const { ref, folder } = await writeTinyPolicy(join(root, 'store'), 'r', 3);
  const served = { ...ref, folder };
  const source = { downloadPolicy: (request: DownloadPolicyRequest) => servePolicy(served, request) };
  const files = new PolicyFiles({ cacheFolder: join(root, 'cache'), trainer: async () => source, keepVersions: 2 });
  t.equal((await files.locate(ref, null)).source, 'downloaded');
  const first = (changes: Partial<PolicyRef>) =>
    servePolicy(served, { policy: { ...ref, ...changes }, from: null }).next();
  await t.rejects(first({ version: 2 }), { code: 'NOT_FOUND' });
  await t.rejects(first({ runId: 'q' }), { code: 'NOT_FOUND' });
  await t.rejects(first({ manifestSha256: 'f'.repeat(64) }), { code: 'FAILED_PRECONDITION' });
  await t.rejects(servePolicy(null, { policy: ref, from: null }).next(), { code: 'NOT_FOUND' });
});

t.test('a download prunes neither itself nor what is needed', async (t) => {
  const root = await temporaryFolder(t);
  const policies = new Map<number, TinyPolicy>();
  for (const version of [1, 2, 5, 6]) policies.set(version, await writeTinyPolicy(join(root, 'store'), 'r', version));
  const files = new PolicyFiles({
    cacheFolder: join(root, 'cache'),
    trainer: async () => ({
      downloadPolicy: ({ policy, from }) => trainerOf(policies.get(policy.version)!).downloadPolicy({ from }),
    }),
    keepVersions: 1,
    isNeeded: (runId, version) => runId === 'r' && version === 2,
  });
  const there = async () => (await readdir(join(root, 'cache', 'r'))).sort();
  const get = (version: number) => files.locate(policies.get(version)!.ref, null);
  for (const version of [5, 2, 1]) t.equal((await get(version)).source, 'downloaded');
  t.strictSame(await there(), ['1', '2', '5'], 'however old what was asked for is');
  await get(6);
  t.strictSame(await there(), ['2', '6']);
});

t.test('a trainer cannot make the actor write outside its cache', async (t) => {
  const root = await temporaryFolder(t);
  const hostile = {
    async *downloadPolicy(): AsyncGenerator<PolicyChunk> {
      yield { file: '../../escaped', offset: 0, fileBytes: 1, data: Buffer.of(1), sha256: chunkSha256(Buffer.of(1)) };
    },
  };
  const files = new PolicyFiles({ cacheFolder: join(root, 'cache'), trainer: async () => hostile, keepVersions: 2 });
  await t.rejects(files.locate({ runId: 'r', version: 1, manifestSha256: '' }, null), { code: 'DATA_LOSS' });
  t.strictSame((await readdir(root)).includes('escaped'), false);
});

t.test('the newest announcement wins, a version that cannot be had leaves the old one in place', async (t) => {
  const loads: number[] = [];
  const failures: string[] = [];
  let served: LanePolicy | null = null;
  const locate = async (ref: PolicyRef, folder: string | null, signal?: AbortSignal) => {
    const { manifestSha256 } = ref;
    if (ref.version === 7) throw new SegueError('DATA_LOSS', 'damaged');
    if (ref.version === 8) {
      await new Promise((_, reject) =>
        signal?.addEventListener('abort', () => reject(new SegueError('CANCELLED', 'overtaken'))),
      );
    }
    return { folder: folder ?? 'downloaded', source: 'shared' as const, manifestSha256 };
  };
  const follower = new PolicyFollower({
    files: { locate },
    served: () => served,
    load: async (policy) => {
      served = policy;
      loads.push(policy.version);
    },
    onFailure: (ref) => failures.push(`${ref.version}`),
  });
  const announce = (version: number, manifestSha256 = 'a'): ActivePolicy => {
    return { runId: 'r', version, manifestSha256, folder: `/store/r/${version}`, trainerAddress: '' };
  };
  await follower.follow(announce(6));
  await follower.follow(announce(6));
  t.strictSame(loads, [6], 'loading what is served is nothing to do');
  await follower.follow(announce(6, 'b'));
  t.strictSame(loads, [6, 6], 'a version that was written anew under its number is loaded again');
  await t.rejects(follower.follow(announce(7)), { code: 'DATA_LOSS' });
  t.match(served, { version: 6 }, 'the old one goes on');
  const stuck = follower.follow(announce(8));
  await settle();
  await Promise.all([t.rejects(stuck, { code: 'CANCELLED' }), follower.follow(announce(9))]);
  t.strictSame(loads, [6, 6, 9]);
  t.strictSame(failures, ['7'], 'being overtaken is no failure');
  t.same(await follower.pin('r', null), served);
  t.same(
    await follower.pin('r', 4),
    { runId: 'r', version: 4, folder: '/store/r/4', manifestSha256: '' },
    'beside the active one in the store',
  );
  await t.rejects(follower.pin('q', null), { code: 'FAILED_PRECONDITION' });
});

t.test('a version that does not come keeps no other from being served', async (t) => {
  const loads: number[] = [];
  const locate = async ({ version, manifestSha256 }: PolicyRef, folder: string | null, signal?: AbortSignal) => {
    if (version === 2) {
      await new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(new SegueError('CANCELLED', 'not wanted any more')));
      });
    }
    return { folder: folder ?? 'downloaded', source: 'shared' as const, manifestSha256 };
  };
  const follower = new PolicyFollower({
    files: { locate },
    served: () => null,
    load: async ({ version }) => void loads.push(version),
    prepare: async () => undefined,
  });
  const ref = (version: number): PolicyRef => ({ runId: 'r', version, manifestSha256: `${version}` });
  const stalled = follower.prepare(ref(2), '/store/r/2');
  const waiting = follower.prepare(ref(3), '/store/r/3');
  await settle();
  await Promise.all([
    t.rejects(stalled, { code: 'CANCELLED' }),
    waiting,
    follower.follow({ ...ref(3), folder: '/store/r/3', trainerAddress: '' }),
  ]);
  t.strictSame(loads, [3]);
  const caller = new AbortController();
  const left = follower.prepare(ref(2), '/store/r/2', caller.signal);
  await settle();
  caller.abort();
  await t.rejects(left, { code: 'CANCELLED' }, 'nor when its caller has gone');
});

t.test('a version is checked and made ready ahead, and what was checked is loaded when it is announced', async (t) => {
  const root = await temporaryFolder(t);
  const [one, two] = [
    await writeTinyPolicy(join(root, 'store'), 'r', 1),
    await writeTinyPolicy(join(root, 'store'), 'r', 2),
  ];
  const events: string[] = [];
  let served: LanePolicy | null = null;
  const files = new PolicyFiles({
    cacheFolder: join(root, 'cache'),
    trainer: async () => trainerOf(two),
    keepVersions: 2,
  });
  const follower = new PolicyFollower({
    files: {
      locate: (ref, ...rest) => {
        events.push(`check ${ref.version}`);
        return files.locate(ref, ...rest);
      },
    },
    served: () => served,
    load: async (policy) => {
      served = policy;
      events.push(`load ${policy.version}`);
    },
    prepare: async (policy) => void events.push(policy ? `prepare ${policy.version}` : 'let go'),
  });
  const announce = ({ ref, folder }: TinyPolicy): ActivePolicy => ({ ...ref, folder, trainerAddress: '' });
  await follower.follow(announce(one));
  await follower.prepare(two.ref, two.folder);
  t.match(served, { version: 1 }, 'not served before it is announced');
  await follower.follow(announce(two));
  t.strictSame(events.splice(0), ['check 1', 'load 1', 'check 2', 'prepare 2', 'load 2']);
  await follower.prepare(two.ref, two.folder);
  t.strictSame(events, [], 'what is served is ready');

  await follower.prepare(one.ref, one.folder);
  await follower.serve({ ...one.ref, manifestSha256: '' });
  t.strictSame(
    events.splice(0),
    ['check 1', 'prepare 1', 'check 1', 'load 1'],
    'a reference without a checksum may be to other content: checked again',
  );

  const weights = join(two.folder, 'model.safetensors');
  const bytes = await readFile(weights);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(weights, bytes);
  await t.rejects(follower.prepare(two.ref, two.folder), { code: 'DATA_LOSS', message: /model\.safetensors/ });
  t.strictSame(events, ['check 2', 'prepare 2', 'let go'], 'what was made ready beside the check is gone');
  await t.rejects(follower.follow(announce(two)), { code: 'DATA_LOSS', message: /model\.safetensors/ });
  t.match(served, { version: 1 }, 'one flipped bit: the old one goes on, however far the new one was made ready');
});
