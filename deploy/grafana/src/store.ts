/** The dashboard of the replay store and the message server: what is kept, how fast, what waits in queues, what went wrong, how calls go. */
import { makeBoard } from './board.js';
import { increase, meanOf, orNone, quantile, rate } from './promql.js';

export const storeBoard = makeBoard({
  uid: 'segue-store',
  title: 'Segue: the store and the bus',
  about: 'What the replay store keeps and how fast, what waits in the queues of the message server, and how calls go.',
  rows: [
    {
      title: 'Store',
      numbers: [
        {
          title: 'Store, of its limit',
          about:
            'What is in use of the file over maxStoreBytes: at 100 % writes are refused, but for those that make room.',
          unit: 'percentunit',
          queries: { used: 'max(segue_replay_bytes_in_use / segue_replay_limit_bytes)' },
        },
        {
          title: 'Size of the store',
          about: 'Of its file, which never shrinks, and of that what is in use.',
          unit: 'bytes',
          queries: { file: 'max(segue_replay_bytes_on_disk)', 'in use': 'max(segue_replay_bytes_in_use)' },
        },
        {
          title: 'Free on its disk',
          about: 'A full disk stops nothing for good, but nothing is committed until there is space.',
          unit: 'bytes',
          queries: { free: 'min(segue_replay_disk_free_bytes)' },
        },
        {
          title: 'Dead letters',
          about: 'Given up, and waiting for somebody: segue dead-letters lists them.',
          unit: 'none',
          queries: { '{{kind}}': 'max by (kind) (segue_replay_dead_letters)' },
        },
        {
          title: 'Damage that stands',
          about: 'Damaged records that nothing mends: segue status names them.',
          unit: 'none',
          queries: { records: 'max(segue_replay_standing_damage)' },
        },
      ],
      lines: [
        {
          title: 'Commits per second',
          about: 'Transactions, each with a flush, and the writes in them.',
          unit: 'ops',
          queries: {
            transactions: rate('segue_replay_commit_seconds_count'),
            writes: rate('segue_replay_commit_writes_sum'),
          },
        },
        {
          title: 'Duration of a commit',
          about: 'With its flush. It is the disk that is measured here.',
          unit: 's',
          queries: {
            p50: quantile(0.5, 'segue_replay_commit_seconds'),
            p99: quantile(0.99, 'segue_replay_commit_seconds'),
          },
        },
        {
          title: 'Writes in a commit',
          about: 'Mean: what comes in together shares a flush.',
          unit: 'short',
          queries: { writes: meanOf('segue_replay_commit_writes') },
        },
        {
          title: 'Segments by what became of them',
          about: 'Per second. kept-earlier, closed and stale are fenced: late or doubled work that cannot do harm.',
          unit: 'ops',
          queries: { '{{outcome}}': rate('segue_replay_appends_total', 'outcome') },
        },
        {
          title: 'Tokens per second',
          about: 'Committed response tokens, those prefilled again to go on, and those of prompts.',
          unit: 'short',
          queries: {
            committed: rate('segue_replay_generated_tokens_total'),
            're-prefilled': rate('segue_replay_reprefilled_tokens_total'),
            prompts: rate('segue_replay_prompt_tokens_total'),
          },
        },
        {
          title: 'Verdicts and groups',
          about: 'Verdicts recorded per second, by status, and groups by the state that they came to.',
          unit: 'ops',
          queries: {
            'verdict {{status}}': rate('segue_replay_scores_total', 'status'),
            'group {{state}}': rate('segue_replay_groups_total', 'state'),
          },
        },
        {
          title: 'Dead letters written',
          about: 'Per window, by kind: trajectories given up, verdicts given up, messages that nobody can read.',
          unit: 'short',
          queries: { '{{kind}}': increase('segue_replay_dead_letters_total', 'kind') },
        },
        {
          title: 'Damage found',
          about: 'Per window, by what became of it.',
          unit: 'short',
          queries: { '{{mending}}': increase('segue_replay_damaged_total', 'mending') },
        },
        {
          title: 'Messages not taken in',
          about: 'Per window: sent to the dead letters, or given back to be tried again, by queue.',
          unit: 'short',
          queries: {
            'refused, {{queue}}': increase('segue_replay_refused_messages_total', 'queue'),
            'postponed, {{queue}}': increase('segue_replay_postponed_messages_total', 'queue'),
          },
        },
      ],
    },
    {
      title: 'Tables (empty where none is configured)',
      lines: [
        {
          title: 'Items',
          about: 'In the tables, by name.',
          unit: 'none',
          queries: { '{{table}}': 'sum by (table) (segue_replay_table_items)' },
        },
        {
          title: 'Inserts, samples, removals',
          about: 'Per second, by table.',
          unit: 'ops',
          queries: {
            '{{table}}: inserted': rate('segue_replay_table_inserts_total', 'table'),
            '{{table}}: sampled': rate('segue_replay_table_samples_total', 'table'),
            '{{table}}: removed': rate('segue_replay_table_removed_total', 'table'),
          },
        },
        {
          title: 'Held up by rate limiters',
          about: 'Calls that wait now, and the time that calls have waited (seconds per second).',
          unit: 'short',
          queries: {
            '{{table}}: {{call}} calls': 'sum by (table, call) (segue_replay_table_waiting_calls)',
            '{{table}}: {{call}} blocked': rate('segue_replay_table_blocked_seconds_total', 'table, call'),
          },
        },
      ],
    },
    {
      title: 'Bus',
      lines: [
        {
          title: 'Waiting messages by queue',
          about:
            'Nobody has a lease on them. rollout is the plan that is left; segments or scores above zero for long: the store is behind; reward: the scorers are.',
          unit: 'none',
          queries: { '{{queue}}': 'max by (queue) (segue_controller_queue_messages{state="pending"})' },
        },
        {
          title: 'Leased messages by queue',
          about: "In somebody's hands.",
          unit: 'none',
          queries: { '{{queue}}': 'max by (queue) (segue_controller_queue_messages{state="leased"})' },
        },
        {
          title: 'Connections to the message server',
          about: 'Processes that have none, and connections lost per window.',
          unit: 'short',
          queries: {
            'without a connection': 'count(segue_bus_connected) - sum(segue_bus_connected)',
            'lost by {{id}}': increase('segue_bus_disconnects_total', 'id'),
          },
        },
      ],
    },
    {
      title: 'Calls',
      lines: [
        {
          title: 'gRPC calls per second',
          about: 'Answered, by service.',
          unit: 'ops',
          queries: { '{{service}}': rate('segue_calls_total', 'service') },
        },
        {
          title: 'Calls that failed',
          about: 'Per second, by service and code. NOT_FOUND and CANCELLED are part of the day.',
          unit: 'ops',
          queries: {
            '{{service}} {{code}}': orNone(rate('segue_calls_total{code!="OK"}', 'service, code'), 'service'),
          },
        },
        {
          title: 'Slowest calls',
          about: '99th percentile of the ten slowest methods; streams count to their end.',
          unit: 's',
          queries: { '{{rpc}}': `topk(10, ${quantile(0.99, 'segue_call_seconds', 'rpc')})` },
        },
      ],
    },
  ],
});
