/** The metrics that every process has, whatever service it is: one table. */
import type { MetricTable } from './metrics.js';

export const shellMetricPrefix = 'segue_';

export const shellMetricTable = {
  calls_total: {
    type: 'counter',
    unit: 'count',
    help: 'gRPC calls answered, by method and status',
    labels: { rpc: null, code: null },
  },
  call_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Duration of a gRPC call, streams to their end',
    labels: { rpc: null },
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
  },
  bus_disconnects_total: {
    type: 'counter',
    unit: 'count',
    help: 'Times that the connection to the message server was lost: it ended, or it cut a consumer that was too slow',
  },
  bus_connected: { type: 'gauge', unit: 'flag', help: '1 while there is a connection to the message server' },
  refused_calls_total: {
    type: 'counter',
    unit: 'count',
    help: 'gRPC calls not let in, by method and reason',
    labels: { rpc: null, code: null },
  },
  certificate_end_seconds: {
    type: 'gauge',
    unit: 'seconds',
    help: "Unix time at which this service's certificate is over; 0 without one",
  },
  loop_failures_total: {
    type: 'counter',
    unit: 'count',
    help: 'Failures of background work, by name',
    labels: { loop: null },
  },
} as const satisfies MetricTable;
