/** A real headless Chromium, where this machine has one: nothing is downloaded for a test. */
import { type Browser, chromium } from 'playwright-core';
import { findOnPath } from './on-path.js';

/** Path of the browser: SEGUE_CHROMIUM, else one on PATH; null when there is none. */
export function findChromium(): string | null {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  return process.env.SEGUE_CHROMIUM ?? findOnPath(...names);
}

/** No sandbox of its own: tests may run as root in a container, and it opens nothing but the page. */
export function startChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}
