/** The process shell that every service wears, and the agent that owns an engine's process. */
export { type AgentState, type AgentStatus, CheckpointAgent, type ReleaseReport } from './device/agent.js';
export { type AgentFace, type AgentOwner, type LoadOrder, serveAgent } from './device/agent-http.js';
export { DeviceClaim } from './device/claim.js';
export { type ColocatedEngine, openAgent } from './device/open-agent.js';
export { hashFile } from './hash-file.js';
export type { HttpPages } from './http.js';
export type { CounterRow, GaugeRow, HistogramRow, Metrics, MetricsOf, MetricTable } from './metrics.js';
export { createMetrics, metricPrefix } from './metrics.js';
export { PinnedVersions, pinnedVersions } from './pinned-versions.js';
export { chunkSha256, policyChunks } from './policy-chunks.js';
export { runService, type ServiceDefinition } from './run-service.js';
export type { Build, Peers, Shell } from './shell.js';
export { shellMetricPrefix, shellMetricTable } from './shell-metrics.js';
export { TrajectoryReader } from './trajectory-reader.js';
