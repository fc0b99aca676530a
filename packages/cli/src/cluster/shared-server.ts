/**
 * Whether a message server that runs already is free for a cluster of this machine. Two stores, or two controllers, on one server take each other's messages, so
 * nothing starts beside one that lives. It knows the registry, and nothing of how processes are started.
 */
import { type Bus, connectBus, pause } from '@segue/bus';
import { SegueError } from '@segue/core';

export interface SharedServer {
  readonly url: string;
  /** Addresses of processes that a supervisor of the same data folder had: killed, it leaves services that still save what they have. */
  readonly own: ReadonlySet<string>;
}

export interface Patience {
  readonly betweenLooksMs: number;
  /** An entry that is not renewed for so long is a dead service's, should the server not have forgotten it by itself (after 10 s). */
  readonly forgottenAfterMs: number;
  /** For services of our own to end: longer than one takes to give up by itself. */
  readonly ownMs: number;
}

const patience: Patience = { betweenLooksMs: 200, forgottenAfterMs: 15_000, ownMs: 40_000 };

/**
 * Does nothing where the server asks for credentials, or gives whoever has none too few rights to look: services may be given some that the supervisor has not, and
 * where they have none they say so.
 * @throws SegueError FAILED_PRECONDITION while another cluster lives on it; UNAVAILABLE when it does not answer
 */
export async function requireFreeServer(server: SharedServer, signal?: AbortSignal): Promise<void> {
  try {
    await look(server, signal);
  } catch (error) {
    const { code } = SegueError.from(error);
    if (code !== 'UNAUTHENTICATED' && code !== 'PERMISSION_DENIED') throw error;
  }
}

async function look({ url, own }: SharedServer, signal?: AbortSignal): Promise<void> {
  const bus = await connectBus({ url, name: 'supervisor' });
  try {
    if (await isSetUp(bus)) await waitUntilFree(bus, own, patience, signal);
  } finally {
    await bus.close();
  }
}

/** A server that no store has ever used has no registry. */
async function isSetUp(bus: Bus): Promise<boolean> {
  try {
    await bus.ready({ timeoutMs: 0 });
    return true;
  } catch (error) {
    if (SegueError.from(error).code === 'UNAVAILABLE' && bus.connected) return false;
    throw error;
  }
}

/** An entry that changes is a living service's; one that stays as it is, a dead one's that the server is about to forget. */
export async function waitUntilFree(
  bus: Pick<Bus, 'registrations'>,
  own: ReadonlySet<string>,
  { betweenLooksMs, forgottenAfterMs, ownMs }: Patience,
  signal?: AbortSignal,
): Promise<void> {
  const beganMs = performance.now();
  const firstSeen = new Map<string, number>();
  for (;;) {
    signal?.throwIfAborted();
    const entries = (await bus.registrations()).filter(
      ({ service }) => service === 'replay' || service === 'controller',
    );
    if (entries.length === 0) return;
    const living = entries.filter(({ service, id, address, seenAtMs }) => {
      const key = `${service}.${id} ${address}`;
      const first = firstSeen.get(key);
      if (first === undefined) firstSeen.set(key, seenAtMs);
      return first !== undefined && first !== seenAtMs;
    });
    const waitedMs = performance.now() - beganMs;
    const other = living.find(({ address }) => !own.has(address) || waitedMs > ownMs);
    if (other !== undefined) {
      const { service, address } = other;
      const advice =
        'use that cluster, stop it, or unset SEGUE_NATS_URL so that this one starts a message server of its own';
      throw new SegueError(
        'FAILED_PRECONDITION',
        `another cluster uses the message server of SEGUE_NATS_URL (its ${service} is at ${address}): ${advice}`,
      );
    }
    if (living.length === 0 && waitedMs > forgottenAfterMs) return;
    await pause(betweenLooksMs, signal);
  }
}
