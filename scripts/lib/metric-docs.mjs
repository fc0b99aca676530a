/**
 * Every metric that a process of Segue may have, and the page that lists them. The rows of the services are read from the tables that they are made
 * of; those of the Node library that measures the process are written down here. Needs a build.
 */

import { actorMetricTable } from '../../packages/actor/dist/metrics.js';
import { controllerMetricTable } from '../../packages/controller/dist/metrics.js';
import { tableMetricTable } from '../../packages/replay/dist/items/table-metrics.js';
import { replayMetricTable } from '../../packages/replay/dist/metrics.js';
import { rewardMetricTable } from '../../packages/reward/dist/metrics.js';
import { metricPrefix } from '../../packages/service/dist/metrics.js';
import { shellMetricPrefix, shellMetricTable } from '../../packages/service/dist/shell-metrics.js';
import { trainerMetricTable } from '../../packages/trainer/dist/metrics.js';

/**
 * @typedef {object} DocumentedMetric
 * @property {string} name
 * @property {'counter' | 'gauge' | 'histogram'} type
 * @property {string} unit
 * @property {readonly string[]} labels
 * @property {string} service `all`, or the one that has it
 * @property {string} meaning
 */

const tables = [
  ['all', shellMetricPrefix, shellMetricTable],
  ['controller', metricPrefix('controller'), controllerMetricTable],
  ['actor', metricPrefix('actor'), actorMetricTable],
  ['replay', metricPrefix('replay'), { ...replayMetricTable, ...tableMetricTable }],
  ['reward', metricPrefix('reward'), rewardMetricTable],
  ['trainer', metricPrefix('trainer'), trainerMetricTable],
];

const own = tables.flatMap(([service, prefix, table]) =>
  Object.entries(table).map(([name, { type, unit, labels, help }]) => ({
    name: `${prefix}${name}`,
    type,
    unit,
    labels: Object.keys(labels ?? {}),
    service,
    meaning: help,
  })),
);

/** Name, type, unit, labels, meaning. Where a row names Linux, other systems lack it. */
const ofNode = [
  ['process_cpu_user_seconds_total', 'counter', 'seconds', '', 'Processor time in the process itself'],
  ['process_cpu_system_seconds_total', 'counter', 'seconds', '', 'Processor time in the kernel'],
  ['process_cpu_seconds_total', 'counter', 'seconds', '', 'Both together'],
  ['process_start_time_seconds', 'gauge', 'seconds', '', 'Unix time at which the process started'],
  ['process_resident_memory_bytes', 'gauge', 'bytes', '', 'Resident memory, mapped weights and store pages included'],
  ['process_virtual_memory_bytes', 'gauge', 'bytes', '', 'Virtual memory (Linux)'],
  ['process_heap_bytes', 'gauge', 'bytes', '', 'Data segment (Linux)'],
  ['process_open_fds', 'gauge', 'count', '', 'Open file descriptors (Linux)'],
  ['process_max_fds', 'gauge', 'count', '', 'File descriptors allowed (Linux)'],
  ['nodejs_eventloop_lag_seconds', 'gauge', 'seconds', '', 'Lag of the event loop at the time of the scrape'],
  ['nodejs_eventloop_lag_min_seconds', 'gauge', 'seconds', '', 'Least delay since the last scrape'],
  ['nodejs_eventloop_lag_max_seconds', 'gauge', 'seconds', '', 'Largest delay since the last scrape'],
  ['nodejs_eventloop_lag_mean_seconds', 'gauge', 'seconds', '', 'Mean delay since the last scrape'],
  ['nodejs_eventloop_lag_stddev_seconds', 'gauge', 'seconds', '', 'Its standard deviation'],
  ['nodejs_eventloop_lag_p50_seconds', 'gauge', 'seconds', '', 'Median delay since the last scrape'],
  ['nodejs_eventloop_lag_p90_seconds', 'gauge', 'seconds', '', '90th percentile of the same'],
  ['nodejs_eventloop_lag_p99_seconds', 'gauge', 'seconds', '', '99th percentile of the same'],
  ['nodejs_active_resources', 'gauge', 'count', 'type', 'What keeps the event loop alive, by type'],
  ['nodejs_active_resources_total', 'gauge', 'count', '', 'All of it'],
  ['nodejs_active_handles', 'gauge', 'count', 'type', 'Handles of libuv, by type'],
  ['nodejs_active_handles_total', 'gauge', 'count', '', 'All of them'],
  ['nodejs_active_requests', 'gauge', 'count', 'type', 'Requests of libuv, by type'],
  ['nodejs_active_requests_total', 'gauge', 'count', '', 'All of them'],
  ['nodejs_heap_size_total_bytes', 'gauge', 'bytes', '', 'Size of the JavaScript heap'],
  ['nodejs_heap_size_used_bytes', 'gauge', 'bytes', '', 'Used part of the JavaScript heap'],
  ['nodejs_external_memory_bytes', 'gauge', 'bytes', '', 'Memory of buffers and other objects outside the heap'],
  ['nodejs_heap_space_size_total_bytes', 'gauge', 'bytes', 'space', 'Size of a space of the heap'],
  ['nodejs_heap_space_size_used_bytes', 'gauge', 'bytes', 'space', 'Used part of it'],
  ['nodejs_heap_space_size_available_bytes', 'gauge', 'bytes', 'space', 'Free part of it'],
  ['nodejs_version_info', 'gauge', 'flag', 'version, major, minor, patch', 'Version of Node, as labels'],
  ['nodejs_gc_duration_seconds', 'histogram', 'seconds', 'kind', 'Pauses of the garbage collector, by kind'],
].map(([name, type, unit, labels, meaning]) => ({
  name,
  type,
  unit,
  labels: labels === '' ? [] : labels.split(', '),
  service: 'all',
  meaning,
}));

/** @type {readonly DocumentedMetric[]} */
export const documentedMetrics = [...own, ...ofNode];

/**
 * Names under which a metric's samples are read: a histogram has three.
 *
 * @param {DocumentedMetric} metric
 * @returns {string[]}
 */
export function sampleNames({ name, type }) {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

const intro = `# Metrics

Every metric of every process, printed from the tables in the services by \`node scripts/docs.mjs\`; a test reads \`/metrics\` of each process of a
running cluster and finds no metric without a row here and no row without a metric. docs/observability.md says what to look at.

All have the labels \`service\` and \`id\` (the process's name). The number of series is bounded: no label holds the id of a run, a trajectory or a
problem; labels of names that people choose (scorers, tables, temperatures) have as many values as the configuration. Counters begin at 0 for every value of a label that is known
beforehand, so that a rate of nothing is 0 and not nothing. A gauge whose value is not known yet has none: 0 would be a lie.

| name | type | unit | labels | service | meaning |
|---|---|---|---|---|---|
`;

/** @returns {string} the whole page */
export function metricsPage() {
  const rows = documentedMetrics.map(({ name, type, unit, labels, service, meaning }) => {
    const cells = [`\`${name}\``, type, unit === 'count' ? '' : unit, labels.join(', '), service, meaning];
    return `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return `${intro}${rows.join('\n')}\n`;
}
