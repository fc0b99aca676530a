/**
 * gRPC reflection: a tool asks a server what it serves. What it answers with is put together when somebody asks for the first time, which takes a few hundred milliseconds; most servers
 * are never asked.
 */
import type { handleBidiStreamingCall, Server, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { reflectedProtos } from '@segue/bus';
import { assert } from '@segue/core';

interface Face {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

/** @param services full names that are listed */
export function addReflection(server: Pick<Server, 'addService'>, services: readonly string[]): void {
  let answering: readonly Face[] | null = null;
  // Every version of the reflection protocol is a service of its own.
  facesOf(new ReflectionService({})).forEach(({ definition, handlers }, version) => {
    const later = (name: string): handleBidiStreamingCall<unknown, unknown> => {
      return (call) => {
        answering ??= facesOf(new ReflectionService(reflectedProtos(), { services: [...services] }));
        const handler = answering[version]?.handlers[name] as handleBidiStreamingCall<unknown, unknown> | undefined;
        assert(handler !== undefined, `the reflection library has no ${name}`);
        handler(call);
      };
    };
    server.addService(definition, Object.fromEntries(Object.keys(handlers).map((name) => [name, later(name)])));
  });
}

function facesOf(reflection: ReflectionService): Face[] {
  const faces: Face[] = [];
  reflection.addToServer({ addService: (definition, handlers) => void faces.push({ definition, handlers }) });
  return faces;
}
