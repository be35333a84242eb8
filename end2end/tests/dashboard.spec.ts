import { expect, hydrated, silence, test } from '../fixtures/index.ts';
import { expectedOf, shown } from '../fixtures/model.ts';
import { DashboardPage } from '../pages/dashboard.ts';

const NAMESPACE = 'help-centre';

test('the dashboard shows both indexes as they are, and what is not known as unknown', async ({ page, gotoHydrated, sandbox }) => {
  const dashboard = new DashboardPage(page);
  await gotoHydrated('/');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Dashboard');
  const state = await sandbox.state();
  for (const [role, side] of [['Source', 'source'], ['Target', 'target']] as const) {
    const index = state.indexes.find((candidate) => candidate.role === side);
    const records = Object.values(index?.namespaces ?? {}).reduce((sum, count) => sum + count, 0);
    await expect(dashboard.card(role)).toContainText(index?.name ?? '');
    await expect(dashboard.card(role).locator('.figure b')).toHaveText(shown(records));
    await expect(dashboard.card(role)).toContainText(`${shown(index?.dimension ?? 0)} dimensions`);
  }
  await expect(dashboard.namespace(NAMESPACE)).toContainText(shown(await sandbox.count('source', NAMESPACE)));
  await expect(dashboard.namespace(NAMESPACE)).toContainText('not analyzed yet');
  // Two totals say nothing of how much is mirrored, so nothing is said.
  await expect(dashboard.defaultNamespace()).toContainText('Not analyzed yet');
  await expect(dashboard.defaultNamespace()).not.toContainText('%');
  await expect(dashboard.runs()).toHaveCount(0);

  await sandbox.fault({ endpoint: 'stats', index: 'target', effect: { kind: 'status', code: 403, message: 'forbidden for this test' } });
  await page.reload();
  await hydrated(page);
  await expect(dashboard.card('Target').locator('.figure b')).toHaveText('unknown');
  await expect(dashboard.card('Target')).toContainText('forbidden for this test');
  await expect(dashboard.namespace(NAMESPACE).locator('.pill', { hasText: 'Unknown' })).toBeVisible();
  await expect(dashboard.card('Source').locator('.figure b')).not.toHaveText('unknown');
});

test('where neither index can be read, nothing is called empty, and no earlier run calls it in sync', async ({ page, gotoHydrated, mirror, sandbox }) => {
  const dashboard = new DashboardPage(page);
  await gotoHydrated('/mirror');
  await mirror.analyze('release-notes');
  await mirror.mirrorLive();
  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await dashboard.open();
  await expect(dashboard.namespace('release-notes').locator('.pill', { hasText: 'In sync' })).toBeVisible();

  const failure = { endpoint: 'stats', effect: { kind: 'status', code: 403, message: 'forbidden for this test' } } as const;
  await sandbox.fault({ ...failure, index: 'target' });
  await gotoHydrated('/');
  await expect(dashboard.namespace('release-notes').locator('.pill', { hasText: 'Unknown' })).toBeVisible();
  // How many there are is not known either.
  await expect(dashboard.namespaces().getByRole('link', { name: 'All', exact: true })).toBeVisible();

  await sandbox.fault({ ...failure, index: 'source' });
  await sandbox.fault({ index: 'elasticsearch', endpoint: 'search', effect: { kind: 'status', code: 403, message: 'forbidden for this test' } });
  await gotoHydrated('/');
  await expect(dashboard.namespaces()).toContainText('forbidden for this test');
  await expect(dashboard.namespaces()).not.toContainText('will be listed here');
  for (const address of ['/check', '/mirror']) {
    await gotoHydrated(address);
    await expect(page.getByText('Not everything could be read')).toBeVisible();
    await expect(page.getByText('No namespace yet')).toHaveCount(0);
  }
});

test('the one action leads to a plan, and coming back shows what it counted', async ({ page, gotoHydrated, mirror, sandbox }) => {
  const expected = expectedOf(await sandbox.records('source', ''), await sandbox.records('target', ''));
  const dashboard = new DashboardPage(page);
  await gotoHydrated('/');
  await dashboard.analyze();
  await mirror.planned();
  const id = mirror.id();

  await dashboard.open();
  const panel = dashboard.defaultNamespace();
  await expect(panel).toContainText(`${shown(expected.inSync)} of ${shown(expected.source)} records of the source are in the target with equal metadata`);
  await expect(panel.getByRole('link', { name: 'an analysis' })).toHaveAttribute('href', `/runs/${id}`);
  await expect(panel.getByText('In sync').first()).toBeVisible();
  await expect(panel.getByRole('img', { name: /in sync/i })).toBeVisible();
  await expect(dashboard.runs()).toHaveCount(1);
  await expect(dashboard.runs().first()).toContainText('Analyze __default__');
  await panel.getByRole('listitem').filter({ hasText: 'In sync' }).getByRole('link').click();
  await page.waitForURL(new RegExp(`/runs/${id}/records/in-sync$`));
});

test('after a live mirror, every number that has a list leads to it', async ({ page, gotoHydrated, mirror, demo, sandbox }) => {
  const dashboard = new DashboardPage(page);
  // Something to write, and something that cannot be.
  const [changed, emptied] = await sandbox.records('source', '');
  if (changed === undefined || emptied === undefined) throw new Error('the sample has no default namespace');
  await sandbox.patch('source', '', [
    { id: changed.id, set: { title: 'another title' } },
    { id: emptied.id, set: { text: '' } },
  ]);
  await gotoHydrated('/');
  await dashboard.analyze();
  await mirror.planned();
  await mirror.mirrorLive();
  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await dashboard.open();
  const parts = dashboard.defaultNamespace().getByRole('list', { name: 'Records by what has to be done with them' }).getByRole('listitem');
  await expect(parts.filter({ hasText: 'No text' }).getByRole('link')).toHaveText('1');
  for (const part of await parts.all()) {
    const label = await part.locator('.key').innerText();
    const number = (await part.locator('b').innerText()).trim();
    // What a live run wrote stands in other lists than what it found in sync: their sum has none.
    if (number === '0' || /In sync|To migrate|To update/.test(label)) continue;
    const href = await part.getByRole('link').getAttribute('href');
    const html = await (await fetch(demo.url + (href ?? ''))).text();
    expect(html, label).toMatch(new RegExp(`<h1[^>]*>[^<]*: ${number} records?<`));
  }
  const documents = dashboard.defaultNamespace().locator('.figure', { hasText: 'documents in Elasticsearch' }).locator('b');
  const number = (await documents.innerText()).trim();
  await documents.getByRole('link').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(new RegExp(`^${number} documents?$`));
});

test('how namespaces stand is unknown where the runs cannot be read, and not “never analyzed”', async ({ page, gotoHydrated, watch }) => {
  const dashboard = new DashboardPage(page);
  await gotoHydrated('/runs');
  await silence(page, watch, 'runs');
  await dashboard.open();
  await expect(dashboard.namespace(NAMESPACE).locator('.pill', { hasText: 'Unknown' })).toBeVisible();
  await expect(dashboard.namespaces()).toContainText('How the namespaces stand is unknown');
  await expect(dashboard.namespaces()).not.toContainText('not analyzed yet');
});

test('a run at work moves the dashboard', async ({ page, gotoHydrated, mirror, sandbox }) => {
  const dashboard = new DashboardPage(page);
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE, { batchSize: 5 });
  await sandbox.slow('embed', 1_500);
  await mirror.mirrorLive();
  await dashboard.open();
  await expect(dashboard.runs().first().getByText('Running')).toBeVisible();
  await expect(dashboard.namespace(NAMESPACE).getByText('Running')).toBeVisible();
  await sandbox.clearFaults();
  await expect(dashboard.runs().first().getByText('In sync')).toBeVisible({ timeout: 60_000 });
  await expect(dashboard.namespace(NAMESPACE).getByText('In sync')).toBeVisible();
});

test('the search index is connected with its numbers', async ({ page, gotoHydrated }) => {
  const dashboard = new DashboardPage(page);
  await gotoHydrated('/');
  await expect(dashboard.search()).toContainText('Connected');
  await expect(dashboard.search().getByRole('progressbar', { name: /Documents with clearance_level/ })).toBeVisible();
  await dashboard.search().getByRole('link', { name: /without$/ }).click();
  await page.waitForURL(/\/elasticsearch\/documents\?holding=nothing/);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('the dashboard shows its data and starts the analysis', async ({ page, sandbox, watch }) => {
    watch.expected(/^failed: GET \S+\/pkg\/tain\.\S+\.js: csp$/);
    const dashboard = new DashboardPage(page);
    await page.goto('/');
    await expect(dashboard.namespace(NAMESPACE)).toContainText(shown(await sandbox.count('source', NAMESPACE)));
    await expect(page.locator('.skeleton')).toHaveCount(0);
    await dashboard.analyze();
    await page.goto('/');
    await expect(dashboard.runs()).toHaveCount(1);
  });
});
