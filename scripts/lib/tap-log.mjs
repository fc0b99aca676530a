/**
 * Reads the report of a test run (TAP), line by line: counts the assertions, and makes a log of it for where no terminal
 * redraws: one line per test file as it ends, and the whole report of a file that failed.
 */

export class TapLog {
  /** Assertions, as tap itself counts them; null until the run has come to its end. */
  counts = null;
  #report = [];
  #rest = '';

  /**
   * Takes the next piece of the report.
   *
   * @param {string} text
   * @returns {string} what to log
   */
  read(text) {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.map((line) => this.#readLine(line)).join('');
  }

  #readLine(line) {
    const summary = /^# \{ total: \d+(.*) \}$/.exec(line);
    if (summary !== null) this.counts = { passed: countOf('pass', summary[1]), failed: countOf('fail', summary[1]) };
    const point = /^(ok|not ok) \d+ - (.*?)(?: # time=([\d.]+)ms)?$/.exec(line);
    if (point === null) {
      this.#report.push(line);
      return '';
    }
    const [, verdict, name, timeMs] = point;
    const time = timeMs === undefined ? '' : ` (${(Number(timeMs) / 1000).toFixed(1)} s)`;
    const report = verdict === 'ok' ? '' : `${this.#report.join('\n')}\n`;
    this.#report = [];
    return `${report}${verdict} ${name}${time}\n`;
  }
}

function countOf(name, summary) {
  return Number(new RegExp(`\\b${name}: (\\d+)`).exec(summary)?.[1] ?? 0);
}
