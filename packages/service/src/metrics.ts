/**
 * Metrics of one process: a prom-client registry, and a table of a service's metrics that is made at once.
 * Names in the table are written without the prefix: `tokens_total` becomes `segue_<service>_tokens_total`.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

interface MetricRow {
  readonly help: string;
  readonly labels?: readonly string[];
}
export interface CounterRow extends MetricRow {
  readonly type: 'counter';
}
export interface GaugeRow extends MetricRow {
  readonly type: 'gauge';
}
export interface HistogramRow extends MetricRow {
  readonly type: 'histogram';
  /** Upper bounds, in the metric's unit. */
  readonly buckets: readonly number[];
}

/** A service's metrics by name, each with its help text; one table per service. */
export type MetricTable = Readonly<Record<string, CounterRow | GaugeRow | HistogramRow>>;

/** The live metrics of a table, under the same names. */
export type MetricsOf<T extends MetricTable> = {
  readonly [K in keyof T]: T[K] extends CounterRow ? Counter : T[K] extends GaugeRow ? Gauge : Histogram;
};

export interface Metrics {
  readonly registry: Registry;
  /** Makes the metrics of a table; call it once per table. */
  define<const T extends MetricTable>(table: T): MetricsOf<T>;
}

export function createMetrics(service: string, id: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service, id });
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    define<const T extends MetricTable>(table: T) {
      const made = Object.entries(table).map(([name, row]) => [
        name,
        createMetric(registry, `segue_${service}_${name}`, row),
      ]);
      return Object.fromEntries(made) as MetricsOf<T>;
    },
  };
}

function createMetric(registry: Registry, name: string, row: CounterRow | GaugeRow | HistogramRow) {
  const common = { name, help: row.help, labelNames: [...(row.labels ?? [])], registers: [registry] };
  if (row.type === 'counter') return new Counter(common);
  if (row.type === 'gauge') return new Gauge(common);
  return new Histogram({ ...common, buckets: [...row.buckets] });
}
