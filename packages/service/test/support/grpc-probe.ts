/** Asks a server what any gRPC tool asks: its health, and by reflection which services it has and how their messages look. */
import { createRequire } from 'node:module';
import { Client, credentials } from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';

type Method = MethodDefinition<object, object>;

const require = createRequire(import.meta.url);

/** A method of a proto file that a package carries. @param file relative to the package's entry */
function methodOf(entry: string, file: string, service: string, name: string): Method {
  const path = new URL(file, `file://${require.resolve(entry)}`).pathname;
  const definition = loadSync(path, { enums: String, defaults: true })[service];
  const method = definition && !('format' in definition) ? definition[name] : undefined;
  if (!method) throw new Error(`${path} has no ${service}/${name}`);
  return method;
}

const check = methodOf('grpc-health-check', '../../proto/health/v1/health.proto', 'grpc.health.v1.Health', 'Check');
const reflect = methodOf(
  '@grpc/reflection',
  '../proto/grpc/reflection/v1/reflection.proto',
  'grpc.reflection.v1.ServerReflection',
  'ServerReflectionInfo',
);

interface Health {
  readonly status?: string;
}
interface Reflection {
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Uint8Array[] };
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
}

/** `SERVING` or `NOT_SERVING`. */
export async function askHealth(address: string): Promise<string | undefined> {
  const client = new Client(address, credentials.createInsecure());
  try {
    const answer = await new Promise<Health | undefined>((resolve, reject) =>
      client.makeUnaryRequest<object, Health>(
        check.path,
        check.requestSerialize,
        check.responseDeserialize,
        { service: '' },
        (error, response) => (error ? reject(error) : resolve(response)),
      ),
    );
    return answer?.status;
  } finally {
    client.close();
  }
}

/** Full names of the services that the server tells of. */
export async function listServices(address: string): Promise<string[]> {
  const [answer] = await askReflection(address, { listServices: '*' });
  return (answer?.listServicesResponse?.service ?? []).map(({ name }) => name);
}

/** The descriptors of the file that defines a symbol, and of what it imports. */
export async function describeSymbol(address: string, symbol: string): Promise<readonly Uint8Array[]> {
  const [answer] = await askReflection(address, { fileContainingSymbol: symbol });
  return answer?.fileDescriptorResponse?.fileDescriptorProto ?? [];
}

async function askReflection(address: string, question: object): Promise<Reflection[]> {
  const client = new Client(address, credentials.createInsecure());
  try {
    const call = client.makeBidiStreamRequest<object, Reflection>(
      reflect.path,
      reflect.requestSerialize,
      reflect.responseDeserialize,
    );
    call.end(question);
    const answers: Reflection[] = [];
    for await (const answer of call as AsyncIterable<Reflection>) answers.push(answer);
    return answers;
  } finally {
    client.close();
  }
}
