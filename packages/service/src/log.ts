/**
 * The log of a process: one JSON object per line on stderr. stdout carries the ready line alone.
 */
import { destination, type Logger, pino } from 'pino';

export function createLog(service: string, id: string, level: string): Logger {
  return pino(
    {
      level,
      base: { service, id },
      timestamp: () => `,"at":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Written at once: the last words of a process that ends must not be lost.
    destination({ dest: 2, sync: true }),
  );
}
