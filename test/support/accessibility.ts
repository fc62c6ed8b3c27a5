import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** Plain JavaScript: our programs know no DOM. */
const audit = readFileSync(join(import.meta.dirname, 'accessibility-audit.js'), 'utf8');

/** What is wrong with the page for people who do not see it as its author does: names, structure, contrast. */
export async function auditPage(page: Page): Promise<string[]> {
  // What is fading in has no contrast yet.
  await page.evaluate('Promise.allSettled(document.getAnimations().map(({ finished }) => finished))');
  return page.evaluate<string[]>(audit);
}
