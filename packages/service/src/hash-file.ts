/** The SHA-256 of a file of any size. One part is read while the one before it is summed; two buffers serve for all of them. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

const partBytes = 1 << 20;

/** @param file open for reading; it stays open */
export async function hashFile(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  const buffers = [Buffer.allocUnsafeSlow(partBytes), Buffer.allocUnsafeSlow(partBytes)] as const;
  let [next, spare]: readonly [Buffer, Buffer] = buffers;
  const read = (into: Buffer, position: number) => file.read(into, 0, partBytes, position);
  let position = 0;
  for (let reading = read(next, position); ; ) {
    const { bytesRead } = await reading;
    if (bytesRead === 0) return hash.digest('hex');
    position += bytesRead;
    const part = next.subarray(0, bytesRead);
    [next, spare] = [spare, next];
    reading = read(next, position);
    hash.update(part);
  }
}
