// Makes the smallest shared libraries that a dynamic loader takes: a name, and the names of the libraries that it needs.

const bytes = { header: 64, programHeader: 56, dynamicEntry: 16, symbol: 24 };
/** Tags of the dynamic section. */
const tags = { end: 0, needed: 1, hash: 4, strings: 5, symbols: 6, stringBytes: 10, symbolBytes: 11, name: 14 };

/** An ELF file for 64-bit Intel or AMD Linux. */
export function sharedLibrary(name: string, needed: readonly string[]): Buffer {
  const strings = Buffer.from(`\0${[name, ...needed].join('\0')}\0`);
  const offsetOf = (text: string) => strings.indexOf(`\0${text}\0`) + 1;
  const dynamicAt = bytes.header + 2 * bytes.programHeader;
  const dynamicBytes = (needed.length + 7) * bytes.dynamicEntry;
  const symbolsAt = dynamicAt + dynamicBytes;
  const hashAt = symbolsAt + bytes.symbol;
  const stringsAt = hashAt + 16;
  const file = Buffer.alloc(stringsAt + strings.length);
  const word = (at: number, value: number) => file.writeBigUInt64LE(BigInt(value), at);

  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(3, 16); // a shared object
  file.writeUInt16LE(62, 18); // x86-64
  file.writeUInt32LE(1, 20);
  word(32, bytes.header); // where the program headers begin
  file.writeUInt16LE(bytes.header, 52);
  file.writeUInt16LE(bytes.programHeader, 54);
  file.writeUInt16LE(2, 56);

  const segment = (index: number, type: number, at: number, size: number, alignment: number) => {
    const begin = bytes.header + index * bytes.programHeader;
    file.writeUInt32LE(type, begin);
    file.writeUInt32LE(6, begin + 4); // to be read and written
    for (const [i, value] of [at, at, at, size, size, alignment].entries()) word(begin + 8 + 8 * i, value);
  };
  segment(0, 1, 0, file.length, 4096); // loaded
  segment(1, 2, dynamicAt, dynamicBytes, 8); // dynamic

  const entries: [tag: number, value: number][] = [
    ...needed.map((library): [number, number] => [tags.needed, offsetOf(library)]),
    [tags.name, offsetOf(name)],
    [tags.hash, hashAt],
    [tags.strings, stringsAt],
    [tags.symbols, symbolsAt],
    [tags.stringBytes, strings.length],
    [tags.symbolBytes, bytes.symbol],
    [tags.end, 0],
  ];
  for (const [i, [tag, value]] of entries.entries()) {
    word(dynamicAt + i * bytes.dynamicEntry, tag);
    word(dynamicAt + i * bytes.dynamicEntry + 8, value);
  }
  // A hash table of one bucket and one symbol, the empty one.
  file.writeUInt32LE(1, hashAt);
  file.writeUInt32LE(1, hashAt + 4);
  file.set(strings, stringsAt);
  return file;
}
