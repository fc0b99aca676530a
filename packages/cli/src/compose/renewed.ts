/**
 * Which containers still use credentials that have been renewed since they began: read from what `prepare` has written to its log, with the time of
 * each line. It restarts nothing, and knows nothing of certificates.
 */

/** A container of the project. */
export interface StartedContainer {
  readonly service: string;
  /** As the engine tells it: RFC 3339. */
  readonly startedAt: string;
}

/** The same holder on another device. */
const deviceSuffix = /-gpu$/;

/**
 * Services, by name and each once, of which a container began before its credentials were renewed.
 * @param log lines as `docker logs --timestamps` gives them
 */
export function servicesToRestart(log: string, containers: readonly StartedContainer[]): string[] {
  const renewedAtMs = new Map<string, number>();
  for (const line of log.split('\n')) {
    const [, at = '', holder = ''] = /^(\S+) renewed (\S+)\s*$/.exec(line) ?? [];
    if (holder !== '') renewedAtMs.set(holder, Date.parse(at));
  }
  const isStale = ({ service, startedAt }: StartedContainer) =>
    Date.parse(startedAt) < (renewedAtMs.get(service.replace(deviceSuffix, '')) ?? Number.NEGATIVE_INFINITY);
  return [...new Set(containers.filter(isStale).map(({ service }) => service))].sort();
}
