import { expect, hydrated, test } from '../fixtures/index.ts';
import { shown } from '../fixtures/model.ts';
import { CheckPage } from '../pages/check.ts';

const NAMESPACE = 'help-centre';

test('a namespace is checked on both sides, or on one, and the difference is said in words', async ({ page, gotoHydrated, sandbox }) => {
  const source = await sandbox.count('source', NAMESPACE);
  const target = await sandbox.count('target', NAMESPACE);
  const check = new CheckPage(page);
  await gotoHydrated('/check');
  await check.check(NAMESPACE);
  await hydrated(page);
  await expect(check.figure(NAMESPACE, 'in gflops-serverless')).toHaveText(shown(source));
  await expect(check.figure(NAMESPACE, 'in askdona')).toHaveText(shown(target));
  await expect(check.figure(NAMESPACE, 'target − source')).toHaveText(`−${shown(source - target)}`);
  await expect(check.result(NAMESPACE)).toContainText(`askdona has ${shown(source - target)} records less`);
  await expect(check.result(NAMESPACE).getByLabel('The same as a command')).toHaveText(`tain check ${NAMESPACE}`);

  await check.check(NAMESPACE, 'Source');
  await expect(check.result(NAMESPACE)).toContainText(`It exists in gflops-serverless, with ${shown(source)} records.`);
  await expect(check.figure(NAMESPACE, 'in askdona')).toHaveCount(0);

  await check.check('release-notes', 'Source and target');
  await expect(check.result('release-notes')).toContainText('nothing of it is mirrored yet');
  await expect(check.figure('release-notes', 'in askdona')).toHaveText('none');

  await check.check('no-such-namespace');
  await expect(check.result('no-such-namespace')).toContainText('Neither index has a namespace of this name');
  // What is suggested is what both indexes have.
  for (const name of [NAMESPACE, 'release-notes', '__default__']) {
    await expect(page.locator(`#namespace-names option[value="${name}"]`)).toHaveCount(1);
  }
});

test('a side that does not answer is unknown, and not empty', async ({ page, gotoHydrated, sandbox }) => {
  await sandbox.fault({ endpoint: 'stats', index: 'target', effect: { kind: 'status', code: 403, message: 'forbidden for this test' } });
  const check = new CheckPage(page);
  await gotoHydrated(`/check?namespace=${NAMESPACE}`);
  await expect(check.figure(NAMESPACE, 'in askdona')).toHaveText('unknown');
  await expect(check.figure(NAMESPACE, 'target − source')).toHaveText('unknown');
  await expect(check.result(NAMESPACE)).toContainText('Unknown is not none');
  await expect(check.row(NAMESPACE)).toContainText('unknown');
  await expect(page.getByText('Not everything could be read')).toBeVisible();
});

test('all namespaces are sorted, searched, and lead on', async ({ page, gotoHydrated }) => {
  const check = new CheckPage(page);
  await gotoHydrated('/check');
  // The search index may know further namespaces; these three hold records.
  const names = async (): Promise<string[]> =>
    (await check.names()).filter((name) => ['__default__', 'help-centre', 'release-notes'].includes(name));
  expect(await names()).toEqual(['__default__', 'help-centre', 'release-notes']);
  await check.sortBy('Source');
  await expect(page.getByRole('columnheader', { name: 'Source' })).toHaveAttribute('aria-sort', 'descending');
  await expect.poll(names).toEqual(['help-centre', 'release-notes', '__default__']);
  await check.sortBy('Source');
  await expect.poll(names).toEqual(['__default__', 'release-notes', 'help-centre']);
  await check.search('notes');
  await hydrated(page);
  expect(await check.names()).toEqual(['release-notes']);
  await expect(page.getByRole('columnheader', { name: 'Source' })).toHaveAttribute('aria-sort', 'ascending');
  await page.getByRole('link', { name: 'all', exact: true }).click();
  await expect.poll(names).toHaveLength(3);

  await check.row(NAMESPACE).getByRole('link', { name: `Mirror ${NAMESPACE}` }).click();
  await page.waitForURL(`**/mirror?namespace=${NAMESPACE}`);
  await expect(page.getByLabel('Namespace', { exact: true })).toHaveValue(NAMESPACE);
});

test('a page behind the end of the list is the last one', async ({ page, gotoHydrated }) => {
  const check = new CheckPage(page);
  for (const number of ['99', '18446744073709551615']) {
    await gotoHydrated(`/check?page=${number}`);
    await expect(check.row(NAMESPACE)).toBeVisible();
    await expect(page.getByText('No namespace has this in its name')).toHaveCount(0);
  }
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('checking, sorting and looking up work', async ({ page, sandbox, watch }) => {
    watch.expected(/^failed: GET \S+\/pkg\/tain\.\S+\.js: csp$/);
    const check = new CheckPage(page);
    await page.goto('/check');
    await check.check(NAMESPACE);
    await expect(check.figure(NAMESPACE, 'in gflops-serverless')).toHaveText(shown(await sandbox.count('source', NAMESPACE)));
    await check.sortBy('Target');
    expect((await check.names())[0]).toBe(NAMESPACE);
    // The question above stays as it was.
    await expect(check.result(NAMESPACE)).toBeVisible();
    await check.lookUp('__default__', 'faq/#1 question');
    await expect(page.getByRole('heading', { level: 1 })).toContainText('faq/#1 question');
  });
});
