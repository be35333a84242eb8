import { expect, hydrated, test } from '../fixtures/index.ts';
import { expectedOf, mirrored, shown } from '../fixtures/model.ts';
import { MirrorPage } from '../pages/mirror.ts';
import { RunPage } from '../pages/run.ts';

const NAMESPACE = 'help-centre';

test('the dry run comes first, and it writes and pays nothing', async ({ page, gotoHydrated, mirror, sandbox }) => {
  const expected = expectedOf(await sandbox.records('source', NAMESPACE), await sandbox.records('target', NAMESPACE));
  const before = await sandbox.records('target', NAMESPACE, { values: true });

  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);

  await expect(mirror.part('In sync')).toHaveText(shown(expected.inSync));
  await expect(mirror.part('To migrate')).toHaveText(shown(expected.missing.length));
  await expect(mirror.part('To update')).toHaveText(shown(expected.changed.length));
  await expect(mirror.part('No text')).toHaveText(shown(expected.noText.length));
  await expect(mirror.part('Only in target')).toHaveText(shown(expected.orphans.length));
  await expect(mirror.takes('Embeddings to pay')).toContainText(shown(expected.texts));

  // The switch stands on dry run unless someone turns it, and the command beside it says so.
  await expect(mirror.dryRun()).toBeChecked();
  await expect(page.getByLabel('The same as a command').filter({ hasText: 'tain mirror' })).toContainText(`tain mirror ${NAMESPACE} --dry-run`);
  await expect(page.getByLabel('The same as commands')).toContainText(`tain analyze ${NAMESPACE}`);
  // The form that was focused is gone: whoever uses the keyboard goes on from the beginning of the plan.
  await expect(page.getByRole('main')).toBeFocused();
  await mirror.rehearse();
  await expect(mirror.part('To migrate')).toHaveText(shown(expected.missing.length));

  const state = await sandbox.state();
  expect(state.embedded.texts, 'texts paid').toBe(0);
  for (const index of state.indexes) expect(index.calls['upsert']?.requests ?? 0, `upserts to ${index.name}`).toBe(0);
  expect(state.forbidden_calls).toBe(0);
  expect(await sandbox.records('target', NAMESPACE, { values: true })).toEqual(before);
});

test('analyze, plan, mirror: the numbers move, survive a reload and end as the indexes are', async ({
  page,
  gotoHydrated,
  mirror,
  sandbox,
}) => {
  const source = await sandbox.records('source', NAMESPACE);
  const before = await sandbox.records('target', NAMESPACE);
  const expected = expectedOf(source, before);
  const work = expected.missing.length + expected.changed.length;
  expect(expected.missing.length, 'the sample has records to migrate').toBeGreaterThan(20);
  expect(expected.changed.length, 'the sample has records to update').toBeGreaterThan(5);

  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE, { batchSize: 5 });
  await expect(page.getByRole('heading', { level: 2, name: `${shown(work)} of ${shown(expected.source)} records need work` })).toBeVisible();
  await sandbox.slow('embed', 400);
  await mirror.mirrorLive();
  const id = mirror.id();

  // The numbers move while one looks.
  await expect(mirror.pill('Running')).toBeVisible();
  await expect.poll(() => mirror.number('migrated')).toBeGreaterThan(0);
  const seen = await mirror.number('migrated');
  expect(seen).toBeLessThan(expected.missing.length);
  await expect.poll(() => mirror.number('migrated')).toBeGreaterThan(seen);

  // The run belongs to the server: a reload finds it where it is, and it has not gone back.
  const atReload = await mirror.number('migrated');
  await page.reload();
  await hydrated(page);
  expect(mirror.id()).toBe(id);
  await expect(mirror.pill('Running')).toBeVisible();
  expect(await mirror.number('migrated')).toBeGreaterThanOrEqual(atReload);
  await sandbox.clearFaults();

  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await expect(mirror.figure('migrated')).toHaveText(shown(expected.missing.length));
  await expect(mirror.figure('updated')).toHaveText(shown(expected.changed.length));
  await expect(mirror.figure('failed')).toHaveText('0');

  // What the screen says is what the sandbox holds.
  const state = await sandbox.state();
  await expect(mirror.figure('texts paid')).toHaveText(shown(state.embedded.texts));
  expect(state.embedded.texts).toBe(expected.texts);
  expect(state.embedded.distinct_texts).toBe(expected.texts);
  expect(state.forbidden_calls).toBe(0);
  const held = await sandbox.count('target', NAMESPACE);
  expect(held).toBe(expected.target + expected.missing.length);
  await expect(mirror.verified('Target, as expected')).toHaveText(shown(held));
  await expect(mirror.verified('Source')).toHaveText(shown(await sandbox.count('source', NAMESPACE)));
  await expect(mirror.verified('− without text')).toContainText(/\d/);

  // Every record, and not just their number.
  const after = new Map((await sandbox.records('target', NAMESPACE)).map((record) => [record.id, record.metadata]));
  const old = new Map(before.map((record) => [record.id, record]));
  const written = new Set([...expected.missing, ...expected.changed]);
  for (const record of source) {
    if (written.has(record.id)) expect(after.get(record.id), record.id).toEqual(mirrored(record, old.get(record.id)));
  }
  for (const record of before) {
    if (!written.has(record.id)) expect(after.get(record.id), record.id).toEqual(record.metadata);
  }
  expect(await sandbox.records('source', NAMESPACE), 'the source is as it was').toEqual(source);

  // A second look finds nothing to do, and offers nothing to start.
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  await expect(page.getByRole('heading', { level: 2, name: 'In sync: nothing to write' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start dry run' })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Start…' })).toHaveCount(0);
  expect((await sandbox.state()).embedded.texts, 'nothing is paid a second time').toBe(expected.texts);
});

test('every count leads to the records behind it', async ({ page, gotoHydrated, mirror, sandbox }) => {
  const expected = expectedOf(await sandbox.records('source', NAMESPACE), await sandbox.records('target', NAMESPACE));
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  await mirror.part('No text').getByRole('link').click();
  await page.waitForURL(/\/records\/no-text$/);
  for (const id of expected.noText) await expect(page.getByText(id, { exact: true })).toBeVisible();
  await page.goBack();
  await mirror.planned();
  await mirror.part('To migrate').getByRole('link').click();
  await page.waitForURL(/\/records\/to-migrate$/);
  const link = page.getByRole('link', { name: /Download/ });
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  const stream = await download.createReadStream();
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  const ids = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(ids.sort()).toEqual(expected.missing.toSorted());
});

test('a run is cancelled in the middle, and the next one goes on from there', async ({ page, gotoHydrated, mirror, sandbox }) => {
  const expected = expectedOf(await sandbox.records('source', NAMESPACE), await sandbox.records('target', NAMESPACE));
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE, { batchSize: 5 });
  await sandbox.slow('embed', 400);
  await mirror.mirrorLive();
  await expect.poll(() => mirror.number('migrated')).toBeGreaterThan(0);
  await mirror.cancel();
  await expect(mirror.pill('Cancelled')).toBeVisible();
  await expect(page.getByText('The run was cancelled', { exact: true })).toBeVisible();
  const migrated = await mirror.number('migrated');
  expect(migrated).toBeLessThan(expected.missing.length);
  const updated = await mirror.number('updated');
  // What was on its way when the run ended may have arrived without its being known, and is seen only after a moment.
  const written = async (): Promise<number> =>
    (await sandbox.state()).indexes.find((index) => index.role === 'target')?.calls['upsert']?.items ?? 0;
  const left = async () =>
    expectedOf(await sandbox.records('source', NAMESPACE), await sandbox.records('target', NAMESPACE));
  const all = expected.missing.length + expected.changed.length;
  await expect
    .poll(async () => {
      const now = await left();
      return now.missing.length + now.changed.length + (await written());
    })
    .toBe(all);
  expect(await written()).toBeGreaterThanOrEqual(migrated + updated);
  expect(await written(), 'at most four upserts were on their way').toBeLessThanOrEqual(migrated + updated + 20);

  // What was written is neither written nor paid for again.
  await sandbox.clearFaults();
  const paid = (await sandbox.state()).embedded.texts;
  const now = await left();
  await page.getByRole('button', { name: 'Run again…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Start the live run' }).click();
  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 60_000 });
  expect((await sandbox.state()).embedded.texts - paid).toBe(now.texts);
});

test('two tabs see the same run', async ({ page, context, gotoHydrated, mirror, sandbox }) => {
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE, { batchSize: 5 });
  await sandbox.slow('embed', 400);
  await mirror.mirrorLive();
  const other = await context.newPage();
  await other.goto(`/runs/${mirror.id()}`);
  await hydrated(other);
  const second = new RunPage(other);
  await expect(second.pill('Running')).toBeVisible();
  await expect.poll(() => second.number('migrated')).toBeGreaterThan(0);
  await second.cancel();
  await expect(mirror.pill('Cancelled')).toBeVisible();
  await expect(second.pill('Cancelled')).toBeVisible();
  expect(await mirror.figure('migrated').innerText()).toBe(await second.figure('migrated').innerText());
  await expect(page.getByText('The run was cancelled', { exact: true })).toBeVisible();
});

test('a second run on a namespace that is being written is told who holds it', async ({
  context,
  gotoHydrated,
  mirror,
  sandbox,
  watch,
}) => {
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE, { batchSize: 5 });
  const plan = mirror.page.url();
  await sandbox.slow('embed', 400);
  await mirror.mirrorLive();
  const holder = mirror.id();
  const other = await context.newPage();
  await other.goto(plan);
  await hydrated(other);
  const second = new MirrorPage(other);
  watch.expected(/status 409|status of 409/);
  await second.dryRun().uncheck();
  await other.getByRole('button', { name: 'Start…' }).click();
  await other.getByRole('dialog').getByRole('button', { name: 'Start the live run' }).click();
  await expect(other.getByText('The run was not started')).toBeVisible();
  // The question is answered: what came of it does not stand behind it.
  await expect(other.getByRole('dialog')).toBeHidden();
  await other.getByRole('link', { name: 'Open the run that holds it' }).click();
  await other.waitForURL(`**/runs/${holder}`);
});

test('a service that fails is named, and nothing is taken for absent', async ({ gotoHydrated, mirror, page, sandbox }) => {
  const before = await sandbox.records('target', NAMESPACE);
  await gotoHydrated('/mirror');
  await sandbox.fault({ endpoint: 'list', index: 'source', effect: { kind: 'status', code: 403, message: 'forbidden for this test' } });
  await mirror.namespace().fill(NAMESPACE);
  await page.getByRole('button', { name: 'Analyze', exact: true }).click();
  await expect(mirror.pill('Failed')).toBeVisible();
  await expect(page.getByText('forbidden for this test').first()).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start dry run' })).toHaveCount(0);
  expect(await sandbox.records('target', NAMESPACE)).toEqual(before);
});
