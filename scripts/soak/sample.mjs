/**
 * What a process and a folder hold at a moment: open handles, memory, bytes on disk. Linux tells the first two under /proc; elsewhere
 * they are not known, and a soak says so at once. Judges nothing.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

const residentPattern = /^VmRSS:\s+(\d+) kB/m;
const ownPattern = /^RssAnon:\s+(\d+) kB/m;
const heapPatterns = {
  heapUsed: patternOf('nodejs_heap_size_used_bytes'),
  heapTotal: patternOf('nodejs_heap_size_total_bytes'),
  external: patternOf('nodejs_external_memory_bytes'),
};
/** What is told of the store. */
export const storeSeries = { inUse: 'pages in use', file: 'file on disk' };
const storePatterns = { inUse: patternOf('segue_replay_bytes_in_use') };

/**
 * Memory twice: what is resident, and of it what is the process's own. The rest is pages of files that it has mapped (programs, weights, the store); these
 * grow with the files, and the kernel takes them back when it needs room.
 * @param {number} pid
 * @returns {Promise<{ handles: number, memoryBytes: number, ownBytes: number }>}
 */
export async function processSample(pid) {
  const [handles, status] = await Promise.all([readdir(`/proc/${pid}/fd`), readFile(`/proc/${pid}/status`, 'utf8')]);
  const bytes = (pattern) => Number(pattern.exec(status)?.[1]) * 1024;
  return { handles: handles.length, memoryBytes: bytes(residentPattern), ownBytes: bytes(ownPattern) };
}

/**
 * What the runtime of a service says that it holds, of the memory above: objects in V8's heap, the room that V8 keeps for them, and buffers beside. Between
 * collections the first has what nobody holds any more. null for a process that tells nothing of itself.
 * @param {string} metricsAddress
 * @returns {Promise<{ heapUsed: number, heapTotal: number, external: number } | null>}
 */
export async function heapSample(metricsAddress) {
  return metricsSample(metricsAddress, heapPatterns);
}

/** Pages of the store's file that hold something, as the store tells it; null when it tells nothing. @param {string} metricsAddress */
export async function pagesInUse(metricsAddress) {
  return (await metricsSample(metricsAddress, storePatterns))?.inUse ?? null;
}

/**
 * Some of what a service tells of itself; null when one of them is not there.
 * @template {string} Key
 * @param {string} metricsAddress
 * @param {Record<Key, RegExp>} patterns of the metrics' lines
 * @returns {Promise<Record<Key, number> | null>}
 */
async function metricsSample(metricsAddress, patterns) {
  if (metricsAddress === '') return null;
  const text = await fetch(`http://${metricsAddress}/metrics`, { signal: AbortSignal.timeout(5_000) })
    .then((answer) => answer.text())
    .catch(() => '');
  const numberOf = (pattern) => Number(pattern.exec(text)?.[1]);
  const sample = Object.fromEntries(Object.entries(patterns).map(([key, pattern]) => [key, numberOf(pattern)]));
  return Object.values(sample).every(Number.isFinite) ? sample : null;
}

/** @param {string} name of a metric without labels that tell anything */
function patternOf(name) {
  return new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm');
}

/** What `heapSample` tells, of this process. */
export function ownHeap() {
  const { heapUsed, heapTotal, external } = process.memoryUsage();
  return { heapUsed, heapTotal, external };
}

/** Bytes of all files below a folder; 0 when there is none. What goes away meanwhile is not counted. @param {string} folder */
export async function folderBytes(folder) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const sizes = entries.map(async (entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return folderBytes(path);
    // Blocks, not length: the store's file has holes.
    const { blocks } = await stat(path).catch(() => ({ blocks: 0 }));
    return blocks * 512;
  });
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}
