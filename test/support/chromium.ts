import { type Browser, chromium, type LaunchOptions } from 'playwright-core';

export const chromiumPath = '/usr/bin/chromium';

/** Without what a headless browser in a container cannot do, and without anything that talks to the world outside. */
export const chromiumArgs = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Debian's Chromium, headless. The caller closes it. */
export function launchChromium(options: LaunchOptions = {}): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: chromiumArgs, ...options });
}
