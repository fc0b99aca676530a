export type { CounterRow, GaugeRow, HistogramRow, Metrics, MetricsOf, MetricTable } from './metrics.js';
export { createMetrics } from './metrics.js';
export * from './pending.js';
export type { Build, Peers, Shell } from './shell.js';
