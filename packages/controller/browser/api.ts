/**
 * What the controller tells the page: JSON by request, a run's events as a stream. It knows nothing of how either is shown.
 */
import type { PageProblem, PageTrajectory, PageTrajectoryText } from '@segue/controller';
import type { ClusterStatus, RunEventOf, RunView } from '@segue/core';
import type { Span } from './span.js';

export const api = {
  runs: () => get<RunView[]>('/api/runs'),
  status: () => get<ClusterStatus>('/api/status'),
  problems: (run: string) => get<PageProblem[]>(`/api/runs/${encodeURIComponent(run)}/problems`),
  /** @param span null: of all iterations */
  trajectories: (run: string, span: Span | null) =>
    get<PageTrajectory[]>(
      `/api/runs/${encodeURIComponent(run)}/trajectories${span === null ? '' : `?from=${span.from}&to=${span.to}`}`,
    ),
  trajectory: (id: string) => get<PageTrajectoryText>(`/api/trajectories/${encodeURIComponent(id)}`),
};

async function get<T>(path: string): Promise<T> {
  const response = await fetch(path);
  const body: unknown = await response.json();
  if (response.ok) return body as T;
  const message = typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : path;
  throw new Error(message);
}

export interface EventListeners {
  onEvent(event: RunEventOf): void;
  /** Whether the controller can be heard. */
  onConnection(connected: boolean): void;
  /** The run has come to rest: nothing more comes. */
  onRest(): void;
  /** The controller cannot tell of this run. */
  onFailure(message: string): void;
}

/** Follows a run from its beginning; the browser comes back by itself after a break and asks for what it missed. @returns ends it */
export function followEvents(run: string, { onEvent, onConnection, onRest, onFailure }: EventListeners): () => void {
  const source = new EventSource(`/api/runs/${encodeURIComponent(run)}/events`);
  source.onopen = () => onConnection(true);
  source.onerror = () => onConnection(false);
  source.onmessage = ({ data }) => onEvent(JSON.parse(String(data)));
  source.addEventListener('rest', () => {
    source.close();
    onRest();
  });
  source.addEventListener('failure', ({ data }) => {
    const { code, message }: { readonly code: string; readonly message: string } = JSON.parse(String(data));
    // One that stops comes back, and so does the browser.
    if (code !== 'UNAVAILABLE') source.close();
    onFailure(message);
  });
  return () => source.close();
}
