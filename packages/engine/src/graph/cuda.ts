/**
 * Whether CUDA can be used here, and if not, why, in one line that says what to install. ONNX Runtime itself says only that a
 * library failed to load. Also decides whether matrix products may round to TF32. Knows nothing of sessions; where the provider comes
 * from is known to `npm run setup:cuda`.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { SegueError } from '@segue/core';

/** Arithmetic of float32 matrix products on CUDA: as it is, or with inputs rounded to 10 bits of mantissa (TF32), several times faster. */
export type MatrixPrecision = 'float32' | 'tf32';

const providerName = 'libonnxruntime_providers_cuda.so';
/** Oldest driver for each major version of CUDA. */
const oldestDriver: Readonly<Record<string, number>> = { 12: 525, 13: 580 };
/** Keeps a library in memory when its handle is closed; not among Node's constants. */
const noDelete = 0x1000;
const settle = 'or use device cpu';

/** Folders whose provider has been loaded for a try. */
const loadable = new Set<string>();

/** The folder of ONNX Runtime's own libraries; the provider lies there, and CUDA's in `cuda` below it. */
export function runtimeFolder(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(entry), '../bin/napi-v6', process.platform, process.arch);
}

/** FAILED_PRECONDITION, naming what is missing, when the provider of `folder` or a library that it needs cannot be loaded. */
export function requireCuda(folder: string = runtimeFolder()): void {
  if (loadable.has(folder)) return;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw refusal(`CUDA runs on 64-bit Intel or AMD Linux alone and this is ${process.platform} ${process.arch}`);
  }
  const provider = join(folder, providerName);
  if (!existsSync(provider)) throw refusal(`the CUDA provider is not installed; run \`npm run setup:cuda\`, ${settle}`);
  const cuda = cudaVersion(provider);
  const loaded = new Set<string>();
  for (;;) {
    const error = loadError(provider, constants.dlopen.RTLD_NOW);
    // The runtime gives this symbol when it loads the provider; whatever comes before it in the search is there.
    if (error === null || error.includes('undefined symbol: Provider_GetHost')) break;
    const missing = /^(\S+): cannot open shared object file/.exec(error)?.[1];
    if (missing === undefined) {
      throw refusal(
        `the CUDA provider does not fit this machine's libraries (${error}); run \`npm run setup:cuda\` again, ${settle}`,
      );
    }
    if (missing === 'libcuda.so.1') throw refusal(`the NVIDIA driver is missing (${missing}); ${installDriver(cuda)}`);
    const installed = join(folder, 'cuda', missing);
    if (loaded.has(missing) || !existsSync(installed)) throw refusal(missingLibrary(missing, cuda));
    const flags = constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | noDelete;
    const nested = loadError(installed, flags);
    if (nested !== null) throw refusal(missingLibrary(/^(\S+): cannot open/.exec(nested)?.[1] ?? nested, cuda));
    loaded.add(missing);
  }
  loadable.add(folder);
}

/** A failure of ONNX Runtime on CUDA, as an error that says what to do about it. `where` names the session. */
export function cudaError(
  where: string,
  message: string,
  cause: unknown,
  folder: string = runtimeFolder(),
): SegueError {
  const code = Number(/CUDA failure (\d+)/.exec(message)?.[1] ?? -1);
  const provider = join(folder, providerName);
  if (code === 35) {
    return refusal(`the NVIDIA driver${driverVersion()} is too old; ${installDriver(cudaVersion(provider))}`, cause);
  }
  if (code === 100)
    return refusal(`no NVIDIA GPU is visible (see nvidia-smi and CUDA_VISIBLE_DEVICES); give one, ${settle}`, cause);
  if (code === 2 || /out of memory|Failed to allocate memory|ALLOC_FAILED/i.test(message)) {
    return new SegueError(
      'RESOURCE_EXHAUSTED',
      `session ${where}: the GPU's memory does not suffice; use fewer slots or smaller micro-batches (${firstLine(message)})`,
      cause,
    );
  }
  return new SegueError('INTERNAL', `session ${where} on cuda: ${firstLine(message)}`, cause);
}

/** What the first session on a GPU began with; null: there was none yet. */
let begunWith: MatrixPrecision | null = null;
let chosen: MatrixPrecision | null = null;

/**
 * Allows or forbids TF32 in this process. The Node binding passes no option for it, so it goes by the environment variable that cuBLAS 13 reads
 * once in a process, when its first handle is made: with the first session. Threads cannot set it: call it on the main thread, before that.
 * @throws SegueError FAILED_PRECONDITION when a session began with the other one: it would go on with that
 */
export function setMatrixPrecision(precision: MatrixPrecision): void {
  if (!isMainThread) return;
  if (begunWith !== null && begunWith !== precision) {
    throw refusal(`this process computes with ${begunWith} already and ${precision} needs one of its own`);
  }
  chosen = precision;
  if (precision === 'tf32') delete process.env.NVIDIA_TF32_OVERRIDE;
  else process.env.NVIDIA_TF32_OVERRIDE = '0';
}

/** From the first session on nothing changes it. */
export function beginMatrixPrecision(): void {
  begunWith ??= chosen ?? (process.env.NVIDIA_TF32_OVERRIDE === '0' ? 'float32' : 'tf32');
}

function refusal(message: string, cause?: unknown): SegueError {
  return new SegueError('FAILED_PRECONDITION', `device cuda cannot be used: ${message}`, cause);
}

function missingLibrary(name: string, cuda: string): string {
  return `${name} is missing; install the CUDA ${cuda} libraries with \`npm run setup:cuda\` or put their folder on LD_LIBRARY_PATH, ${settle}`;
}

function installDriver(cuda: string): string {
  return `install NVIDIA driver ${oldestDriver[cuda] ?? ''} or newer for CUDA ${cuda}, ${settle}`;
}

/** Version of the driver in what its kernel module says of itself; the open one names the architecture before it. */
export function driverVersionIn(text: string): string | undefined {
  return /Kernel Module\D*(?:for x86_64\s+)?(\d+\.[\d.]+)/.exec(text)?.[1];
}

function driverVersion(): string {
  try {
    const version = driverVersionIn(readFileSync('/proc/driver/nvidia/version', 'utf8'));
    return version === undefined ? '' : ` ${version}`;
  } catch {
    // Without the kernel module there is no such file.
    return '';
  }
}

/** Major version of CUDA that the provider was built for: its file begins with the names of the libraries that it needs. */
function cudaVersion(provider: string): string {
  const head = Buffer.alloc(1 << 16);
  const file = openSync(provider, 'r');
  try {
    readSync(file, head);
  } finally {
    closeSync(file);
  }
  return /libcudart\.so\.(\d+)/.exec(head.toString('latin1'))?.[1] ?? '';
}

/** Loads a library, which need not be one of Node's; the loader's error, or null. */
function loadError(path: string, flags: number): string | null {
  try {
    process.dlopen({ exports: {} }, path, flags);
    return null;
  } catch (error) {
    const { message } = error as Error;
    return message.includes('did not self-register') ? null : firstLine(message);
  }
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!;
}
