/** Pieces of PromQL that many panels share. It knows names of labels and of no metric. */

/** The time over which a rate is taken: Grafana chooses it by the scrape interval and the zoom. */
const window = '$__rate_interval';

/** How fast a counter grows, summed by labels; none: over everything. */
export function rate(counter: string, by = ''): string {
  return `sum by (${by}) (rate(${counter}[${window}]))`;
}

/** How much a counter has grown within the window, summed by labels. */
export function increase(counter: string, by = ''): string {
  return `sum by (${by}) (increase(${counter}[${window}]))`;
}

/** A quantile of a histogram, by labels. @param histogram its name without a suffix */
export function quantile(share: number, histogram: string, by = ''): string {
  const labels = ['le', ...(by === '' ? [] : [by])].join(', ');
  return `histogram_quantile(${share}, sum by (${labels}) (rate(${histogram}_bucket[${window}])))`;
}

/** The mean of what a histogram has seen within the window, by labels. */
export function meanOf(histogram: string, by = ''): string {
  return `${rate(`${histogram}_sum`, by)} / ${rate(`${histogram}_count`, by)}`;
}

/** With a line "none" at 0 beside it, for what has no series until it happens. @param label that names the lines */
export function orNone(query: string, label: string): string {
  return `${query} or label_replace(vector(0), "${label}", "none", "", "")`;
}
