/**
 * The Segue side of `npm run bench -- train`, a process of its own: reads the same description as the PyTorch side and takes one
 * training step per line on stdin, through the worker that the trainer service uses.
 */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { TrainingWorker } from '@segue/engine';
import { peakBytes } from './memory.mjs';

const startMb = peakBytes() / 1e6;
const task = JSON.parse(await readFile(process.argv[2], 'utf8'));
const rows = task.tokens.map((tokens, row) => ({
  tokens: Int32Array.from(tokens),
  mask: new Uint8Array(tokens.length).fill(1, task.promptTokens),
  advantage: task.advantages[row],
  referenceLogProbs: Float32Array.from(task.referenceLogProbs[row]),
}));
const worker = await TrainingWorker.start({
  source: { folder: task.checkpoint },
  options: { threads: task.threads, ...task.options },
});
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
print({ ready: process.version, startMb });
for await (const _ of createInterface({ input: process.stdin })) {
  const begin = performance.now();
  const cpu = process.cpuUsage();
  const { loss } = await worker.policyGradients(rows, { tau: task.tau });
  const gradientMs = performance.now() - begin;
  const { gradientNorm } = await worker.step(task.learningRate);
  const ms = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  print({ ms, gradientMs, cpuMs: (user + system) / 1000, loss, gradientNorm });
}
await worker.stop();
