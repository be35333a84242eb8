import type { Page } from '@playwright/test';

import { expect, test } from '../fixtures/index.ts';

const specimens = (page: Page): ReturnType<Page['locator']> => page.locator('.specimen');

test('each theme shows its own colours, whatever the system has', async ({ page, gotoHydrated }) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await gotoHydrated('/design');
  const grounds = await specimens(page)
    .first()
    .locator('[data-theme]')
    .evaluateAll((parts) => parts.map((part) => getComputedStyle(part).backgroundColor));
  expect(grounds).toHaveLength(2);
  expect(grounds[0]).not.toBe(grounds[1]);
  expect(grounds[1]).toBe(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
});

test('ids are unique, links lead to what is there, and every specimen says how it is written', async ({ page, gotoHydrated }) => {
  await gotoHydrated('/design');
  const faults = await page.evaluate(() => {
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    const anchors = [...document.querySelectorAll('.catalogue a[href^="#"]')].map((link) => link.getAttribute('href') ?? '');
    return {
      twice: ids.filter((id, index) => ids.indexOf(id) !== index),
      nowhere: anchors.filter((href) => document.getElementById(href.slice(1)) === null),
      elsewhere: document.querySelectorAll('.specimen a:not([href^="#"])').length,
    };
  });
  expect(faults).toEqual({ twice: [], nowhere: [], elsewhere: 0 });
  const count = await specimens(page).count();
  expect(count).toBeGreaterThan(30);
  await expect(page.locator('.specimen > .usage code:not(:empty)')).toHaveCount(count);
});

test('a dialog opens in both themes, and Escape gives the focus back', async ({ page, gotoHydrated }) => {
  await gotoHydrated('/design');
  const openers = page.locator('#dialog').getByRole('button', { name: 'Start…' });
  for (const opener of await openers.all()) {
    await opener.click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
    await expect(opener).toBeFocused();
  }
});

test('whatever takes the focus shows it', async ({ page, gotoHydrated }) => {
  await gotoHydrated('/design');
  const unseen = await page.evaluate(() => {
    const all = document.querySelectorAll<HTMLElement>(
      '.specimen :is(a[href], button, input, select, summary, [tabindex="0"]):not(:disabled)',
    );
    // Focus from a script counts as the keyboard's as long as no pointer was used.
    return [...all]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }))
      .filter((element) => {
        element.focus();
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        return document.activeElement !== element || outlineStyle === 'none' || parseFloat(outlineWidth) < 2;
      })
      .map(({ outerHTML }) => outerHTML.slice(0, 120));
  });
  expect(unseen).toEqual([]);
});

/** Milliseconds a frame. */
interface Frames {
  median: number;
  most: number;
  longest: number;
}

/** Scrolls an element from its beginning, 400 pixels a frame, and then to its end; says how the frames came. */
async function scroll(page: Page, selector: string): Promise<Frames> {
  return await page.locator(selector).evaluate(async (element) => {
    const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));
    const gaps: number[] = [];
    let before = await frame();
    for (let step = 0; step < 120; step += 1) {
      element.scrollBy(0, 400);
      const now = await frame();
      gaps.push(now - before);
      before = now;
    }
    element.scrollTop = element.scrollHeight;
    gaps.sort((one, other) => one - other);
    const at = (share: number): number => Math.round((gaps[Math.floor((gaps.length - 1) * share)] ?? 0) * 10) / 10;
    return { median: at(0.5), most: at(0.95), longest: at(1) };
  });
}

test('ten thousand lines and rows scroll to their end', async ({ page }) => {
  test.setTimeout(120_000);
  // Two copies of ten thousand lines travel in the page, so that a busy machine takes its time; scrolling needs no script.
  await page.goto('/design?rows=10000');
  const lines = page.locator('#long-lines li');
  await expect(lines).toHaveCount(10_000);
  await expect(page.locator('tbody tr')).toHaveCount(10_000);
  // The figures are for docs/design-system.md; a busy machine must not fail the test.
  for (const selector of ['#long-lines', '[aria-label="Long table"]']) {
    const figures = await scroll(page, selector);
    test.info().annotations.push({ type: selector, description: JSON.stringify(figures) });
    console.log(selector, JSON.stringify(figures));
  }
  await expect(lines.last()).toBeInViewport();
  await expect(page.locator('tbody tr').last()).toBeInViewport();
});

test('without a script the components are there all the same', async ({ browser, baseURL }) => {
  const context = await browser.newContext({ javaScriptEnabled: false, ...(baseURL === undefined ? {} : { baseURL }) });
  const page = await context.newPage();
  await page.goto('/design');
  expect(await specimens(page).count()).toBeGreaterThan(30);
  await context.close();
});
