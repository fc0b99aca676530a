/** A real headless Chromium for tests and benchmarks of the page, where this machine has one: nothing is downloaded. */
import { chromium } from 'playwright-core';
import { findProgram } from './find-program.mjs';

/** Path of the browser; null when there is none. */
export function findChromium() {
  return findProgram('SEGUE_CHROMIUM', 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable');
}

/**
 * No sandbox of its own: it may run as root in a container, and it opens nothing but the page.
 * @param {string} executablePath
 */
export function startChromium(executablePath) {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}
