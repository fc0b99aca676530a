/**
 * Whether a device can be used, found out by a process that ends: a check leaves a context of some hundred MB on a GPU for as long as its process
 * lives, and a service that takes turns on the device must not keep it. This file is also the program of that process.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, SegueError } from '@segue/core';
import { type Precision, requireDevice } from '../graph/device.js';
import type { Device } from '../graph/session.js';

/** Libraries of 2 GB may have to come from a slow disk. */
const patienceMs = 120_000;
const program = fileURLToPath(import.meta.url);

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** As `requireDevice`; nothing of it stays on the device. @throws SegueError DEADLINE_EXCEEDED besides, after `timeoutMs` */
export async function requireDeviceBriefly(
  device: Device,
  precision: Precision = 'float32',
  timeoutMs: number = patienceMs,
): Promise<void> {
  // It leaves nothing on a CPU, and what cannot be asked for is refused without looking.
  if (device === 'cpu') return requireDevice(device, precision);
  const refusal = await new Promise<Refusal | null>((resolve, reject) => {
    const stdio = ['ignore', process.stderr, process.stderr, 'ipc'] as const;
    const child = fork(program, [device, precision], { stdio: [...stdio] });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    let answer: Refusal | null | undefined;
    child.on('message', (message) => {
      // The program below sends nothing else.
      answer = (message as { refusal: Refusal | null }).refusal;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (answer !== undefined) return resolve(answer);
      const check = `the check of device ${device}`;
      if (isLate) reject(new SegueError('DEADLINE_EXCEEDED', `${check} was not done in ${timeoutMs / 1_000} s`));
      else reject(new SegueError('INTERNAL', `${check} ended with ${signal ?? `code ${code}`}`));
    });
  });
  if (refusal) throw new SegueError(refusal.code, refusal.message);
}

async function main(device: Device, precision: Precision): Promise<Refusal | null> {
  try {
    await requireDevice(device, precision);
    return null;
  } catch (error) {
    const { code, rawMessage } = SegueError.from(error);
    return { code, message: rawMessage };
  }
}

if (process.argv[1] === program && process.send) {
  // `requireDeviceBriefly` is the only one to start it.
  const [device, precision] = process.argv.slice(2) as [Device, Precision];
  process.send({ refusal: await main(device, precision) }, () => process.disconnect());
}
