/** What waits for an interrupt: as many as there are processes to start, without a warning. */
import { setImmediate as turn } from 'node:timers/promises';
import { SegueError } from '@segue/core';
import t from 'tap';
import { Interrupt } from '../dist/run/interrupt.js';

t.test('any number may wait for one', async (t) => {
  const warnings: string[] = [];
  const warned = ({ name }: Error) => void warnings.push(name);
  process.on('warning', warned);
  const interrupt = new Interrupt(
    () => {},
    () => {},
  );
  t.teardown(() => {
    interrupt.close();
    process.off('warning', warned);
  });
  const waiting = Array.from({ length: 20 }, () => interrupt.cut(new Promise(() => {})));
  await turn();
  t.strictSame(warnings, []);
  interrupt.abort(new SegueError('UNAVAILABLE', 'a process cannot be kept alive'));
  for (const one of waiting) await t.rejects(one, { code: 'UNAVAILABLE' });
});
