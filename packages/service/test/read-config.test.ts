/** What a service makes of its configuration's sources before the schema sees them: the name of the machine in an id. */
import { actorConfigSchema } from '@segue/core';
import t from 'tap';
import { readConfig, withHostName } from '../dist/read-config.js';

t.test('{hostname} is this machine, in a form that an id may hold', async (t) => {
  t.strictSame(withHostName({ id: 'actor-{hostname}', advertisedHost: '{hostname}', slots: 4 }, 'Node_7.Example'), {
    id: 'actor-node-7-example',
    advertisedHost: 'Node_7.Example',
    slots: 4,
  });
  t.strictSame(withHostName({ advertisedHost: null }, 'a'), { advertisedHost: null });
});

t.test('an id from any source may hold it', async (t) => {
  const environment = { SEGUE_ACTOR_ID: 'actor-{hostname}', SEGUE_ACTOR_ADVERTISED_HOST: '{hostname}.actors' };
  const { config } = readConfig('actor', actorConfigSchema, [], environment);
  t.match(config.id, /^actor-[a-z0-9-]+$/);
  t.match(config.advertisedHost, /^[^{]+\.actors$/);
  t.match(readConfig('actor', actorConfigSchema, ['--id', '{hostname}-a'], environment).config.id, /^[a-z0-9-]+-a$/);
});

t.test('what else stands in braces is no id', async (t) => {
  t.throws(() => readConfig('actor', actorConfigSchema, ['--id', 'actor-{host}'], {}), { code: 'INVALID_CONFIG' });
});
