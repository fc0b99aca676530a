/**
 * Whether bytes are a message of proto3 at all: fields with known wire types that end where the message ends. The decoder is more lenient: it takes groups that do not end and
 * skips what it cannot know. Values inside of fields, and which fields there are, are the decoder's business.
 */

const wireTypes = { varint: 0, bits64: 1, bytes: 2, bits32: 5 } as const;
const maxVarintBytes = 10;

export function isMessage(bytes: Uint8Array): boolean {
  const end = bytes.length;
  let at = 0;
  while (at < end) {
    const tag = readVarint(bytes, at);
    if (tag === null || tag.value < 8 || tag.value > 0xffffffff) return false;
    at = tag.end;
    switch (tag.value % 8) {
      case wireTypes.varint: {
        const number = readVarint(bytes, at);
        if (number === null) return false;
        at = number.end;
        break;
      }
      case wireTypes.bytes: {
        const length = readVarint(bytes, at);
        if (length === null) return false;
        at = length.end + length.value;
        break;
      }
      case wireTypes.bits64:
        at += 8;
        break;
      case wireTypes.bits32:
        at += 4;
        break;
      // Groups, which proto3 does not have, and what is no type.
      default:
        return false;
    }
  }
  return at === end;
}

/** @returns the number, inexact where it is beyond 53 bits, and where it ends; null when it does not end */
function readVarint(bytes: Uint8Array, from: number): { readonly value: number; readonly end: number } | null {
  let value = 0;
  for (let i = 0; i < maxVarintBytes; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: from + i + 1 };
  }
  return null;
}
