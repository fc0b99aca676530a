/** The process shell that every service wears. */
export type { HttpPages } from './http.js';
export type { CounterRow, GaugeRow, HistogramRow, Metrics, MetricsOf, MetricTable } from './metrics.js';
export { createMetrics, metricPrefix } from './metrics.js';
export { PinnedVersions, pinnedVersions } from './pinned-versions.js';
export { runService, type ServiceDefinition } from './run-service.js';
export type { Build, Peers, Shell } from './shell.js';
export { shellMetricPrefix, shellMetricTable } from './shell-metrics.js';
export { TrajectoryReader } from './trajectory-reader.js';
