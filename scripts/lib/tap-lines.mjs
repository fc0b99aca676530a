/**
 * A reporter for logs, where no terminal redraws: reads TAP on stdin and writes one line per test file as it ends, and the
 * whole report of a file that failed.
 */
import { createInterface } from 'node:readline';

let report = [];
for await (const line of createInterface({ input: process.stdin })) {
  const point = /^(ok|not ok) \d+ - (.*?)(?: # time=([\d.]+)ms)?( \{)?$/.exec(line);
  if (point === null) {
    report.push(line);
    continue;
  }
  const [, verdict, name, timeMs] = point;
  if (verdict === 'not ok') process.stdout.write(`${report.join('\n')}\n`);
  const time = timeMs === undefined ? '' : ` (${(Number(timeMs) / 1000).toFixed(1)} s)`;
  process.stdout.write(`${verdict} ${name}${time}\n`);
  report = [];
}
