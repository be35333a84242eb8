import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

import { expect, hydrated, test } from '../fixtures/index.ts';
import { MirrorPage } from '../pages/mirror.ts';
import { SECRETS } from '../fixtures/watch.ts';

const NAMESPACE = 'help-centre';

interface Shot {
  name: string;
  path: string;
}

/** Does something with every kind of page and returns their addresses: the form, a plan, runs that ended, the list. */
async function allPages(page: Page, goto: (path: string) => Promise<void>): Promise<Shot[]> {
  const mirror = new MirrorPage(page);
  await goto('/runs');
  await goto('/mirror');
  await mirror.analyze(NAMESPACE);
  const plan = mirror.id();
  const changed = (await page.getByRole('region', { name: 'Table of differences' }).locator('.record').first().innerText()).trim();
  await mirror.rehearse();
  const rehearsal = mirror.id();
  await goto(`/mirror?run=${plan}`);
  await mirror.mirrorLive();
  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 60_000 });
  const run = mirror.id();
  return [
    { name: 'dashboard', path: '/' },
    { name: 'check', path: `/check?namespace=${NAMESPACE}` },
    { name: 'record', path: `/record?namespace=${NAMESPACE}&id=${encodeURIComponent(changed)}` },
    { name: 'reembed', path: `/reembed?namespace=${NAMESPACE}` },
    { name: 'scope', path: `/mirror?namespace=${NAMESPACE}` },
    { name: 'plan', path: `/mirror?run=${plan}` },
    { name: 'dry-run', path: `/mirror?run=${rehearsal}` },
    { name: 'verified', path: `/mirror?run=${run}` },
    { name: 'run', path: `/runs/${run}` },
    { name: 'analysis', path: `/runs/${plan}` },
    { name: 'runs', path: '/runs' },
    { name: 'records', path: `/runs/${plan}/records/to-migrate` },
    { name: 'log', path: `/runs/${run}/log` },
    { name: 'several', path: '/mirror?scope=several' },
    { name: 'schedules', path: '/schedules' },
    { name: 'schedule', path: '/schedules/new' },
  ];
}

/** The page must not be wider than the window; tables scroll inside their own region. */
async function expectNoOverflow(page: Page, what: string): Promise<void> {
  const [content, window] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect.soft(content, `${what}: width of the content`).toBeLessThanOrEqual(window ?? 0);
}

/** Soft, as the width above: one run names everything that is wrong on any page. */
async function expectAccessible(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect
    .soft(
      violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`),
      `${what}: axe`,
    )
    .toEqual([]);
}

test('every page, light and dark, wide and narrow: nothing overflows and axe finds nothing', async ({ page, gotoHydrated }) => {
  test.setTimeout(300_000);
  for (const { name, path } of await allPages(page, gotoHydrated)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of [1280, 360]) {
        const what = `${name}-${colorScheme}-${width}`;
        await page.setViewportSize({ width, height: 900 });
        await gotoHydrated(path);
        await expect(page.locator('.skeleton')).toHaveCount(0);
        await page.screenshot({ path: `output/screenshots/${what}.png`, fullPage: true });
        await expectNoOverflow(page, what);
        await expectAccessible(page, what);
      }
    }
  }
});

test('a run at work, light and dark, wide and narrow', async ({ page, gotoHydrated, mirror, sandbox }) => {
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE, { batchSize: 5 });
  await sandbox.slow('embed', 1_500);
  await mirror.mirrorLive();
  const path = `/runs/${mirror.id()}`;
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 900 });
      await gotoHydrated(path);
      await expect(mirror.pill('Running')).toBeVisible();
      await page.screenshot({ path: `output/screenshots/running-${colorScheme}-${width}.png`, fullPage: true });
      await expectNoOverflow(page, `running at ${width}`);
      await expectAccessible(page, `running-${colorScheme}-${width}`);
    }
  }
  await mirror.cancel();
  await expect(mirror.pill('Cancelled')).toBeVisible();
});

test('what does not exist is a page with status 404 that leads on', async ({ page, watch }) => {
  watch.expected(/status 404|status of 404/);
  for (const path of ['/nowhere', '/runs/no-such-run', '/mirror?run=no-such-run']) {
    const response = await page.goto(path);
    expect(response?.status(), path).toBe(404);
    await hydrated(page);
    await expect(page.getByRole('heading', { level: 1 })).toContainText(/no such page|no run/i);
    await expect(page.getByRole('main').getByRole('link').first()).toBeVisible();
  }
});

test('the theme is chosen, kept over a reload, and follows the system again', async ({ page, gotoHydrated }) => {
  const background = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: 'light' });
  await gotoHydrated('/mirror');
  const light = await background();
  await page.getByRole('button', { name: 'Dark', exact: true }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect.poll(background).not.toBe(light);
  const dark = await background();
  await expect(page.getByRole('button', { name: 'Dark', exact: true })).toHaveAttribute('aria-pressed', 'true');
  // The cookie comes with the answer to the click; the reload must not overtake it.
  await expect.poll(async () => (await page.context().cookies()).find(({ name }) => name === 'theme')?.value).toBe('dark');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  expect(await background()).toBe(dark);
  await hydrated(page);
  await page.getByRole('button', { name: 'System', exact: true }).click();
  await expect.poll(background).toBe(light);
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(background).toBe(dark);
});

test('the main way with the keyboard alone', async ({ page, gotoHydrated, mirror, sandbox }) => {
  await gotoHydrated('/mirror');
  const focused = page.locator(':focus');
  const tabTo = async (what: ReturnType<Page['locator']>): Promise<void> => {
    for (let presses = 0; presses < 80; presses += 1) {
      if (await what.evaluate((element) => element === document.activeElement)) {
        // Whoever cannot see where they are is lost.
        const visible = await focused.evaluate((element) => {
          const style = getComputedStyle(element);
          return style.outlineStyle !== 'none' || style.boxShadow !== 'none';
        });
        expect(visible, 'the focus is visible').toBe(true);
        return;
      }
      await page.keyboard.press('Tab');
    }
    throw new Error(`Tab does not reach ${what}`);
  };
  await page.keyboard.press('Tab');
  await expect(focused).toHaveText('Skip to the page');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();

  await tabTo(mirror.namespace());
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type(NAMESPACE);
  // A list of suggestions may be open; Escape closes it and leaves the text.
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/mirror\?run=/);
  await mirror.planned();

  await tabTo(mirror.dryRun());
  await page.keyboard.press('Space');
  await expect(mirror.dryRun()).not.toBeChecked();
  await tabTo(page.getByRole('button', { name: 'Start…' }));
  await page.keyboard.press('Enter');
  const question = page.getByRole('dialog');
  await expect(question).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(question).toBeHidden();
  await expect(page.getByRole('button', { name: 'Start…' })).toBeFocused();
  await page.keyboard.press('Enter');
  await tabTo(question.getByRole('button', { name: 'Start the live run' }));
  await page.keyboard.press('Enter');
  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 60_000 });
  expect((await sandbox.state()).embedded.texts).toBeGreaterThan(0);
});

test('going through the pages keeps the app in place', async ({ page, gotoHydrated, mirror, runs }) => {
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  const id = mirror.id();
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Runs' }).click();
  await expect(page).toHaveTitle('Runs · tain');
  await expect(page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Runs' })).toHaveAttribute('aria-current', 'page');
  await runs.row(id).getByRole('link').first().click();
  await page.waitForURL(new RegExp(`/runs/${id}$`));
  await expect(page.getByRole('heading', { level: 1 })).toContainText(`Analyze ${NAMESPACE}`);
  await page.goBack();
  await expect(runs.row(id)).toBeVisible();
});

test('no answer holds a key, wherever one looks', async ({ page, gotoHydrated, demo, watch }) => {
  test.setTimeout(150_000);
  const shots = await allPages(page, gotoHydrated);
  const paths = [...shots.map(({ path }) => path), '/', '/nowhere', '/favicon.svg'];
  const log = shots.find(({ name }) => name === 'run')?.path;
  if (log !== undefined) paths.push(`/download${log}/log.txt`, `/download${log}/in-sync.txt`);
  for (const path of paths) {
    const response = await fetch(demo.url + path);
    const everything = JSON.stringify([...response.headers]) + (await response.text());
    for (const secret of SECRETS) expect(everything, path).not.toMatch(secret);
  }
  for (const secret of SECRETS) expect(demo.output(), 'what the server logs').not.toMatch(secret);
  expect(watch.looked, 'answers and frames that were looked through').toBeGreaterThan(50);
});
