import { deserialize, serialize } from 'node:v8';
export function encodeRow(row: unknown): Buffer {
  return serialize(row);
}
export function decodeRow(bytes: Buffer): unknown {
  return deserialize(bytes);
}
