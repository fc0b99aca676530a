/** A second judgement on protobuf bytes, by the encoding's own rules alone: tags, wire types, lengths. Knows no message of ours. */

/** Whether the bytes are fields, one after the other, that end where the bytes end. */
export function isWireFormat(bytes: Uint8Array): boolean {
  let at = 0;
  const groups: number[] = [];
  /** The low 32 bits; null when it does not end, or is longer than ten bytes. */
  const varint = (): number | null => {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[at++];
      if (byte === undefined) return null;
      if (i < 5) value += (byte & 0x7f) * 2 ** (7 * i);
      else if ((byte & 0x7f) !== 0) value = Number.POSITIVE_INFINITY;
      if (byte < 0x80) return value;
    }
    return null;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === null || tag > 0xffffffff) return false;
    const field = Math.floor(tag / 8);
    if (field === 0) return false;
    switch (tag % 8) {
      case 0:
        if (varint() === null) return false;
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (length === null) return false;
        at += length;
        break;
      }
      case 3:
        groups.push(field);
        break;
      case 4:
        if (groups.pop() !== field) return false;
        break;
      case 5:
        at += 4;
        break;
      default:
        return false;
    }
    if (at > bytes.length) return false;
  }
  return groups.length === 0;
}
