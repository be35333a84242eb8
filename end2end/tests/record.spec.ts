import { expect, hydrated, test } from '../fixtures/index.ts';
import { expectedOf } from '../fixtures/model.ts';
import { CheckPage } from '../pages/check.ts';
import { RecordPage } from '../pages/record.ts';

const NAMESPACE = 'help-centre';

test('a changed record shows both values, with sign, word and type', async ({ page, gotoHydrated, sandbox }) => {
  const source = await sandbox.records('source', NAMESPACE);
  const target = await sandbox.records('target', NAMESPACE);
  // One whose year became a string: they look alike, so only the type tells.
  const changed = source.find(({ id, metadata }) => {
    const other = target.find((record) => record.id === id);
    return other !== undefined && typeof other.metadata['year'] !== typeof metadata['year'];
  });
  const id = changed?.id ?? '';
  const record = new RecordPage(page);
  await gotoHydrated(RecordPage.address(NAMESPACE, id));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(`Record ${id}`);
  await expect(page.getByText('1 key differs: a mirror updates it')).toBeVisible();
  await expect(page.locator('header.head .pill')).toHaveText('Changes pending');
  await expect(record.differing()).toHaveCount(1);
  await expect(record.key('year')).toContainText('changed');
  await expect(record.value('year', 'Source')).toContainText('number');
  await expect(record.value('year', 'Target')).toContainText('string');
  await expect(record.key('clearance_level')).toContainText('added, not compared');
  for (const side of ['Source', 'Target'] as const) {
    await expect(record.side(side).getByRole('img', { name: /^Vector of [\d,]+ numbers/ })).toBeVisible();
    await expect(record.side(side)).toContainText(/norm \d\.\d{4}/);
  }
});

test('on a narrow screen a value that is the same on both sides stands there once', async ({ page, gotoHydrated, sandbox }) => {
  const target = new Map((await sandbox.records('target', NAMESPACE)).map((record) => [record.id, record.metadata]));
  const changed = (await sandbox.records('source', NAMESPACE)).find(({ id, metadata }) => {
    const other = target.get(id);
    return other !== undefined && other['year'] !== metadata['year'] && other['title'] === metadata['title'];
  });
  const record = new RecordPage(page);
  await gotoHydrated(RecordPage.address(NAMESPACE, changed?.id ?? ''));
  await expect(record.value('title', 'Target')).toBeVisible();
  await page.setViewportSize({ width: 360, height: 900 });
  await expect(record.value('title', 'Source')).toHaveAttribute('data-narrow', /^Source, same in target/);
  await expect(record.value('title', 'Source')).toBeVisible();
  await expect(record.value('title', 'Target')).toBeHidden();
  // What differs stands below each other, each under its own side.
  await expect(record.value('year', 'Source')).toHaveAttribute('data-narrow', /^Source(, same in Elasticsearch)?$/);
  await expect(record.value('year', 'Target')).toHaveAttribute('data-narrow', 'Target');
  await expect(record.value('year', 'Target')).toBeVisible();
});

test('what is missing, only in the target, or nowhere is said so', async ({ page, gotoHydrated, sandbox, watch }) => {
  watch.expected(/status 404|status of 404/);
  const expected = expectedOf(await sandbox.records('source', NAMESPACE), await sandbox.records('target', NAMESPACE));
  const record = new RecordPage(page);
  await gotoHydrated(RecordPage.address(NAMESPACE, expected.missing[0] ?? ''));
  await expect(page.getByText('In the source only: a mirror migrates it')).toBeVisible();
  await expect(record.side('Target')).toContainText('Not here');
  await gotoHydrated(RecordPage.address(NAMESPACE, expected.orphans[0] ?? ''));
  await expect(page.getByText('In the target only: left alone')).toBeVisible();
  const nowhere = await page.goto(RecordPage.address(NAMESPACE, 'no-such-record'));
  expect(nowhere?.status()).toBe(404);
  await hydrated(page);
  await expect(page.getByRole('heading', { name: 'No side has this record' })).toBeVisible();
  await expect(page.getByLabel('Id', { exact: true })).toBeVisible();
});

test('a side that does not answer is unknown, and the rest is shown', async ({ page, gotoHydrated, sandbox }) => {
  const [first] = await sandbox.records('target', NAMESPACE);
  const record = new RecordPage(page);
  await sandbox.fault({ endpoint: 'fetch', index: 'target', effect: { kind: 'status', code: 403, message: 'forbidden for this test' } });
  await gotoHydrated(RecordPage.address(NAMESPACE, first?.id ?? ''));
  await expect(record.side('Target')).toContainText('unknown');
  await expect(page.locator('header.head .pill')).toHaveText('Unknown');
  await expect(record.value('title', 'Target')).toHaveText('unknown');
  await expect(record.value('title', 'Source')).not.toHaveText('unknown');
});

test('every id of a list leads to its record, whatever it is made of', async ({ page, gotoHydrated, mirror, sandbox }) => {
  await gotoHydrated('/mirror');
  await mirror.analyze('__default__');
  await page.goto(`/runs/${mirror.id()}/records/in-sync`);
  await hydrated(page);
  for (const { id } of await sandbox.records('source', '')) {
    await expect(page.getByRole('link', { name: id, exact: true })).toHaveAttribute('href', /^\/record\?namespace=/);
  }
  await page.getByRole('link', { name: 'faq/"quoted"', exact: true }).click();
  await page.waitForURL(/\/record\?/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Record faq/"quoted"');
  await expect(page.getByText('In both, with equal metadata')).toBeVisible();
});

test('a long text unfolds', async ({ page, gotoHydrated, sandbox }) => {
  const long = (await sandbox.records('source', NAMESPACE)).find(({ metadata }) => String(metadata['text']).length > 200);
  const record = new RecordPage(page);
  await gotoHydrated('/check');
  await new CheckPage(page).lookUp(NAMESPACE, long?.id ?? '');
  await hydrated(page);
  const end = String(long?.metadata['text']).slice(-40);
  const text = record.value('text', 'Source');
  await expect(text.getByText(end)).toBeHidden();
  await text.locator('summary').click();
  await expect(text.getByText(end)).toBeVisible();
});
