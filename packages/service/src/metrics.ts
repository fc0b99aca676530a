/**
 * Metrics of one process: a prom-client registry, and a table of a service's metrics that is made at once.
 * Names in the table are written without the prefix: `tokens_total` becomes `segue_<service>_tokens_total`. What every service has (shell-metrics.ts)
 * is `segue_` alone, so that one query reads all services. docs/metrics.md is printed from the tables.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What a value counts or measures; `share` is 0 to 1. */
export type MetricUnit = 'seconds' | 'bytes' | 'tokens' | 'nats' | 'share' | 'version' | 'count' | 'flag';

/** Labels by name, each with all of its values where they are known: such series are there from the start, at 0. null: as they come. */
export type MetricLabels = Readonly<Record<string, readonly string[] | null>>;

interface MetricRow {
  readonly help: string;
  readonly unit: MetricUnit;
  /** Never an id of what comes and goes: runs, trajectories, problems. */
  readonly labels?: MetricLabels;
}
export interface CounterRow extends MetricRow {
  readonly type: 'counter';
}
export interface GaugeRow extends MetricRow {
  readonly type: 'gauge';
  /** Without a value until one is measured, where 0 would be a lie. */
  readonly startsEmpty?: boolean;
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

/** What a gauge shows at this moment, by the gauge's name. */
export type GaugeReaders<T extends MetricTable> = {
  readonly [K in keyof T as T[K] extends GaugeRow ? K : never]?: () => Promise<number>;
};

export interface Metrics {
  readonly registry: Registry;
  /**
   * Makes the metrics of a table; call it once per table.
   *
   * @param prefix of the names in place of the service's own
   * @param readers of gauges that are read whenever metrics are collected, in place of being set
   */
  define<const T extends MetricTable>(table: T, prefix?: string, readers?: GaugeReaders<T>): MetricsOf<T>;
}

/** Before the names of one service's own metrics. */
export function metricPrefix(service: string): string {
  return `segue_${service}_`;
}

export function createMetrics(service: string, id: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service, id });
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    define<const T extends MetricTable>(table: T, prefix = metricPrefix(service), readers: GaugeReaders<T> = {}) {
      const readersByName = new Map(Object.entries<(() => Promise<number>) | undefined>(readers));
      const made = Object.entries(table).map(([name, row]) => {
        return [name, createMetric(registry, `${prefix}${name}`, row, readersByName.get(name))];
      });
      return Object.fromEntries(made) as MetricsOf<T>;
    },
  };
}

function createMetric(
  registry: Registry,
  name: string,
  row: CounterRow | GaugeRow | HistogramRow,
  read?: () => Promise<number>,
) {
  const labels = row.labels ?? {};
  const common = { name, help: row.help, labelNames: Object.keys(labels), registers: [registry] };
  const known = seriesOf(labels);
  if (row.type === 'counter') {
    const counter = new Counter(common);
    for (const series of known) counter.inc(series, 0);
    return counter;
  }
  if (row.type === 'gauge') {
    const collect = read && (async () => gauge.set(await read()));
    const gauge: Gauge = new Gauge({ ...common, ...(collect && { collect }) });
    if (row.startsEmpty) gauge.remove();
    else for (const series of known) gauge.set(series, 0);
    return gauge;
  }
  const histogram = new Histogram({ ...common, buckets: [...row.buckets] });
  for (const series of known) histogram.zero(series);
  return histogram;
}

/** Every combination of the labels' values; none where a label's are not known. */
function seriesOf(labels: MetricLabels): Record<string, string>[] {
  if (Object.keys(labels).length === 0) return [];
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (series, [label, values]) => series.flatMap((one) => (values ?? []).map((value) => ({ ...one, [label]: value }))),
    [{}],
  );
}
