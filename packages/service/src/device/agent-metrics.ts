/** The metrics of a checkpoint agent, under the name of the service that it is part of. */
import type { MetricsOf, MetricTable } from '../metrics.js';

const buckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export const agentMetricTable = {
  device_held: { type: 'gauge', unit: 'flag', help: '1 while the engine has the device' },
  device_epoch: { type: 'gauge', unit: 'count', help: 'Epoch of the newest lease that this service has had' },
  device_wait_seconds: { type: 'histogram', unit: 'seconds', help: 'Wait for the lease of the device', buckets },
  device_take_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'From asking for the device to an engine that has it',
    buckets,
  },
  device_release_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Time to end the engine and free its memory',
    buckets,
  },
  engine_resident_bytes: {
    type: 'gauge',
    unit: 'bytes',
    help: "Resident memory of the engine's process, read as metrics are collected; 0 while there is none",
  },
  engine_starts_total: { type: 'counter', unit: 'count', help: "Starts of the engine's process" },
  engine_ends_total: {
    type: 'counter',
    unit: 'count',
    help: "Ends of the engine's process",
    labels: { reason: ['released', 'restarted', 'lost', 'failed', 'died'] },
  },
} as const satisfies MetricTable;

export type AgentMetrics = MetricsOf<typeof agentMetricTable>;
