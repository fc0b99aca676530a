/** The dashboard of the processes and what they take of their hosts. Where a node exporter runs, its own dashboards say more of the hosts themselves. */
import { makeBoard } from './board.js';
import { increase, rate } from './promql.js';

/** Processes of Segue alone, whatever else the same Prometheus scrapes. */
const ours = '{service=~"controller|actor|trainer|reward|replay"}';

export const hostsBoard = makeBoard({
  uid: 'segue-hosts',
  title: 'Segue: the hosts',
  about: 'What each process takes: processor, memory, handles; whether its event loop keeps up.',
  rows: [
    {
      title: 'Processes',
      numbers: [
        {
          title: 'Processes',
          about: 'Scraped and alive.',
          unit: 'none',
          queries: { alive: `count(process_start_time_seconds${ours})` },
        },
        {
          title: 'Processor',
          about: 'Cores in use by all of them, engines included.',
          unit: 'short',
          queries: { cores: rate(`process_cpu_seconds_total${ours}`) },
        },
        {
          title: 'Memory',
          about: 'Resident, all of them. Mapped weights and pages of the store count in each process that has them.',
          unit: 'bytes',
          queries: { resident: `sum(process_resident_memory_bytes${ours})` },
        },
        {
          title: 'Largest delay of an event loop',
          about:
            'Since the last scrape. Engines run in threads of their own: a service that answers late has too much to do.',
          unit: 's',
          queries: { delay: `max(nodejs_eventloop_lag_max_seconds${ours})` },
        },
      ],
      lines: [
        {
          title: 'Processor by process',
          about: 'Cores in use.',
          unit: 'short',
          queries: { '{{id}}': rate(`process_cpu_seconds_total${ours}`, 'id') },
        },
        {
          title: 'Memory by process',
          about: 'Resident.',
          unit: 'bytes',
          queries: { '{{id}}': `sum by (id) (process_resident_memory_bytes${ours})` },
        },
        {
          title: 'JavaScript heap by process',
          about: 'In use. One that grows for hours is a leak.',
          unit: 'bytes',
          queries: { '{{id}}': `sum by (id) (nodejs_heap_size_used_bytes${ours})` },
        },
        {
          title: 'Event-loop delay, p99',
          about: 'Since the last scrape, by process.',
          unit: 's',
          queries: { '{{id}}': `max by (id) (nodejs_eventloop_lag_p99_seconds${ours})` },
        },
        {
          title: 'Garbage collection',
          about: 'Share of the time, by process.',
          unit: 'percentunit',
          queries: { '{{id}}': rate(`nodejs_gc_duration_seconds_sum${ours}`, 'id') },
        },
        {
          title: 'Buffers outside the heap',
          about: 'By process: tokens and weights on their way.',
          unit: 'bytes',
          queries: { '{{id}}': `sum by (id) (nodejs_external_memory_bytes${ours})` },
        },
        {
          title: 'Open files',
          about: 'By process; Linux alone.',
          unit: 'none',
          queries: { '{{id}}': `sum by (id) (process_open_fds${ours})` },
        },
        {
          title: 'Time since the start',
          about: 'By process: a line that begins anew is a process that was started again.',
          unit: 's',
          queries: { '{{id}}': `time() - max by (id) (process_start_time_seconds${ours})` },
        },
        {
          title: 'Background work that failed',
          about: 'Per window, by process and loop. It is tried again; a line that stays up needs a look at the log.',
          unit: 'short',
          queries: { '{{id}}: {{loop}}': increase('segue_loop_failures_total', 'id, loop') },
        },
      ],
    },
  ],
});
