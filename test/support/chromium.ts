/** A real headless Chromium, where this machine has one: nothing is downloaded for a test. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Path of the browser: SEGUE_CHROMIUM, else one on PATH; null when there is none. */
export function findChromium(): string | null {
  if (process.env.SEGUE_CHROMIUM) return process.env.SEGUE_CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(canRun) ?? null;
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not here, or not to be run.
    return false;
  }
}

/** No sandbox of its own: tests may run as root in a container, and it opens nothing but the page. */
export function startChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}
