/** Which metrics a text reads, and which of them no process of Segue has. It knows no more of PromQL than how our metrics are named. */
import { documentedMetrics, sampleNames } from '../../scripts/lib/metric-docs.mjs';

const samples = new Set(documentedMetrics.flatMap(sampleNames));
const names = new Set(documentedMetrics.map(({ name }) => name));

export function metricsIn(text: string): string[] {
  return [...new Set(text.match(/\b(?:segue|process|nodejs)_[a-z0-9_]+/g) ?? [])];
}

/** Of a query: what no process has a sample of. */
export function unknownSamples(query: string): string[] {
  return metricsIn(query).filter((name) => !samples.has(name));
}

/** Of a page: what docs/metrics.md does not have; there a histogram has one name. */
export function unknownNames(page: string): string[] {
  return metricsIn(page).filter((name) => !samples.has(name) && !names.has(name));
}
