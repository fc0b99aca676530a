/**
 * The peers of the decode benchmark: installs them when asked for, writes the same weights in the form that each reads, and runs each in a
 * process of its own, where its settings and memory are its own. Their packages are no part of the project.
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../peers/', import.meta.url));

export const peerNames = ['transformers.js', 'node-llama-cpp'];
const scripts = { 'transformers.js': 'transformers-js.mjs', 'node-llama-cpp': 'node-llama-cpp.mjs' };

/** Installs the peers into their folder. Their install scripts are not run: the runtimes come inside their packages. */
export function installPeers() {
  if (existsSync(join(folder, 'node_modules/node-llama-cpp'))) return;
  process.stderr.write('Installing the peers into scripts/bench/peers/node_modules ...\n');
  const command = ['install', '--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund'];
  const { status, stdout, stderr } = spawnSync('npm', command, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the peers could not be installed:\n${stdout}${stderr}`);
}

/** Writes a checkpoint in the form of every peer; gives the path for each. */
export async function writePeerModels(checkpoint, target) {
  const { writeOnnxModel } = await import('../peers/onnx-model.mjs');
  const { writeGguf } = await import('@segue/remote-engine');
  const paths = { 'transformers.js': join(target, 'onnx-model'), 'node-llama-cpp': join(target, 'model.gguf') };
  await writeOnnxModel(checkpoint, paths['transformers.js']);
  await writeGguf(checkpoint, paths['node-llama-cpp']);
  return paths;
}

/**
 * Starts a peer.
 * @param {string} name one of `peerNames`
 * @param {{ path: string, threads: number, batch: number, context: number }} options `context`: tokens per sequence
 */
export async function startPeer(name, options) {
  const child = fork(join(folder, scripts[name]), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const call = async (message) => {
    child.send(message);
    const exit = new AbortController();
    const answer = await Promise.race([
      once(child, 'message', { signal: exit.signal }).then(([value]) => value),
      once(child, 'exit', { signal: exit.signal }).then(([code]) => ({ error: `it exited with ${code}` })),
    ]).finally(() => exit.abort());
    if (answer.error) throw new Error(`${name}: ${answer.error}`);
    return answer.result;
  };
  await call(options);
  return {
    /** @returns {Promise<{ steps: number, ms: number, cpuMs: number, rows: number[][] }>} steps after the first token, their time, the tokens */
    measure: (work) => call(work),
    async stop() {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}
