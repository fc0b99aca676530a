/**
 * A contract bound to its protos: each RPC with its path and with functions between core's values and bytes. Bytes that are
 * no valid message are refused like any other bad input, so that nothing is left to the RPC library's own messages.
 */
import { SegueError } from '@segue/core';
import type { Converter } from '../convert/converter.js';
import type { ApiShape } from './call.js';
import type { AnyRule, Contract } from './contract.js';
import { type ProtoMethod, protoMethods } from './protos.js';
import { isMessage } from './wire-format.js';

/** Between a value and the bytes of its message. */
export interface WireFormat<T> {
  encode(value: T): Buffer;
  decode(bytes: Buffer): T;
}

export interface BoundMethod {
  /** Name in the contract: `getRun`. */
  readonly name: string;
  /** `/segue.v1.ReplayStore/GetRun`. */
  readonly path: string;
  readonly rule: AnyRule;
  /** Requests; for a client's stream its parts. */
  readonly request: WireFormat<unknown>;
  readonly response: WireFormat<unknown>;
}

/** Refuses (INTERNAL) a contract that does not have exactly the RPCs of its protos. */
export function bindContract<Api extends ApiShape<Api>>(contract: Contract<Api>): BoundMethod[] {
  const protos = protoMethods(contract.name);
  const rules = Object.entries(contract.methods) as [string, AnyRule][];
  const missing = [...protos.keys()].filter((name) => !rules.some(([key]) => capitalised(key) === name));
  if (missing.length > 0)
    throw new SegueError('INTERNAL', `${contract.name}: no contract entry for ${missing.join(', ')}`);
  return rules.map(([name, rule]) => bindMethod(contract.name, name, rule, protos.get(capitalised(name))));
}

function bindMethod(service: string, name: string, rule: AnyRule, proto: ProtoMethod | undefined): BoundMethod {
  if (!proto || kindOf(proto) !== rule.kind) {
    throw new SegueError('INTERNAL', `${service}: the protos have no ${rule.kind} RPC ${capitalised(name)}`);
  }
  return {
    name,
    path: proto.path,
    rule,
    request: format<unknown>(
      proto.path,
      rule.kind === 'client-stream' ? rule.part : rule.request,
      proto.requestSerialize,
      proto.requestDeserialize,
    ),
    response: answer(
      proto.path,
      format<unknown>(proto.path, rule.response, proto.responseSerialize, proto.responseDeserialize),
    ),
  };
}

function format<T>(
  path: string,
  converter: Converter<T>,
  serialize: (message: object) => Buffer,
  deserialize: (bytes: Buffer) => object,
): WireFormat<T> {
  return {
    encode: (value) => serialize(converter.toWire(value)),
    decode: (bytes) => converter.fromWire(parse(path, bytes, deserialize)),
  };
}

/** What a handler answers and no message can carry is no fault of the caller's, whatever the converter calls it. */
function answer<T>(path: string, { encode, decode }: WireFormat<T>): WireFormat<T> {
  return {
    encode: (value) => {
      try {
        return encode(value);
      } catch (error) {
        const reason = SegueError.from(error).rawMessage;
        throw new SegueError('INTERNAL', `${path}: the answer fits no message (${reason})`, error);
      }
    },
    decode,
  };
}

function parse(path: string, bytes: Buffer, deserialize: (bytes: Buffer) => object): object {
  const refusal = `${path}: ${bytes.length} bytes are not a valid message`;
  if (!isMessage(bytes)) throw new SegueError('INVALID_INPUT', refusal);
  try {
    return deserialize(bytes);
  } catch (error) {
    throw new SegueError('INVALID_INPUT', refusal, error);
  }
}

function kindOf(proto: ProtoMethod): string {
  if (proto.requestStream) return proto.responseStream ? 'bidirectional' : 'client-stream';
  return proto.responseStream ? 'server-stream' : 'unary';
}

function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
