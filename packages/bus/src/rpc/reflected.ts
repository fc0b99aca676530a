/**
 * The protos as gRPC reflection tells them. They are loaded a second time with their names as written (`run_id`), and mended: the library names a map's entry message after the field
 * alone, where the language's rule is CamelCase of the field and `Entry`, and strict readers (Go's, so grpcurl's) refuse the whole file.
 */
import type { PackageDefinition } from '@grpc/proto-loader';
import descriptor, { type IDescriptorProto, type IFileDescriptorProto } from 'protobufjs/ext/descriptor.js';
import { readProtos } from './protos.js';

const { FileDescriptorProto } = descriptor;

/** For `ReflectionService`: it reads the files' descriptors alone. */
export function reflectedProtos(): PackageDefinition {
  const files = new Map<Buffer, Buffer>();
  const mended = (file: Buffer) => {
    const known = files.get(file) ?? mendMaps(file);
    files.set(file, known);
    return known;
  };
  return Object.fromEntries(
    Object.entries(readProtos({ keepCase: true })).map(([name, definition]) => {
      const { fileDescriptorProtos } = definition;
      if (!Array.isArray(fileDescriptorProtos)) return [name, definition];
      return [name, { ...definition, fileDescriptorProtos: fileDescriptorProtos.map(mended) }];
    }),
  );
}

/** A file's descriptor with every map entry under its proper name. */
function mendMaps(file: Uint8Array): Buffer {
  const decoded: IFileDescriptorProto = FileDescriptorProto.toObject(FileDescriptorProto.decode(file));
  for (const message of decoded.messageType ?? []) mendMessage(message, `.${decoded.package ?? ''}`);
  return Buffer.from(FileDescriptorProto.encode(FileDescriptorProto.fromObject(decoded)).finish());
}

function mendMessage(message: IDescriptorProto, scope: string): void {
  const fullName = `${scope}.${message.name}`;
  const nested = message.nestedType ?? [];
  for (const field of message.field ?? []) {
    const entry = nested.find(({ name, options }) => options?.mapEntry === true && name === field.typeName);
    if (!entry) continue;
    entry.name = mapEntryName(field.name ?? '');
    field.typeName = `${fullName}.${entry.name}`;
  }
  for (const inner of nested) mendMessage(inner, fullName);
}

/** `segments_by_actor` -> `SegmentsByActorEntry`. */
function mapEntryName(field: string): string {
  return `${field.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase()).replaceAll('_', '')}Entry`;
}
