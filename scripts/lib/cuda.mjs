/**
 * Installs what `device: cuda` needs beside the npm packages: ONNX Runtime's CUDA provider and CUDA's own libraries. Never the driver, which is the
 * machine's. The provider comes from the onnxruntime-gpu wheel of the same version (CUDA 13), or, for drivers older than CUDA 13's, from
 * onnxruntime-node's own download (CUDA 12). It knows nothing of sessions; whether what it installed can be loaded is asked of the engine.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastLines, Refusal, root, run, say } from './process.mjs';

const runtime = join(root, 'node_modules/onnxruntime-node');
const folder = join(runtime, 'bin/napi-v6/linux/x64');
const libraries = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];
/** Oldest driver that CUDA 13 runs on. */
const driverOfCuda13 = 580;

/** What of CUDA the provider asks for, and the packages that hold it, by major version. */
const packages = {
  13: {
    'libcudart.so.13': 'nvidia-cuda-runtime~=13.0',
    // 13.0 and 13.1 round float32 products of a handle now and then (docs/cuda.md, agreement).
    'libcublas.so.13': 'nvidia-cublas~=13.2',
    'libcublasLt.so.13': 'nvidia-cublas~=13.2',
    'libcurand.so.10': 'nvidia-curand~=10.0',
    'libcufft.so.12': 'nvidia-cufft~=12.0',
  },
  12: {
    'libcudart.so.12': 'nvidia-cuda-runtime-cu12',
    'libcublas.so.12': 'nvidia-cublas-cu12',
    'libcublasLt.so.12': 'nvidia-cublas-cu12',
    'libcurand.so.10': 'nvidia-curand-cu12',
    'libcufft.so.11': 'nvidia-cufft-cu12',
    'libcudnn.so.9': 'nvidia-cudnn-cu12',
  },
};

export async function installCuda() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Refusal(
      `CUDA runs on 64-bit Intel or AMD Linux alone and this is ${process.platform} ${process.arch}. Use the CPU install.`,
    );
  }
  const driver = driverVersion();
  const old = driver !== null && driver < driverOfCuda13;
  await (old ? fetchFromNuget() : fetchFromWheel());
  const { requireCuda } = await import(join(root, 'packages/engine/dist/graph/cuda.js'));
  for (;;) {
    const reason = refusalOf(requireCuda);
    if (reason === null) break;
    const missing = /: (lib\S+) is missing;/.exec(reason)?.[1];
    if (missing === undefined) {
      // A machine without a GPU may prepare an image for one that has it.
      say(`segue: the CUDA provider is installed, but here ${reason}`);
      return;
    }
    if (existsSync(join(folder, 'cuda', missing)))
      throw new Refusal(`${missing} is installed and cannot be loaded: ${reason}`);
    await provide(missing, old ? 12 : 13);
  }
  say('segue: CUDA is ready; use --device cuda, or set device: cuda in the configuration of actor and trainer');
}

function refusalOf(check) {
  try {
    check(folder);
    return null;
  } catch (error) {
    return error.rawMessage ?? error.message;
  }
}

/** Major version of the loaded driver; null without one. */
export function driverVersion(path = '/proc/driver/nvidia/version') {
  if (!existsSync(path)) return null;
  const major = /Kernel Module[^\d]*(?:for x86_64\s+)?(\d+)\./.exec(readFileSync(path, 'utf8'))?.[1];
  return major === undefined ? null : Number(major);
}

async function fetchFromNuget() {
  say('segue: fetching the CUDA 12 provider of onnxruntime-node (about 300 MB)');
  const fetched = await run(process.execPath, [join(runtime, 'script/install.js')], {
    env: { ONNXRUNTIME_NODE_INSTALL: 'cuda12' },
  });
  if (!fetched.ok || !libraries.every((name) => existsSync(join(folder, name)))) {
    const reason = /^\w*Error: (.*)$/m.exec(fetched.output)?.[1] ?? lastLines(fetched.output, 1);
    throw new Refusal(
      `The CUDA 12 provider could not be fetched (${reason}). Check that https://api.nuget.org can be reached, or install NVIDIA driver ${driverOfCuda13} or newer for CUDA 13.`,
    );
  }
}

async function fetchFromWheel() {
  const { version } = JSON.parse(readFileSync(join(runtime, 'package.json'), 'utf8'));
  const wheel = `onnxruntime-gpu==${version}`;
  const work = mkdtempSync(join(tmpdir(), 'segue-cuda-'));
  try {
    say(`segue: fetching the CUDA 13 provider from the wheel ${wheel} (about 250 MB)`);
    const platforms = ['manylinux_2_28_x86_64', 'manylinux_2_27_x86_64'].flatMap((name) => ['--platform', name]);
    const options = [
      '--no-deps',
      '--only-binary=:all:',
      '--python-version',
      '3.12',
      '--implementation',
      'cp',
      ...platforms,
    ];
    await pip(['download', ...options, '--dest', work, wheel], wheel);
    await extract(join(work, entries(work, /\.whl$/)[0]), work);
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Takes the provider's libraries out of a wheel, each compared with the checksum that the wheel records for it. */
export async function extract(wheel, work, into = folder) {
  const unpacked = await run('python3', ['-m', 'zipfile', '-e', wheel, join(work, 'wheel')]);
  if (!unpacked.ok) throw new Refusal(`${wheel} could not be unpacked: ${lastLines(unpacked.output, 1)}`);
  const [about] = entries(join(work, 'wheel'), /\.dist-info$/);
  const lines = about === undefined ? [] : readFileSync(join(work, 'wheel', about, 'RECORD'), 'utf8').split(/\r?\n/);
  for (const name of libraries) {
    const path = `onnxruntime/capi/${name}`;
    const recorded = lines.find((line) => line.startsWith(`${path},`))?.split(',')[1];
    const source = join(work, 'wheel', path);
    if (recorded === undefined || !existsSync(source)) throw new Refusal(`${wheel} holds no ${name}.`);
    const found = `sha256=${createHash('sha256').update(readFileSync(source)).digest('base64url')}`;
    if (found !== recorded)
      throw new Refusal(`${name} of ${wheel} does not match its checksum. Run npm run setup:cuda again.`);
    // Never half a file under the final name.
    copyFileSync(source, join(into, `${name}.part`));
    renameSync(join(into, `${name}.part`), join(into, name));
  }
}

/** Names in a folder that match; none when there is no such folder. */
function entries(parent, pattern) {
  return existsSync(parent) ? readdirSync(parent).filter((name) => pattern.test(name)) : [];
}

/** Folders that CUDA's libraries may lie in: the toolkit's, this project's own packages, Python's. */
async function cudaFolders() {
  const toolkits = entries('/usr/local', /^cuda/).map((name) => join('/usr/local', name));
  const python = await run('python3', ['-c', 'import sysconfig; print(sysconfig.get_paths()["purelib"])']);
  const own = join(folder, 'cuda/packages');
  const sites = [...entries(own, /./).map((name) => join(own, name)), ...(python.ok ? [python.output.trim()] : [])];
  return [
    ...toolkits.flatMap((toolkit) => [join(toolkit, 'lib64'), join(toolkit, 'targets/x86_64-linux/lib')]),
    ...sites.flatMap((site) => entries(join(site, 'nvidia'), /./).map((name) => join(site, 'nvidia', name, 'lib'))),
  ];
}

async function findLibrary(name) {
  return (await cudaFolders()).map((place) => join(place, name)).find((path) => existsSync(path));
}

/** Lays a library of CUDA beside the provider: as a link to the machine's own where it has one, else fetched. */
async function provide(name, cuda) {
  const target = join(folder, 'cuda', name);
  mkdirSync(join(folder, 'cuda'), { recursive: true });
  rmSync(target, { force: true });
  let source = await findLibrary(name);
  if (source === undefined) {
    const needed = packages[cuda][name];
    if (needed === undefined) {
      throw new Refusal(
        `The CUDA provider needs ${name}, which no package known here holds. Install it and put its folder on LD_LIBRARY_PATH.`,
      );
    }
    say(`segue: fetching ${name} from the package ${needed}`);
    // A folder each: pip empties a target's subfolders that a package shares with another.
    const into = join(folder, 'cuda/packages', needed.replace(/[^a-z0-9-].*/, ''));
    await pip(['install', '--no-deps', '--only-binary=:all:', '--upgrade', '--target', into, needed], needed);
    source = await findLibrary(name);
    if (source === undefined)
      throw new Refusal(
        `The package ${needed} holds no ${name}. Install CUDA's libraries and put their folder on LD_LIBRARY_PATH.`,
      );
  }
  say(`segue: ${name} is that of ${source}`);
  symlinkSync(source, target);
}

async function pip(args, what) {
  const done = await run('python3', ['-m', 'pip', ...args, '--disable-pip-version-check', '--quiet']);
  if (done.ok) return;
  throw new Refusal(
    `${what} could not be fetched (${lastLines(done.output, 1)}). Check that python3 has pip and that the Python package index can be reached (python3 -m pip download ${what}).`,
  );
}
