import type { Page } from '@playwright/test';

import { expect, hydrated, test } from '../fixtures/index.ts';
import { MirrorPage } from '../pages/mirror.ts';
import { SECRETS } from '../fixtures/watch.ts';

const NAMESPACE = 'help-centre';

/** Does something with every kind of page and returns their addresses: the form, a plan, runs that ended, the list. */
async function allPages(page: Page, goto: (path: string) => Promise<void>): Promise<string[]> {
  const mirror = new MirrorPage(page);
  await goto('/runs');
  await goto('/mirror');
  await mirror.analyze(NAMESPACE);
  const plan = mirror.id();
  await mirror.rehearse();
  const rehearsal = mirror.id();
  await goto(`/mirror?run=${plan}`);
  await mirror.mirrorLive();
  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 60_000 });
  const run = mirror.id();
  const ways = ['', `?namespace=${NAMESPACE}`, '?scope=several', ...[plan, rehearsal, run].map((id) => `?run=${id}`)];
  const runs = [`/runs/${run}`, `/runs/${plan}`, `/runs/${plan}/records/to-migrate`, `/runs/${run}/log`];
  const files = [`/download/runs/${run}/log.txt`, `/download/runs/${run}/in-sync.txt`];
  return [
    ...['/', '/runs', '/schedules', '/schedules/new', '/configuration', '/elasticsearch', '/nowhere', '/favicon.svg'],
    ...[`/check?namespace=${NAMESPACE}`, `/reembed?namespace=${NAMESPACE}`],
    ...ways.map((query) => `/mirror${query}`),
    ...[...runs, ...files],
  ];
}

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
  const paths = await allPages(page, gotoHydrated);
  for (const path of paths) {
    const response = await fetch(demo.url + path);
    const everything = JSON.stringify([...response.headers]) + (await response.text());
    for (const secret of SECRETS) expect(everything, path).not.toMatch(secret);
  }
  for (const secret of SECRETS) expect(demo.output(), 'what the server logs').not.toMatch(secret);
  expect(watch.looked, 'answers and frames that were looked through').toBeGreaterThan(50);
});
