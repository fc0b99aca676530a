/**
 * Servers that register and leave: checks where they listen, asks them for their scorers, and tells all reward services by the bus. Being asked is the
 * health check too: a server that does not answer is not registered anew, and counts as absent when its time is over.
 */
import { type Bus, type Client, type Handlers, isLoopback, type ScorerEntry } from '@segue/bus';
import { isId, type RewardApi, type ScorerInfo, type ScorerListApi, type ScorerServer, SegueError } from '@segue/core';
import { expiresAfterMs, type ScorerServers } from './scorer-servers.js';
import type { Nonsense } from './verdict.js';

/** Longest time for a server to say which scorers it has, in ms. */
const askMs = 3_000;
const maxScorersPerServer = 16;
const maxScorers = 256;
const maxDescriptionChars = 1_000;
const maxSchemaChars = 16_384;

export interface RegistrationParts {
  readonly bus: Pick<Bus, 'putScorer'>;
  readonly servers: ScorerServers;
  readonly builtIn: Pick<ReadonlyMap<string, unknown>, 'has'>;
  readonly open: (server: ScorerServer) => Pick<Client<RewardApi>, 'listScorers' | 'close'>;
  readonly addressRule: AddressRule;
  readonly onNonsense: (kind: Nonsense) => void;
}

export interface AddressRule {
  /** Calls go over TLS. */
  readonly tls: boolean;
  /** Other machines may be called without. */
  readonly insecure: boolean;
}

export function scorerListHandlers(parts: RegistrationParts): Handlers<ScorerListApi> {
  const { bus, servers } = parts;
  const tell = async (entry: ScorerEntry) => {
    await bus.putScorer(entry);
    servers.hear(entry);
  };
  /** Says of scorers that an instance does not serve them any more. */
  const leave = async (instance: string, stays: ReadonlySet<string>): Promise<string[]> => {
    const gone = servers.servedBy(instance).filter(({ name }) => !stays.has(name));
    for (const { name: scorer, description, metadataSchema, servers: own } of gone) {
      const address = own.get(instance)?.address ?? '';
      const metadataSchemaJson = metadataSchema === null ? '' : JSON.stringify(metadataSchema);
      await tell({ scorer, instance, address, description, metadataSchemaJson, serves: false });
    }
    return gone.map(({ name }) => name);
  };
  return {
    registerScorers: async (server) => {
      requireAddress(server.address, parts.addressRule);
      const scorers = requireScorers(await askFor(parts, server), server, parts);
      for (const { name, description, metadataSchemaJson } of scorers) {
        await tell({ ...server, scorer: name, description, metadataSchemaJson, serves: true });
      }
      await leave(server.instance, new Set(scorers.map(({ name }) => name)));
      const described = scorers.map((scorer) => ({ ...scorer, servers: servers.present(scorer.name).length }));
      return { scorers: described, expiresAfterMs };
    },
    unregisterScorers: async ({ instance }) => ({ scorers: await leave(instance, new Set()) }),
  };
}

/** Loopback, or over TLS, or said in so many words. Exported for its test. */
export function requireAddress(address: string, { tls, insecure }: AddressRule): void {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+):(\d{1,5})$/i.exec(address) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw new SegueError('INVALID_INPUT', `address must be host:port, got ${JSON.stringify(address.slice(0, 140))}`);
  }
  if (tls || insecure || isLoopback(host)) return;
  throw new SegueError(
    'INVALID_INPUT',
    `address ${address} is not loopback, and the reward service has no TLS: prompts and responses would travel in the open. Give the cluster certificates (segue certs), or start the reward service with --insecure if the network is closed`,
  );
}

async function askFor({ open }: RegistrationParts, server: ScorerServer): Promise<readonly ScorerInfo[]> {
  const client = open(server);
  try {
    return (await client.listScorers({}, { deadlineMs: askMs })).scorers;
  } catch (error) {
    const { retryable, rawMessage } = SegueError.from(error);
    const message = `${server.instance} at ${server.address} was asked for its scorers and did not answer: ${rawMessage}`;
    throw new SegueError(retryable ? 'UNAVAILABLE' : 'FAILED_PRECONDITION', message, error);
  } finally {
    client.close();
  }
}

/** What a server says of itself, if it makes sense. */
function requireScorers(
  scorers: readonly ScorerInfo[],
  server: ScorerServer,
  { builtIn, servers, onNonsense }: RegistrationParts,
): readonly ScorerInfo[] {
  const refuse = (message: string): never => {
    onNonsense('scorers');
    throw new SegueError('INVALID_INPUT', `${server.instance} at ${server.address}: ${message}`);
  };
  if (scorers.length === 0) refuse('it serves no scorer');
  if (scorers.length > maxScorersPerServer) {
    refuse(`it serves ${scorers.length} scorers, more than ${maxScorersPerServer}`);
  }
  if (new Set(scorers.map(({ name }) => name)).size < scorers.length) refuse('it names a scorer twice');
  for (const { name, description, metadataSchemaJson } of scorers) {
    if (!isId(name)) refuse(`a scorer's name must be of [a-z0-9-], got ${JSON.stringify(name.slice(0, 140))}`);
    if (description.length > maxDescriptionChars) {
      refuse(`the description of ${name} is longer than ${maxDescriptionChars} characters`);
    }
    if (!isSchema(metadataSchemaJson)) {
      refuse(`the metadata schema of ${name} is not the JSON of an object of at most ${maxSchemaChars} characters`);
    }
    if (builtIn.has(name)) {
      throw new SegueError('ALREADY_EXISTS', `${name} is the name of a built-in scorer: give yours another one`);
    }
    if (servers.present(name).length === 0 && servers.countPresent() >= maxScorers) {
      throw new SegueError(
        'RESOURCE_EXHAUSTED',
        `${maxScorers} scorers are registered already, ${name} is one too many`,
      );
    }
  }
  return scorers;
}

function isSchema(json: string): boolean {
  if (json === '') return true;
  if (json.length > maxSchemaChars) return false;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
