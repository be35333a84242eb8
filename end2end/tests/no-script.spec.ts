import { expect, test } from '../fixtures/index.ts';
import { expectedOf, shown } from '../fixtures/model.ts';

test.use({ javaScriptEnabled: false });

const NAMESPACE = 'help-centre';

test('without JavaScript the pages show their data and the form works', async ({ page, mirror, sandbox, watch }) => {
  // Chromium reports a module that it will not run as one that the policy has blocked.
  watch.expected(/^failed: GET \S+\/pkg\/tain\.\S+\.js: csp$/);
  const expected = expectedOf(await sandbox.records('source', NAMESPACE), await sandbox.records('target', NAMESPACE));
  await page.goto('/mirror');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Namespace Mirroring');
  await mirror.namespace().fill(NAMESPACE);
  await page.getByRole('button', { name: 'Analyze', exact: true }).click();
  await page.waitForURL(/\/mirror\?run=/);
  // Nothing moves by itself here: a reload shows how far the run is.
  await expect(async () => {
    await page.reload();
    await expect(page.getByRole('heading', { level: 2, name: /need work/ })).toBeVisible({ timeout: 500 });
  }).toPass();
  await expect(mirror.part('To migrate')).toHaveText(shown(expected.missing.length));
  await expect(mirror.part('To update')).toHaveText(shown(expected.changed.length));

  const plan = page.url();
  await page.getByRole('button', { name: 'Start dry run' }).click();
  await page.waitForURL((url) => url.href !== plan && url.searchParams.has('run'));
  await expect(async () => {
    await page.reload();
    await expect(page.getByText('The dry run is done')).toBeVisible({ timeout: 500 });
  }).toPass();
  expect((await sandbox.state()).embedded.texts).toBe(0);

  await page.goto('/runs');
  await expect(page.getByRole('region', { name: 'Table of runs' }).locator('tbody tr')).toHaveCount(2);
});
