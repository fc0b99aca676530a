/** Which containers are restarted after credentials were renewed. It starts no containers: test/compose does. */
import t from 'tap';
import { servicesToRestart } from '../dist/compose/renewed.js';

const log = [
  '2026-11-01T10:00:00.000000001Z /credentials/controller',
  '2026-11-01T10:00:00.100000000Z renewed nats',
  '2026-11-01T10:00:00.200000000Z renewed actor',
  '2026-11-02T10:00:00.000000000Z renewed actor',
  '2026-11-02T10:00:00.000000000Z renewed operator',
].join('\n');

t.test('those that began before their credentials were renewed', async (t) => {
  const containers = [
    { service: 'nats', startedAt: '2026-11-01T09:59:59.9Z' },
    { service: 'actor', startedAt: '2026-11-01T12:00:00Z' },
    { service: 'actor', startedAt: '2026-11-02T12:00:00Z' },
    { service: 'actor-gpu', startedAt: '2026-11-02T09:00:00Z' },
    { service: 'controller', startedAt: '2026-10-01T00:00:00Z' },
    { service: 'prometheus', startedAt: '2026-10-01T00:00:00Z' },
  ];
  t.strictSame(servicesToRestart(log, containers), ['actor', 'actor-gpu', 'nats']);
});

t.test('none once they have begun again, and none without renewals', async (t) => {
  const began = [{ service: 'nats', startedAt: '2026-11-01T10:00:00.2Z' }];
  t.strictSame(servicesToRestart(log, began), []);
  t.strictSame(servicesToRestart('2026-11-01T10:00:00Z /credentials/nats', began), []);
  t.strictSame(servicesToRestart('', began), []);
});
