// Refusals on machines that cannot use CUDA: the loader is asked about real shared libraries, made here, that need what is missing.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SegueError } from '@segue/core';
import { InferenceSession } from 'onnxruntime-node';
import t, { type Test } from 'tap';
import { LocalEngine } from '../dist/generate/local-engine.js';
import { Builder } from '../dist/graph/builder.js';
import {
  beginMatrixPrecision,
  cudaError,
  driverVersionIn,
  requireCuda,
  setMatrixPrecision,
} from '../dist/graph/cuda.js';
import { requireDevice, tryProduct } from '../dist/graph/device.js';
import { emit } from '../dist/graph/emit.js';
import { float16Bits, fromFloat16Bits } from '../dist/graph/float16.js';
import { isRounded, productName, termsName } from '../dist/graph/product-check.js';
import { Session, tensor } from '../dist/graph/session.js';
import { requireDeviceBriefly } from '../dist/process/device-check.js';
import { sharedLibrary } from './shared-library.js';

const linux = process.platform === 'linux' && process.arch === 'x64' ? false : 'CUDA is for 64-bit Intel or AMD Linux';
const provider = 'libonnxruntime_providers_cuda.so';

/** A folder with libraries: their names, and the names of what each needs. */
function runtimeFolder(folder: string, libraries: Readonly<Record<string, readonly string[]>>): string {
  mkdirSync(join(folder, 'cuda'), { recursive: true });
  for (const [name, needed] of Object.entries(libraries))
    writeFileSync(join(folder, name), sharedLibrary(basename(name), needed));
  return folder;
}

t.test('without the provider', { skip: linux }, async (t) => {
  const message =
    'device cuda cannot be used: the CUDA provider is not installed; run `npm run setup:cuda`, or use device cpu';
  t.throws(() => requireCuda(t.testdir()), { code: 'FAILED_PRECONDITION', rawMessage: message });
});

t.test('with a library of CUDA missing', { skip: linux }, async (t) => {
  const folder = runtimeFolder(t.testdir(), { [provider]: ['libcudart.so.13', 'libsegue-absent.so.7'] });
  const message =
    'device cuda cannot be used: libcudart.so.13 is missing; install the CUDA 13 libraries with `npm run setup:cuda` or put their folder on LD_LIBRARY_PATH, or use device cpu';
  t.throws(() => requireCuda(folder), { code: 'FAILED_PRECONDITION', rawMessage: message });
  // Those that the set-up laid beside the provider are found, and the next one is named.
  runtimeFolder(folder, { 'cuda/libcudart.so.13': [] });
  t.throws(() => requireCuda(folder), {
    code: 'FAILED_PRECONDITION',
    rawMessage: /: libsegue-absent\.so\.7 is missing; .* CUDA 13 /,
  });
  runtimeFolder(folder, { 'cuda/libsegue-absent.so.7': ['libsegue-deeper.so.1'] });
  t.throws(() => requireCuda(folder), {
    code: 'FAILED_PRECONDITION',
    rawMessage: /: libsegue-deeper\.so\.1 is missing; /,
  });
  runtimeFolder(folder, { 'cuda/libsegue-absent.so.7': [] });
  t.doesNotThrow(() => requireCuda(folder));
});

t.test('without a driver', { skip: linux }, async (t) => {
  const folder = runtimeFolder(t.testdir(), {
    [provider]: ['libcudart.so.12', 'libcuda.so.1'],
    'cuda/libcudart.so.12': [],
    // The driver is the machine's, never the set-up's: this one is not looked at.
    'cuda/libcuda.so.1': [],
  });
  const refused = (() => {
    try {
      requireCuda(folder);
      return null;
    } catch (error) {
      return error;
    }
  })();
  // On a machine that has the driver there is nothing to refuse.
  if (refused === null) return;
  t.match(refused, {
    code: 'FAILED_PRECONDITION',
    rawMessage:
      'device cuda cannot be used: the NVIDIA driver is missing (libcuda.so.1); install NVIDIA driver 525 or newer for CUDA 12, or use device cpu',
  });
});

t.test('with a provider that is no library', { skip: linux }, async (t) => {
  const folder = t.testdir({ [provider]: 'half a download' });
  t.throws(() => requireCuda(folder), {
    code: 'FAILED_PRECONDITION',
    rawMessage:
      /^device cuda cannot be used: the CUDA provider does not fit this machine's libraries \(.*\); run `npm run setup:cuda` again, or use device cpu$/,
  });
});

t.test('failures of the runtime', { skip: linux }, async (t) => {
  const folder = runtimeFolder(t.testdir(), { [provider]: ['libcudart.so.13'] });
  const failure = (message: string) => cudaError('decode', message, undefined, folder);
  const prefix = 'cuda_call.cc:154 std::conditional_t<THRW, void> CudaCall(ERRTYPE) [with THRW = true]';
  t.match(failure(`${prefix} CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version`), {
    code: 'FAILED_PRECONDITION',
    rawMessage:
      /^device cuda cannot be used: the NVIDIA driver.* is too old; install NVIDIA driver 580 or newer for CUDA 13, or use device cpu$/,
  });
  t.match(failure(`${prefix} CUDA failure 100: no CUDA-capable device is detected ; GPU=-1`), {
    code: 'FAILED_PRECONDITION',
    rawMessage: /^device cuda cannot be used: no NVIDIA GPU is visible/,
  });
  t.match(failure('bfc_arena.cc:360 Failed to allocate memory for requested buffer of size 256\nstack'), {
    code: 'RESOURCE_EXHAUSTED',
    rawMessage: /^session decode: the GPU's memory does not suffice; .*size 256\)$/,
  });
  t.match(failure('an op failed\nin many lines'), {
    code: 'INTERNAL',
    rawMessage: 'session decode on cuda: an op failed',
  });
});

t.test('precisions that a device does not have', async (t) => {
  await t.rejects(requireDevice('cpu', 'tf32'), {
    code: 'INVALID_CONFIG',
    message: /precision tf32 needs device cuda/,
  });
  await t.rejects(requireDevice('cpu', 'float16'), {
    code: 'INVALID_CONFIG',
    message: /precision float16 needs device cuda/,
  });
  await t.resolves(requireDevice('cpu'));
  t.throws(() => new LocalEngine({ slots: 1, precision: 'tf32' }), {
    code: 'INVALID_CONFIG',
    message: /tf32 needs device cuda/,
  });
});

t.test('a check by a process that ends says what a check here says', async (t) => {
  const outcome = async (check: Promise<void>) => {
    try {
      await check;
      return 'usable';
    } catch (error) {
      const { code, rawMessage } = SegueError.from(error);
      return { code, rawMessage };
    }
  };
  for (const precision of ['float32', 'tf32'] as const) {
    for (const device of ['cpu', 'cuda'] as const) {
      t.same(
        await outcome(requireDeviceBriefly(device, precision)),
        await outcome(requireDevice(device, precision)),
        `${device} ${precision}`,
      );
    }
  }
});

t.test('a check that takes too long is ended, and says so', async (t) => {
  await t.rejects(requireDeviceBriefly('cuda', 'float32', 1), {
    code: 'DEADLINE_EXCEEDED',
    message: /the check of device cuda was not done in 0\.001 s/,
  });
});

t.test('the version of the driver, with its own kernel module and with the open one', async (t) => {
  const versions = [
    'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\nGCC version:  gcc 12.2.0',
    'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (root@host)\nGCC version:  gcc 12.2.0',
    'NVRM version: something else',
  ].map(driverVersionIn);
  t.same(versions, ['535.129.03', '580.95.05', undefined]);
});

t.test('float16 bits', async (t) => {
  const known: [number, number][] = [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [-1e30, 0xfc00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
  ];
  for (const [value, bits] of known) t.equal(float16Bits(value), bits, `${value}`);
  t.ok(Number.isNaN(fromFloat16Bits(float16Bits(Number.NaN))));
  // Every float16 there is comes back as itself.
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = fromFloat16Bits(bits);
    if (!Number.isNaN(value) && float16Bits(value) !== bits) t.fail(`bits ${bits} become ${float16Bits(value)}`);
  }
});

t.test('a product tells whether it is rounded', async (t) => {
  t.equal(await tryProduct('cpu', true), false);
  t.equal(isRounded(64 + 64 / 4096), false, 'float32 holds it');
  t.equal(isRounded(64), true, 'inputs of 10 bits: 1 + 1/4096 is 1');
  for (const product of [63, Number.NaN]) t.throws(() => isRounded(product), { code: 'INTERNAL' });
});

/** From here on no more sessions are made than there is room for. */
function boundSessions(t: Test) {
  const room = { sessions: 0, held: new Set<InferenceSession>() };
  const { create } = InferenceSession;
  t.capture(InferenceSession, 'create', async (model: Uint8Array, options: InferenceSession.SessionOptions) => {
    if (room.held.size >= room.sessions) throw new Error('Failed to allocate memory');
    const session = await create.call(InferenceSession, model, options);
    room.held.add(session);
    const release = session.release.bind(session);
    session.release = async () => {
      await release();
      room.held.delete(session);
    };
    return session;
  });
  return room;
}

// The folder's file stands for the memory that a handle finds: what it holds when a session is made is the product that the session tells.
t.test('a session whose products are rounded is made anew', async (t) => {
  const folder = t.testdir();
  const [rounded, exact] = [64, 64 + 64 / 4096];
  const hold = (product: number) => {
    // Renamed into its place: what is mapped stays as it is.
    writeFileSync(join(folder, 'next'), new Uint8Array(new Float32Array(2).fill(product).buffer));
    renameSync(join(folder, 'next'), join(folder, 'products'));
  };
  const make = (name: string) => {
    const b = new Builder();
    const product = b.constantInFile('float32', [1], { file: 'products', offsetBytes: 0, bytes: 4 });
    const terms = b.input(termsName, 'float32', [64, 64]);
    const x = b.input('x', 'float32', [1]);
    b.output('sum', b.add(x, product));
    b.output(productName, b.add(b.mul(terms, 0), product));
    return Session.create(emit(b), { filesFolder: folder, name });
  };
  const x = () => tensor('float32', [1], Float32Array.of(1));

  hold(exact);
  const good = await make('good');
  t.same(good.inputNames, ['x'], 'callers see nothing of the check');
  t.same(good.outputNames, ['sum']);
  t.same((await good.run({ x: x() })).sum?.data, Float32Array.of(1 + exact));
  hold(rounded);
  t.same((await good.run({ x: x() })).sum?.data, Float32Array.of(1 + exact), 'one that has been seen stays');

  const remade = await make('remade');
  hold(exact);
  t.same(await remade.run({ x: x() }), { sum: tensor('float32', [1], Float32Array.of(1 + exact)) });

  hold(rounded);
  const inPlace = await make('in place');
  hold(exact);
  const both = x();
  await inPlace.runInto({ x: both }, { sum: both });
  t.same(both.data, Float32Array.of(1 + exact), 'added once, not in each try');

  hold(rounded);
  const never = await make('never');
  for (const run of [() => never.run({ x: x() }), () => never.runInto({ x: both }, { sum: both })]) {
    await t.rejects(async () => void (await run()), {
      code: 'FAILED_PRECONDITION',
      rawMessage: /rounds float32 products .*, in session never: .* NVIDIA_TF32_OVERRIDE=0 in its environment/,
    });
  }
  t.same(both.data, Float32Array.of(1 + exact), 'nothing is written');

  for (const session of [good, remade, inPlace, never]) await session.dispose();

  const room = boundSessions(t);
  room.sessions = 1;
  hold(rounded);
  const moved = await make('moved');
  hold(exact);
  t.same((await moved.run({ x: x() })).sum?.data, Float32Array.of(1 + exact), 'no room for two: in its place');
  room.sessions = 2;
  hold(rounded);
  const stuck = await make('stuck');
  room.sessions = 0;
  await t.rejects(stuck.run({ x: x() }), { code: 'INTERNAL', rawMessage: /Failed to allocate memory/ });
  room.sessions = 2;
  hold(exact);
  t.same((await stuck.run({ x: x() })).sum?.data, Float32Array.of(1 + exact), 'made when there is room again');
  for (const session of [moved, stuck]) await session.dispose();
  t.equal(room.held.size, 0);
});

// Last: it decides for the whole process.
t.test('a process computes with one precision', async (t) => {
  setMatrixPrecision('tf32');
  setMatrixPrecision('float32');
  t.equal(process.env.NVIDIA_TF32_OVERRIDE, '0', 'the later choice, before any session');
  beginMatrixPrecision();
  setMatrixPrecision('float32');
  t.throws(() => setMatrixPrecision('tf32'), {
    code: 'FAILED_PRECONDITION',
    rawMessage: /computes with float32 already/,
  });
  t.equal(process.env.NVIDIA_TF32_OVERRIDE, '0');
});
