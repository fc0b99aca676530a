/** OpenTelemetry's SDK with an exporter over HTTP: loaded by a process that takes traces, and by no other. */
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Logger } from 'pino';

export interface Tracing {
  /** Sends what has been recorded. */
  stop(): Promise<void>;
}

export interface SdkOptions {
  readonly service: string;
  readonly id: string;
  /** Where spans are posted to. */
  readonly url: string;
  readonly log: Logger;
}

/** Longest time for one export, the last one at the stop included, in ms. */
const exportTimeoutMs = 5_000;

export function startSdk({ service, id, url, log }: SdkOptions): Tracing {
  const tell = (message: string) => log.warn({ url: new URL(url).origin }, `traces: ${message.slice(0, 500)}`);
  const quiet = () => undefined;
  diag.setLogger({ error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': `segue-${service}`, 'service.instance.id': id }),
    // Spans that a slow collector does not take are dropped, never waited for.
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url, timeoutMillis: exportTimeoutMs }))],
  });
  provider.register();
  return { stop: () => provider.shutdown() };
}
