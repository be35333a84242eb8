import { expect, test } from '../fixtures/index.ts';
import { expectedOf, mirrored, shown } from '../fixtures/model.ts';
import { ReembedPage } from '../pages/reembed.ts';

const NAMESPACE = 'help-centre';

test('a re-embedding writes what is missing and leaves the rest alone', async ({ page, gotoHydrated, sandbox }) => {
  const source = await sandbox.records('source', NAMESPACE);
  const before = await sandbox.records('target', NAMESPACE);
  const expected = expectedOf(source, before);
  const there = before.length - expected.orphans.length;
  const reembed = new ReembedPage(page);
  await gotoHydrated('/reembed');
  await expect(page.getByLabel('The same as a command')).toContainText('tain reembed');
  await reembed.analyze(NAMESPACE);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(`Re-embed ${NAMESPACE}`);
  await expect(reembed.part('To migrate')).toHaveText(shown(expected.missing.length));
  await expect(reembed.part('Already there')).toHaveText(shown(there));
  await expect(reembed.part('Only in target')).toHaveText(shown(expected.orphans.length));
  // Nothing was compared, so nothing is called equal or changed.
  await expect(reembed.part('To update')).toHaveCount(0);
  await expect(reembed.part('In sync')).toHaveCount(0);
  await expect(reembed.bar()).toHaveAccessibleName(new RegExp(`To migrate ${shown(expected.missing.length)}, Already there ${shown(there)}`));
  expect((await sandbox.state()).embedded.texts, 'the dry run is free').toBe(0);
  await reembed.part('Already there').getByRole('link').click();
  await page.waitForURL(/\/records\/in-sync$/);
  await expect(page.getByRole('link', { name: before.find(({ id }) => !expected.orphans.includes(id))?.id ?? '', exact: true })).toBeVisible();
  await page.goBack();

  await reembed.mirrorLive();
  await page.waitForURL(/\/reembed\?run=/);
  await expect(reembed.figure('migrated')).toHaveText(shown(expected.missing.length), { timeout: 60_000 });
  await expect(reembed.pill('Done')).toBeVisible({ timeout: 60_000 });
  await expect(reembed.figure('updated')).toHaveCount(0);
  await expect(reembed.figure('skipped, no text')).toHaveText(shown(expected.noText.length));
  await expect(reembed.figure('failed')).toHaveText('0');
  // The last step says what came of it, and its parts are all records of the source.
  await expect(page.getByRole('list', { name: 'Steps' }).locator('[aria-current="step"]')).toContainText('Results');
  const results = { Migrated: expected.missing.length, 'Already there': there, Skipped: expected.noText.length, Failed: 0 };
  for (const [label, number] of Object.entries(results)) await expect(reembed.result(label)).toHaveText(shown(number));
  expect(Object.values(results).reduce((sum, number) => sum + number, 0)).toBe(source.length);
  await expect(reembed.verified('Source')).toHaveText(shown(source.length));
  await reembed.result('Migrated').getByRole('link').click();
  await page.waitForURL(/\/records\/migrated$/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(`Migrated: ${shown(expected.missing.length)} records`);
  await page.goBack();

  const after = new Map((await sandbox.records('target', NAMESPACE)).map((record) => [record.id, record.metadata]));
  for (const record of before) expect(after.get(record.id), record.id).toEqual(record.metadata);
  const missing = new Set(expected.missing);
  for (const record of source.filter(({ id }) => missing.has(id))) {
    expect(after.get(record.id), record.id).toEqual(mirrored(record, undefined));
  }

  // A second one finds nothing to do.
  await gotoHydrated('/reembed');
  await reembed.analyze(NAMESPACE);
  await expect(page.getByRole('heading', { level: 2, name: 'Nothing to migrate' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start…' })).toHaveCount(0);
});
