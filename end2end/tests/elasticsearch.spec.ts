import { expect, silence, test } from '../fixtures/index.ts';
import { ElasticsearchPage } from '../pages/elasticsearch.ts';

// The sample of the sandbox (its README): documents by namespace and what they hold.
const DOCUMENTS = 416;
const HELP_CENTRE = { documents: 366, with: 120, without: 246 };
const WITHOUT = HELP_CENTRE.without + 24 + 8 + 5 + 3;

test('the index is shown exhaustively, and every number leads to its documents', async ({ page, gotoHydrated }) => {
  const es = new ElasticsearchPage(page);
  await gotoHydrated('/elasticsearch');
  await expect(es.panel('Connection')).toContainText('text-search-v0');
  await expect(es.panel('Connection')).toContainText(/Elasticsearch 8/);
  await expect(es.panel('Connection').getByText('Connected')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Ready to be written' })).toBeVisible();
  await expect(es.part(/what they hold/, 'Without')).toHaveText(String(WITHOUT));
  for (const [column, number] of Object.entries(HELP_CENTRE)) {
    await expect(es.number('help-centre', column)).toHaveText(String(number));
  }
  await expect(es.number(/^without a namespace/, 'documents')).toHaveText('5');
  await expect(es.number(/^namespace too long/, 'documents')).toHaveText('3');
  await expect(es.number('All documents', 'documents')).toHaveText(String(DOCUMENTS));
  await expect(page.getByText(/All numbers are of one moment/)).toBeVisible();

  await page.getByRole('searchbox', { name: 'Filter the namespaces' }).fill('release');
  await expect(es.row('help-centre')).toHaveCount(0);
  await expect(es.row('release-notes')).toBeVisible();

  await es.number('release-notes', 'without').getByRole('link').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('24 documents without clearance_level');
  const documents = es.documents();
  await expect(documents).toHaveCount(24);
  await documents.first().locator('summary').click();
  await expect(documents.first().getByRole('row').filter({ hasText: 'pinecone_namespace' })).toContainText('release-notes');
  await expect(documents.first()).not.toContainText('vector"');
  const id = await documents.first().locator('summary .mono').innerText();

  await page.getByRole('searchbox', { name: 'Document id' }).fill(id);
  await page.getByRole('button', { name: 'Find' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('1 document with this id');
  await page.getByRole('searchbox', { name: 'Document id' }).fill('no such document');
  await page.getByRole('button', { name: 'Find' }).click();
  await expect(page.getByRole('heading', { name: 'No document' })).toBeVisible();
});

test('the documents behind a count are turned page by page, and are a file', async ({ page, gotoHydrated }) => {
  const es = new ElasticsearchPage(page);
  await gotoHydrated('/elasticsearch');
  await es.number('help-centre', 'without').getByRole('link').click();
  const without = HELP_CENTRE.without;
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(`${without} documents without clearance_level`);
  const seen = new Set<string>();
  const pages = [`1 to 100 of ${without}`, `101 to 200 of ${without}`, `201 to ${without} of ${without}`];
  for (const [at, heading] of pages.entries()) {
    await expect(page.getByRole('heading', { level: 2, name: heading })).toBeVisible();
    for (const id of await es.documents().locator('summary .mono').allInnerTexts()) seen.add(id);
    if (at < pages.length - 1) await page.getByRole('link', { name: 'Next page' }).click();
  }
  expect(seen.size).toBe(without);
  await expect(page.getByLabel('The same as a command')).toHaveText('tain elasticsearch documents --without help-centre');
  const href = await page.getByRole('link', { name: 'Download ids' }).getAttribute('href');
  const file = await page.request.get(href ?? '');
  expect(new Set((await file.text()).trim().split('\n'))).toEqual(seen);
  await page.getByRole('link', { name: 'First page' }).click();
  await expect(page.getByRole('heading', { level: 2, name: pages[0] ?? '' })).toBeVisible();

  // Whoever comes back after the search index has forgotten the place begins anew.
  await page.goto('/elasticsearch/documents?after=gone');
  await page.getByRole('main').getByRole('link', { name: 'First page' }).click();
  await expect(page.getByRole('heading', { level: 2, name: `1 to 100 of ${DOCUMENTS}` })).toBeVisible();
});

test('documents whose namespace is too long to match are listed, and updated by themselves', async ({ page, gotoHydrated, run }) => {
  const es = new ElasticsearchPage(page);
  await gotoHydrated('/elasticsearch');
  await es.number(/^namespace too long/, 'documents').getByRole('link', { name: '3', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('3 documents');
  await expect(es.documents()).toHaveCount(3);
  // What is chosen among them stays among them.
  await es.held('Without').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('3 documents without clearance_level');
  const id = await es.documents().first().locator('summary .mono').innerText();
  await page.getByRole('searchbox', { name: 'Document id' }).fill(id);
  await page.getByRole('button', { name: 'Find' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('1 document with this id');
  expect(new URL(page.url()).searchParams.get('scope')).toBe('too-long');

  await gotoHydrated('/elasticsearch');
  await es.row(/^namespace too long/).getByRole('link', { name: /^Preview/ }).click();
  await expect(es.headline('3 of 3 documents would be updated')).toBeVisible();
  await expect(page.getByRole('radio', { name: /^With a namespace too long/ })).toBeChecked();
  await es.startLive(/a namespace too long to match.*3 documents to update/s);
  await expect(run.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await expect(run.figure('updated')).toHaveText('3');
});

test('an update is previewed, rehearsed, confirmed and verified, and a second one finds nothing to do', async ({
  page,
  gotoHydrated,
  run,
}) => {
  const es = new ElasticsearchPage(page);
  await gotoHydrated('/elasticsearch');
  await es.preview({ namespaces: ['help-centre'] });
  await expect(es.headline('246 of 366 documents would be updated')).toBeVisible();
  await expect(es.previewed('Without a value')).toHaveText('246');
  await expect(es.previewed('Higher')).toHaveText('10');
  await expect(page.locator('details.document').first()).toBeVisible();
  await expect(page.getByLabel('The same as a command').filter({ hasText: 'elasticsearch update' })).toHaveText(
    'tain elasticsearch update --dry-run help-centre',
  );
  const preview = page.url();

  await es.startDry();
  await expect(run.pill('Changes pending')).toBeVisible();
  await expect(run.figure('to update')).toHaveText('246');
  await run.figure('to update').getByRole('link').click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('246');
  // Every id leads to its document, which is unfolded.
  const first = run.records().first();
  const id = await first.innerText();
  await first.click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('1 document with this id');
  await expect(es.documents().locator('summary')).toContainText(id);
  await expect(es.documents().getByRole('row').filter({ hasText: 'pinecone_namespace' })).toContainText('help-centre');

  await gotoHydrated(preview);
  await es.startLive(/text-search-v0.*help-centre.*clearance_level: 1.*246 documents to update/s);
  await expect(run.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await expect(run.figure('updated')).toHaveText('246');
  await expect(run.figure('conflicts kept')).toHaveText('0');
  for (const step of ['Check mapping and privileges', 'Update documents', 'Verify documents']) {
    await expect(run.step(step).getByText('done', { exact: true })).toBeAttached();
  }
  const verified = page.getByRole('region', { name: 'Documents in Elasticsearch' });
  await expect(verified.getByRole('row').filter({ hasText: 'When the run began' })).toContainText('366');
  await expect(verified.getByRole('row').filter({ hasText: 'still to be updated' })).toContainText('0');

  await gotoHydrated(preview);
  await expect(page.getByText('There is nothing to update')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Start/ })).toHaveCount(0);

  await gotoHydrated('/runs?kind=documents');
  await expect(page.getByRole('region', { name: 'Table of runs' }).locator('tbody tr')).toHaveCount(2);
});

test('higher values are left out unless overwriting is asked for, which says what it lowers', async ({
  page,
  gotoHydrated,
  watch,
}) => {
  const es = new ElasticsearchPage(page);
  await gotoHydrated('/elasticsearch');
  await expect(page.getByRole('checkbox', { name: /^Overwrite higher values/ })).toBeHidden();
  await es.preview({ namespaces: ['help-centre'], all: true });
  await expect(page.getByText('10 documents are left out: overwriting would lower 10 access levels.')).toBeVisible();
  await expect(es.headline('246 of 366 documents would be updated')).toBeVisible();

  await es.preview({ overwrite: true });
  await expect(es.headline('256 of 366 documents would be updated')).toBeVisible();
  await expect(page.getByText('10 access levels are lowered')).toBeVisible();
  await es.dryRun().uncheck();
  await page.getByRole('button', { name: 'Start…' }).click();
  await expect(page.getByRole('dialog')).toContainText('10 higher values are lowered');
  await page.keyboard.press('Escape');

  watch.expected(/422/);
  await page.getByText('Another field or value').click();
  await page.getByLabel(/^Value/).fill('not JSON');
  await es.previewButton().click();
  await expect(page.getByText('There is no preview')).toBeVisible();
});

test('an update at work is paused, resumed and comes to its end', async ({ page, gotoHydrated, run, sandbox }) => {
  const es = new ElasticsearchPage(page);
  await sandbox.generateDocuments('many', 5_000);
  await sandbox.fault({ index: 'elasticsearch', endpoint: 'bulk', effect: { kind: 'latency', ms: 1_500 } });
  await gotoHydrated('/elasticsearch?preview=true&scope=some&namespaces=many');
  await es.startLive(/5,000 documents to update/);
  await expect(run.pill('Running')).toBeVisible();
  await run.pause();
  await expect(run.pill('Paused')).toBeVisible();
  await sandbox.clearFaults();
  await run.resumeButton().click();
  await expect(run.pill('In sync')).toBeVisible({ timeout: 60_000 });
  expect((await run.number('updated')) + (await run.number('already there'))).toBe(5_000);
});

test('a mirroring ends with the documents of its namespace', async ({ page, gotoHydrated, mirror, run }) => {
  await gotoHydrated('/mirror');
  await mirror.analyze('release-notes');
  const also = page.getByRole('checkbox', { name: /^Then update the documents in Elasticsearch/ });
  await also.check();
  await expect(page.getByLabel('The same as a command').filter({ hasText: '--plan' })).toContainText('--elasticsearch');
  await mirror.mirrorLive();
  await expect(run.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await expect(run.figure('documents updated')).toHaveText('24');
  await expect(run.step('Update documents')).toBeVisible();
});

test('access levels of records and documents are compared', async ({ page, gotoHydrated, run }) => {
  await gotoHydrated('/elasticsearch');
  await page.getByRole('textbox', { name: 'Namespace to compare' }).fill('help-centre');
  await page.getByRole('button', { name: 'Compare', exact: true }).click();
  await page.waitForURL(/\/runs\/[^/]+$/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/Compare levels help-centre/);
  await expect(run.step('Compare access levels').getByText('done', { exact: true })).toBeAttached();
  const parts = await Promise.all(['equal', 'different', 'without a document'].map((part) => run.number(part)));
  expect(parts.reduce((sum, part) => sum + part, 0)).toBe(await run.number('records of the target'));
});

test('a silent search index is unknown, not empty', async ({ page, gotoHydrated, sandbox }) => {
  const es = new ElasticsearchPage(page);
  await sandbox.fault({ index: 'elasticsearch', endpoint: 'search', effect: { kind: 'status', code: 403 } });
  await gotoHydrated('/elasticsearch');
  await expect(page.getByText('The documents of the namespaces are unknown')).toBeVisible();
  await expect(es.panel('Table of namespaces')).toHaveCount(0);
});

test('documents are shown where the settings are unknown, and nothing is said of what they lack', async ({
  page,
  gotoHydrated,
  watch,
}) => {
  const es = new ElasticsearchPage(page);
  await gotoHydrated('/elasticsearch');
  await silence(page, watch, 'settings');
  await es.number('release-notes', 'without').getByRole('link').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('24 documents without the added field');
  await expect(page.getByText('The settings could not be read')).toBeVisible();
  await expect(es.documents()).toHaveCount(24);
  await expect(es.documents().first()).not.toContainText(/^no |\bno /);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('the index, a preview and the documents are shown, and a dry run starts', async ({ page, watch, run }) => {
    watch.expected(/^failed: GET \S+\/pkg\/tain\.\S+\.js: csp$/);
    const es = new ElasticsearchPage(page);
    await page.goto('/elasticsearch');
    await expect(es.number('help-centre', 'without')).toHaveText('246');
    await es.preview({ namespaces: ['help-centre', 'release-notes'] });
    await expect(es.headline('270 of 390 documents would be updated')).toBeVisible();
    await es.startDry();
    await expect(async () => {
      await page.reload();
      await expect(run.figure('to update')).toHaveText('270', { timeout: 500 });
    }).toPass();
  });
});
