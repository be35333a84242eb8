import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

import { expect, test as fresh } from '../fixtures/index.ts';
import { test, VIEWS } from '../fixtures/site.ts';

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** The page must not be wider than the window; tables scroll inside their own region. */
async function expectNoOverflow(page: Page, what: string): Promise<void> {
  const { content, window, widest } = await page.evaluate(() => {
    const { scrollWidth: content, clientWidth: window } = document.documentElement;
    const beyond = [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > window + 1);
    return { content, window, widest: beyond.at(-1)?.outerHTML.slice(0, 160) ?? '' };
  });
  // A cell that is too narrow for what it holds lies over its neighbour.
  const spilt = await page.evaluate(() =>
    [...document.querySelectorAll('main td')].filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.outerHTML.slice(0, 160)),
  );
  expect.soft(spilt, `${what}: cells that spill over`).toEqual([]);
  expect.soft(content, `${what}: width of the content; what sticks out: ${widest}`).toBeLessThanOrEqual(window);
}

/** Soft, as the width above: one run names everything that is wrong in any view. */
async function expectAccessible(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
  expect.soft(found, `${what}: axe`).toEqual([]);
}

/** Takes the picture of a view in both themes and at both widths, and looks with axe at each theme and each width once. */
async function look(page: Page, name: string): Promise<void> {
  await expect(page.locator('.skeleton:not(.specimen *)')).toHaveCount(0);
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ['light', 'dark'] as const) {
      const what = `${name}-${colorScheme}-${width}`;
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.screenshot({ path: `output/screenshots/${what}.png`, fullPage: true });
      await expectNoOverflow(page, what);
      if ((colorScheme === 'light') === (width === 1280)) await expectAccessible(page, what);
    }
  }
  // 200 % on a screen of 1280 leaves 640 CSS pixels.
  await page.setViewportSize({ width: 640, height: 450 });
  await expectNoOverflow(page, `${name} at 200 %`);
  const moving = await page.evaluate(() =>
    document.getAnimations().map(({ effect }) => (effect instanceof KeyframeEffect ? effect.target?.outerHTML.slice(0, 120) : '')),
  );
  expect.soft(moving, `${name}: what moves for whoever wants nothing to move`).toEqual([]);
}

// The design page has pictures and tests of its own, of every component.
for (const [name, address] of Object.entries(VIEWS).filter(([name]) => name !== 'design')) {
  test(`${name}: light and dark, wide and narrow, at twice the size`, async ({ page, site, gotoHydrated }) => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await gotoHydrated(address(site));
    await look(page, name);
  });
}

fresh('views in which there is nothing yet', async ({ page, gotoHydrated, watch }) => {
  watch.expected(/status 404|status of 404/);
  const empty = { dashboard: '/', runs: '/runs', schedules: '/schedules', 'check-nothing': '/check?namespace=nobody', nowhere: '/nowhere' };
  for (const [name, path] of Object.entries(empty)) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await gotoHydrated(path);
    await look(page, `empty-${name}`);
  }
});
