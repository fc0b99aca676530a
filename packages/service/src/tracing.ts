/**
 * Traces of a process: off unless an address is configured, or named as OpenTelemetry does (OTEL_EXPORTER_OTLP_ENDPOINT). The SDK is loaded only then. What is
 * traced is decided in @segue/bus (tracing.ts).
 */
import { turnOnTracing } from '@segue/bus';
import type { CommonConfig } from '@segue/core';
import type { Logger } from 'pino';
import type { Tracing } from './tracing-sdk.js';

/** Begins to record; null where nobody asked for it. */
export async function startTracing(
  service: string,
  { id, tracing }: Pick<CommonConfig, 'id' | 'tracing'>,
  environment: Readonly<Record<string, string | undefined>>,
  log: Logger,
): Promise<Tracing | null> {
  const url = tracesUrl(tracing.endpoint, environment);
  if (url === null) return null;
  const { startSdk } = await import('./tracing-sdk.js');
  const sdk = startSdk({ service, id, url, log });
  turnOnTracing();
  log.info({ endpoint: new URL(url).origin, share: tracing.share }, 'traces are taken');
  return sdk;
}

/** Where spans are posted to: the signal's own variable names the whole address, the others its base. */
export function tracesUrl(
  endpoint: string | null,
  environment: Readonly<Record<string, string | undefined>>,
): string | null {
  const {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: whole,
    OTEL_EXPORTER_OTLP_ENDPOINT: base,
    OTEL_SDK_DISABLED: off,
  } = environment;
  if (endpoint === null && off === 'true') return null;
  if (endpoint === null && whole) return whole;
  const chosen = endpoint ?? base;
  return chosen ? `${chosen.replace(/\/+$/, '')}/v1/traces` : null;
}
