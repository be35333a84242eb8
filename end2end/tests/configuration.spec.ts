import AxeBuilder from '@axe-core/playwright';

import { expect, test } from '../fixtures/index.ts';
import { ConfigurationPage } from '../pages/configuration.ts';

const SERVICES = ['Pinecone source', 'Pinecone target', 'Gemini', 'Elasticsearch'];

test('every setting says its value, where it came from and what it is for; keys are never shown', async ({ page, gotoHydrated }) => {
  const configuration = new ConfigurationPage(page);
  await gotoHydrated('/configuration');
  await expect(configuration.setting('GEMINI_EMBEDDING_MODEL')).toContainText('gemini-embedding-001');
  await expect(configuration.setting('GEMINI_EMBEDDING_MODEL')).toContainText('default');
  await expect(configuration.setting('PINECONE_API_KEY')).toContainText(/set, ends in …/);
  await expect(page.getByLabel('The same as a command').filter({ hasText: /^tain config$/ })).toBeVisible();

  await page.getByRole('searchbox', { name: 'Filter the settings' }).fill('batch size');
  await expect(page.getByText('No setting matches.')).toBeVisible();
  await page.getByRole('searchbox', { name: 'Filter the settings' }).fill('BATCH_SIZE');
  await expect(configuration.setting('UPSERT_BATCH_SIZE')).toBeVisible();
  await expect(configuration.setting('PINECONE_API_KEY')).toHaveCount(0);
  await page.getByRole('searchbox', { name: 'Filter the settings' }).fill('');
  await page.getByRole('checkbox', { name: 'Only what is set' }).check();
  await expect(configuration.setting('PINECONE_API_KEY')).toBeVisible();
  await expect(configuration.setting('TEXT_METADATA_KEY')).toHaveCount(0);
});

test('every service is tested, and its answer is in words', async ({ page, gotoHydrated, sandbox }) => {
  const configuration = new ConfigurationPage(page);
  await gotoHydrated('/configuration');
  for (const service of SERVICES) {
    await expect(configuration.service(service)).toContainText('not tested');
    await configuration.test(service);
    await expect(configuration.service(service)).toContainText(/^.*Works/);
  }
  expect((await sandbox.state()).embedded.texts, 'a test pays nothing').toBe(0);
  await sandbox.fault({ index: 'source', endpoint: 'stats', effect: { kind: 'status', code: 401 } });
  await configuration.test('Pinecone source');
  await expect(configuration.service('Pinecone source')).toContainText('Cannot be used');
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('settings are shown and filtered, and a service is tested by its address', async ({ page, watch }) => {
    watch.expected(/^failed: GET \S+\/pkg\/tain\.\S+\.js: csp$/);
    const configuration = new ConfigurationPage(page);
    await page.goto('/configuration');
    await configuration.test('Gemini');
    await expect(configuration.service('Gemini')).toContainText('Works');
    await expect(configuration.service('Elasticsearch')).toContainText('not tested');
    await page.goto('/configuration');
    await page.getByRole('searchbox', { name: 'Filter the settings' }).fill('gemini');
    await page.getByRole('button', { name: 'Filter' }).click();
    await expect(configuration.setting('GEMINI_TASK_TYPE')).toBeVisible();
    await expect(configuration.setting('UPSERT_BATCH_SIZE')).toHaveCount(0);
  });
});

test('light and dark, wide and narrow', async ({ page, gotoHydrated }) => {
  test.setTimeout(120_000);
  await gotoHydrated('/configuration?test=all');
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 900 });
      const what = `configuration-${colorScheme}-${width}`;
      await page.screenshot({ path: `output/screenshots/${what}.png`, fullPage: true });
      const [content, window] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ]);
      expect.soft(content, `${what}: width of the content`).toBeLessThanOrEqual(window ?? 0);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
      expect.soft(found, `${what}: axe`).toEqual([]);
    }
  }
});
