/**
 * How versions lie in a run's folder: a link `<version>` for each, to a hidden folder of its content. Here links are turned, real folders that somebody has copied
 * in are taken over, and what no version points to is removed. It knows nothing of what a version holds, but for the name of its manifest.
 */
import { randomUUID } from 'node:crypto';
import { lstat, open, readdir, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { adoptingPrefix, contentPrefix, isVersionName, manifestFileName, SegueError, stagedPrefix } from '@segue/core';

/** An empty file beside a content that no version points to; its time says since when. */
const loosePrefix = '.loose-';

/**
 * How long a whole content stays that nobody has given up, in ms: whoever moves a version's name away moves a link, and may find later that
 * the weights did not go with it.
 */
const looseMs = 24 * 3_600_000;

/** Two makings of the same content may lie side by side for a moment. */
export function contentName(version: number, label: string): string {
  return `${contentPrefix}${version}-${label}-${randomUUID().slice(0, 8)}`;
}

/** Turns the version's link to a folder. */
export async function linkVersion(runFolder: string, version: number, content: string): Promise<void> {
  await revealLink(runFolder, version, await stageLink(runFolder, content));
}

async function stageLink(runFolder: string, content: string): Promise<string> {
  const link = join(runFolder, `${stagedPrefix}${randomUUID()}`);
  await symlink(content, link);
  return link;
}

async function revealLink(runFolder: string, version: number, link: string): Promise<void> {
  await rename(link, join(runFolder, String(version)));
  await syncPath(runFolder);
}

/** The hidden folder that a version's link names; null when there is none in the run's folder, or no link. */
export async function contentOf(runFolder: string, version: number): Promise<string | null> {
  const name = join(runFolder, String(version));
  const entry = await lstat(name).catch(ifMissing(null));
  const target = entry?.isSymbolicLink() ? await readlink(name) : null;
  return target?.startsWith(contentPrefix) ? target : null;
}

/**
 * Makes links of versions that are real folders: a snapshot holds them so, and so does every copy that follows links. One that was cut off is
 * ended by the next.
 */
export async function adoptFolders(runFolder: string): Promise<void> {
  const entries = await readdir(runFolder, { withFileTypes: true }).catch(ifMissing([]));
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  for (const name of folders.filter((name) => name.startsWith(adoptingPrefix))) {
    const version = Number(name.slice(adoptingPrefix.length));
    const isThere = await stat(join(runFolder, String(version))).then(() => true, ifMissing(false));
    if (isThere) await rm(join(runFolder, name), { recursive: true, force: true });
    else await adopt(runFolder, version, false);
  }
  for (const name of folders.filter(isVersionName)) await adopt(runFolder, Number(name), true);
}

/**
 * The link comes first: where there is no space for it the version keeps its name, and should this be cut off it has its name or the folder still tells
 * which it is.
 * @param isNamed false: one that was cut off has taken the name from it
 */
async function adopt(runFolder: string, version: number, isNamed: boolean): Promise<void> {
  const content = contentName(version, 'adopted');
  const link = await stageLink(runFolder, content);
  const adopting = join(runFolder, `${adoptingPrefix}${version}`);
  if (isNamed) await rename(join(runFolder, String(version)), adopting);
  await revealLink(runFolder, version, link);
  await rename(adopting, join(runFolder, content));
  await syncPath(runFolder);
}

/**
 * Removes what no version points to: half-made ones of a killed process, those that were given up, and other whole ones once they
 * have been found so for a day. On a full disk too: it removes all that it may before it writes anything.
 * @param givenUp contents whose versions were removed or replaced
 */
export async function sweepRun(runFolder: string, givenUp: ReadonlySet<string>): Promise<void> {
  const { names, loose } = await look(runFolder);
  const remove = (name: string) => rm(join(runFolder, name), { recursive: true, force: true });
  const stay = new Set<string>();
  // What was being taken over may be the only copy: `adoptFolders` ends that.
  for (const name of loose.filter((one) => !one.startsWith(adoptingPrefix))) {
    if (givenUp.has(name) || !(await isWhole(runFolder, name)) || (await isDue(runFolder, name))) await remove(name);
    else stay.add(loosePrefix + name);
  }
  for (const name of names) if (name.startsWith(loosePrefix) && !stay.has(name)) await remove(name);
  // `a` leaves the time of a mark that is there.
  for (const mark of stay) await writeFile(join(runFolder, mark), '', { flag: 'a' });
}

/** Whether a sweep would begin or end something here; those that were given up may still have readers, and wait for one that comes anyway. */
export async function needsSweep(runFolder: string, givenUp: ReadonlySet<string>): Promise<boolean> {
  const { names, loose } = await look(runFolder);
  for (const name of loose) {
    if (givenUp.has(name)) continue;
    if (!names.includes(loosePrefix + name) || (await isDue(runFolder, name))) return true;
  }
  return false;
}

/** @returns all names, and the hidden ones that no version points to: staged ones, what their writers staged for them in turn, and contents */
async function look(runFolder: string): Promise<{ readonly names: string[]; readonly loose: string[] }> {
  const entries = await readdir(runFolder, { withFileTypes: true }).catch(ifMissing([]));
  const names = entries.map(({ name }) => name);
  const links = entries.filter((entry) => entry.isSymbolicLink() && isVersionName(entry.name));
  const used = new Set(await Promise.all(links.map(({ name }) => readlink(join(runFolder, name)))));
  const loose = names.filter((name) => name.startsWith('.') && !name.startsWith(loosePrefix) && !used.has(name));
  return { names, loose };
}

async function isWhole(runFolder: string, name: string): Promise<boolean> {
  if (!name.startsWith(contentPrefix)) return false;
  return stat(join(runFolder, name, manifestFileName)).then(() => true, ifMissing(false));
}

async function isDue(runFolder: string, name: string): Promise<boolean> {
  const mark = await stat(join(runFolder, loosePrefix + name)).catch(ifMissing(null));
  return mark !== null && Date.now() - mark.mtimeMs > looseMs;
}

/** Removes all of a run's versions in memory but the newest, which may still be served, and what was half made. */
export async function sweepShared(folder: string): Promise<void> {
  const names = await readdir(folder);
  const versionOf = (name: string) => Number(name.slice(contentPrefix.length).split('-')[0]);
  const contents = names.filter((name) => name.startsWith(contentPrefix)).sort((a, b) => versionOf(b) - versionOf(a));
  const kept = new Set(contents.slice(0, 1));
  for (const name of names) if (!kept.has(name)) await rm(join(folder, name), { recursive: true, force: true });
}

/** Writes a file or folder through to the disk. */
export async function syncPath(path: string): Promise<void> {
  const opened = await open(path, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** Answers a read of something that is not there with `fallback`, and throws any other failure on. */
export function ifMissing<T>(fallback: T): (error: unknown) => T {
  return (error) => {
    if (SegueError.from(error).code === 'NOT_FOUND') return fallback;
    throw SegueError.from(error);
  };
}
