/** The other actors that serve a version, as the registry has them. */
import type { Registration } from '@segue/bus';
import type { PolicyRef } from '@segue/core';

/** More than these are not asked: the trainer has every version for certain. */
const askedAtMost = 2;

/** Addresses of those who serve it, in an order that differs from actor to actor, so that many who join do not all ask the same one. */
export function peersWith(actors: readonly Registration[], ref: PolicyRef, me: string, random: () => number): string[] {
  const having = actors
    .filter(({ id, runId, policyVersion }) => id !== me && runId === ref.runId && policyVersion === ref.version)
    .map(({ address }) => ({ address, order: random() }));
  return having
    .sort((a, b) => a.order - b.order)
    .slice(0, askedAtMost)
    .map(({ address }) => address);
}
