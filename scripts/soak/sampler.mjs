/**
 * A process of its own that samples the others: what it reads and lets go of again would be memory of the one that is the supervisor and the client, which is sampled
 * too. `startSampler` is the soak's side of it. Judges nothing.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderBytes, heapSample, pagesInUse, processSample, storeSeries } from './sample.mjs';

const file = fileURLToPath(import.meta.url);

/** @typedef {{ name: string, pid: number, metricsAddress: string }} Sampled a process; without an address it tells nothing of itself */

/** @param {string} folder of the cluster's data */
export function startSampler(folder) {
  const child = fork(file, [folder]);
  const gone = once(child, 'exit');
  const ended = gone.then(([code, signal]) => {
    throw new Error(`the process that samples has ended (${signal ?? code})`);
  });
  // Whoever asks hears of it.
  ended.catch(() => {});
  return {
    /** @param {readonly Sampled[]} processes */
    async sample(processes) {
      const answered = once(child, 'message');
      child.send(processes);
      const [{ sample, error }] = await Promise.race([answered, ended]);
      if (error !== undefined) throw new Error(error);
      return sample;
    },
    async end() {
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}

/** @param {string} folder @param {readonly Sampled[]} sampled */
async function sampleCluster(folder, sampled) {
  const processes = {};
  for (const { name, pid, metricsAddress } of sampled)
    processes[name] = { ...(await processSample(pid)), heap: await heapSample(metricsAddress) };
  const store = sampled.find(({ name }) => name === 'replay');
  const kept = {
    nats: await streamBytes(join(folder, 'nats/jetstream/$G/streams')),
    replay: {
      [storeSeries.inUse]: await pagesInUse(store?.metricsAddress ?? ''),
      [storeSeries.file]: await folderBytes(join(folder, 'replay')),
    },
    trainer: { 'policies on disk, per run': await bytesPerRun(join(folder, 'policies')) },
  };
  return { processes, kept, grows: { logs: await folderBytes(join(folder, 'logs')) } };
}

/** Of each stream and bucket of the message server. */
async function streamBytes(folder) {
  const names = await readdir(folder);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [`${name} on disk`, await folderBytes(join(folder, name))])),
  );
}

/** A folder of policies has one folder per run. */
async function bytesPerRun(folder) {
  const runs = await readdir(folder).catch(() => []);
  return runs.length === 0 ? 0 : (await folderBytes(folder)) / runs.length;
}

if (process.argv[1] === file) {
  // A Ctrl-C in the terminal is the soak's to answer: it ends this process with the channel.
  process.on('SIGINT', () => {});
  const [, , folder] = process.argv;
  process.on('message', async (processes) => {
    try {
      process.send({ sample: await sampleCluster(folder, processes) });
    } catch (error) {
      process.send({ error: error.message });
    }
  });
  process.on('disconnect', () => process.exit());
}
