/**
 * Events as the store keeps them, with the body as JSON, and as users read them, with the type of their kind.
 */
import type { RunEventKind, RunEventOf, StoredEvent } from '@segue/core';

/** The one place where an event's body gets the type of its kind. An event of a kind that this version does not know is passed on as it is. */
export function toEvent(event: StoredEvent): RunEventOf {
  const body: unknown = JSON.parse(event.bodyJson);
  const { sequence, atMs } = event;
  return { sequence, atMs, kind: event.kind as RunEventKind, body } as RunEventOf;
}
