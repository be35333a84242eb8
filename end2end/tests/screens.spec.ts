import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

import { expect, test as fresh } from '../fixtures/index.ts';
import { test, VIEWS } from '../fixtures/site.ts';
import { ElasticsearchPage } from '../pages/elasticsearch.ts';

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
async function expectAccessible(page: Page, what: string, allowed: string[]): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(WCAG).disableRules(allowed).analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
  expect.soft(found, `${what}: axe`).toEqual([]);
}

/** The whole page as a picture. A bar that floats above it stands at its end there, where who reads to the end finds it. */
async function picture(page: Page, path: string): Promise<void> {
  // The page's policy forbids a style sheet of ours.
  const place = (position: string): Promise<void> =>
    page.evaluate((position) => {
      scrollTo(0, 0);
      for (const bar of document.querySelectorAll<HTMLElement>('.actions')) bar.style.position = position;
    }, position);
  await place('static');
  // A question covers what is seen of a page, not what lies beyond.
  const asks = (await page.locator('dialog[open]').count()) > 0;
  await page.screenshot({ path, fullPage: !asks });
  await place('');
}

/** Takes the picture of a view in both themes and at both widths, and looks at each of them with axe. */
async function look(page: Page, name: string, allowed: string[] = []): Promise<void> {
  await expect(page.locator('.skeleton:not(.specimen *)')).toHaveCount(0);
  await page.mouse.move(0, 0);
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ['light', 'dark'] as const) {
      const what = `${name}-${colorScheme}-${width}`;
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await picture(page, `output/screenshots/${what}.png`);
      await expectNoOverflow(page, what);
      await expectAccessible(page, what, allowed);
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

/** Goes back to the usual window. */
async function wide(page: Page): Promise<void> {
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
}

// Four pictures and four times axe: a busy machine takes its time, above all for long pages.
test.describe.configure({ timeout: 240_000 });

for (const [name, address] of Object.entries(VIEWS)) {
  test(`${name}: light and dark, wide and narrow, at twice the size`, async ({ page, site, gotoHydrated }) => {
    await wide(page);
    await gotoHydrated(address(site));
    // The design page shows every component twice, so that two landmarks have one name.
    await look(page, name, name === 'design' ? ['landmark-unique'] : []);
  });
}

test('what is folded, unfolded: light and dark, wide and narrow, at twice the size', async ({ page, site, gotoHydrated }) => {
  for (const name of ['plan', 'mirroring', 'documents', 'elasticsearch', 'mirror']) {
    await wide(page);
    await gotoHydrated(VIEWS[name]!(site));
    // A list of documents unfolds all of them at once: the first is enough.
    await page.evaluate(() => {
      for (const folded of document.querySelectorAll<HTMLDetailsElement>('main details')) {
        if (document.querySelector('details.document[open]') === null || !folded.matches('.document')) folded.open = true;
      }
    });
    await look(page, `unfolded-${name}`);
  }
});

fresh('views in which there is nothing yet', async ({ page, gotoHydrated, watch }) => {
  watch.expected(/status 404|status of 404/);
  const empty = { dashboard: '/', runs: '/runs', schedules: '/schedules', 'check-nothing': '/check?namespace=nobody', nowhere: '/nowhere' };
  for (const [name, path] of Object.entries(empty)) {
    await wide(page);
    await gotoHydrated(path);
    await look(page, `empty-${name}`);
  }
});

fresh('a run at work', async ({ page, gotoHydrated, mirror, sandbox }) => {
  await wide(page);
  await gotoHydrated('/mirror');
  await mirror.analyze('help-centre', { batchSize: 5 });
  const changed = page.getByRole('region', { name: 'Table of differences' }).locator('.record').first();
  const record = `/record?namespace=help-centre&id=${encodeURIComponent((await changed.innerText()).trim())}`;
  const plan = page.url();
  await gotoHydrated(record);
  await look(page, 'record-changed');
  await wide(page);
  await page.goto(plan);
  // A request takes longer than everything that is looked at while the run is at work.
  await sandbox.slow('embed', 6_000);
  await mirror.mirrorLive();
  await gotoHydrated(`/runs/${mirror.id()}`);
  await expect(mirror.pill('Running')).toBeVisible();
  await look(page, 'running');
  await expect(mirror.pill('Running')).toBeVisible();
  await wide(page);
  await sandbox.clearFaults();
  await mirror.cancel();
  await expect(mirror.pill('Cancelled')).toBeVisible();
});

fresh('an update of documents: what stands before it, its question and its run', async ({ page, gotoHydrated, run }) => {
  const es = new ElasticsearchPage(page);
  await wide(page);
  await gotoHydrated('/elasticsearch');
  await look(page, 'elasticsearch-before');
  await wide(page);
  await gotoHydrated('/elasticsearch?preview=true&scope=some&namespaces=help-centre&mode=all#preview');
  await expect(es.headline(/^[0-9,]+ of [0-9,]+ documents would be updated/)).toBeVisible();
  await page.locator('details.document summary').first().click();
  await look(page, 'elasticsearch-preview-all');
  await wide(page);
  await es.dryRun().uncheck();
  await page.getByRole('button', { name: 'Start…' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await look(page, 'question');
  await wide(page);
  await page.getByRole('dialog').getByRole('button', { name: 'Start the live run' }).click();
  await page.waitForURL(/\/runs\/[^/]+$/);
  await expect(run.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await look(page, 'documents-run-all');
});
