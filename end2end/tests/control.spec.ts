import { expect, hydrated, test } from '../fixtures/index.ts';
import { expectedOf, shown } from '../fixtures/model.ts';

const NAMESPACE = 'help-centre';

test('a run is paused, survives a reload, and goes on where it stopped', async ({ page, gotoHydrated, mirror, run, sandbox }) => {
  const expected = expectedOf(await sandbox.records('source', NAMESPACE), await sandbox.records('target', NAMESPACE));
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE, { batchSize: 5 });
  await sandbox.slow('embed', 400);
  await mirror.mirrorLive();
  const id = mirror.id();
  await gotoHydrated(`/runs/${id}`);
  await expect.poll(() => run.number('migrated')).toBeGreaterThan(0);
  await run.pause();
  await expect(run.pill('Paused')).toBeVisible();
  await expect(run.notice('The run is paused')).toContainText('Resuming goes on from the last checkpoint');
  await expect(page.getByText(`tain runs resume ${run.id()}`).first()).toBeVisible();
  const migrated = await run.number('migrated');
  expect(migrated).toBeLessThan(expected.missing.length);
  const paid = (await sandbox.state()).embedded.texts;

  await page.reload();
  await hydrated(page);
  await expect(run.pill('Paused')).toBeVisible();
  expect(await run.number('migrated')).toBe(migrated);
  expect((await sandbox.state()).embedded.texts, 'a paused run pays nothing').toBe(paid);
  await page.setViewportSize({ width: 360, height: 800 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth), 'nothing is wider than a phone').toBe(360);
  await page.setViewportSize({ width: 1280, height: 900 });

  await sandbox.clearFaults();
  await run.resumeButton().click();
  await expect(run.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await expect(run.figure('migrated')).toHaveText(shown(expected.missing.length));
  expect((await sandbox.state()).embedded.texts, 'what was in flight was waited for').toBe(expected.texts);
  await run.figure('migrated').getByRole('link').click();
  await expect(page).toHaveURL(new RegExp(`/runs/${id}/records/migrated$`));
  await expect(page.getByText(expected.missing[0] ?? 'nothing', { exact: true })).toBeVisible();
});

test('a paused run is given up', async ({ gotoHydrated, mirror, run, sandbox }) => {
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE, { batchSize: 5 });
  await sandbox.slow('embed', 400);
  await mirror.mirrorLive();
  await expect.poll(() => mirror.number('migrated')).toBeGreaterThan(0);
  await mirror.pause();
  await expect(mirror.pill('Paused')).toBeVisible();
  await run.cancel();
  await expect(run.pill('Cancelled')).toBeVisible();
  await expect(run.resumeButton()).toHaveCount(0);
});

test('a quota that is used up pauses the run and says when it can go on', async ({ gotoHydrated, mirror, run, sandbox }) => {
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  await sandbox.fault({ endpoint: 'embed', effect: { kind: 'quota', period: 'day', retry_seconds: 3_600 } });
  await mirror.mirrorLive();
  await expect(run.pill('Paused')).toBeVisible();
  await expect(run.notice('Paused: a quota is used up')).toContainText(/It can go on .*\(in \d/);
  await expect(run.resumeButton()).toBeVisible();
});

test('a record that fails is listed with its reason, found, downloaded, and tried again', async ({
  page,
  gotoHydrated,
  mirror,
  run,
  sandbox,
}) => {
  const expected = expectedOf(await sandbox.records('source', NAMESPACE), await sandbox.records('target', NAMESPACE));
  const [poisoned] = expected.missing;
  if (poisoned === undefined) throw new Error('the sample has nothing to migrate');
  await sandbox.fault({ endpoint: 'upsert', effect: { kind: 'poison_record', marker: JSON.stringify(poisoned) } });
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  await mirror.mirrorLive();
  await expect(mirror.pill('Needs attention')).toBeVisible({ timeout: 60_000 });
  await gotoHydrated(`/runs/${mirror.id()}`);
  const failed = run.id();
  await expect(run.failures()).toHaveCount(1);
  await expect(run.failures().first()).toContainText(poisoned);
  await expect(run.failures().first().getByRole('cell').nth(3)).toHaveText('1');

  for (const [name, holds] of [
    ['JSONL', `"id":${JSON.stringify(poisoned)}`],
    ['CSV', 'id,step,message,attempts,at'],
  ] as const) {
    const link = page.getByRole('region', { name: '1 record failed' }).getByRole('link', { name, exact: true });
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    let text = '';
    for await (const chunk of await download.createReadStream()) text += String(chunk);
    expect(text).toContain(holds);
  }

  await page.getByLabel('Search the failed records').fill(poisoned);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/records\/failed\?search=/);
  await expect(run.failures()).toHaveCount(1);
  await page.getByLabel('Search the records').fill('no such record');
  await page.keyboard.press('Enter');
  await expect(page.getByText('No record of this kind matches.')).toBeVisible();

  await sandbox.clearFaults();
  await gotoHydrated(`/runs/${failed}`);
  await page.getByRole('button', { name: 'Retry failed…' }).click();
  const question = page.getByRole('dialog');
  await expect(question).toContainText('askdona');
  await expect(question).toContainText(NAMESPACE);
  await expect(question).toContainText(`tain runs retry ${failed}`);
  await question.getByRole('button', { name: 'Retry the failed records' }).click();
  await page.waitForURL((url) => !url.pathname.endsWith(failed));
  await expect(page.getByText('tries again what failed in')).toBeVisible();
  // It has looked at one record, and says nothing of the others.
  await expect(run.pill('Done')).toBeVisible({ timeout: 60_000 });
  await expect(run.figure('migrated')).toHaveText('1');
  const after = expectedOf(await sandbox.records('source', NAMESPACE), await sandbox.records('target', NAMESPACE));
  expect(after.missing).toEqual([]);
});

test('the run of a plan executes that plan, and says what moved since', async ({ page, gotoHydrated, mirror, run, sandbox }) => {
  const source = await sandbox.records('source', NAMESPACE);
  const expected = expectedOf(source, await sandbox.records('target', NAMESPACE));
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  const plan = mirror.id();
  const [moved] = expected.missing;
  const before = source.find(({ id }) => id === moved);
  if (moved === undefined || before === undefined) throw new Error('the sample has nothing to migrate');
  await sandbox.patch('source', NAMESPACE, [{ id: moved, set: { text: 'another text than was planned' } }]);
  await mirror.mirrorLive();
  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await expect(run.notice('The indexes moved since the plan')).toBeVisible();
  await run.notice('The indexes moved since the plan').getByRole('link', { name: '1', exact: true }).click();
  await page.waitForURL(/\/records\/not-as-planned$/);
  await expect(page.getByText(moved, { exact: true })).toBeVisible();
  await page.goBack();
  await page.getByRole('link', { name: 'Run page' }).click();
  await expect(page.getByRole('link', { name: /^[0-9a-f]{8}$/ }).first()).toHaveAttribute('href', `/runs/${plan}`);
});

test('several namespaces are mirrored in one run, each with a state and a run of its own', async ({
  page,
  gotoHydrated,
  run,
  sandbox,
}) => {
  await gotoHydrated('/mirror');
  await page.getByRole('link', { name: 'Several' }).click();
  await page.getByLabel(/^But not those like/).fill('release-*');
  await expect(page.getByText(/^Takes 2 of 3 in the source: /)).toBeVisible();
  await expect(page.getByLabel('The same as a command')).toContainText("tain mirror --all-namespaces --exclude='release-*' --dry-run");
  await page.getByRole('switch', { name: /^Dry run/ }).uncheck();
  await page.getByRole('button', { name: 'Start…' }).click();
  await expect(page.getByRole('dialog')).toContainText('all namespaces without release-*');
  await page.getByRole('dialog').getByRole('button', { name: 'Start the live run' }).click();
  await page.waitForURL(/\/runs\/[^/]+$/);
  await expect(run.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await expect(run.namespaceRow('__default__').locator('.pill')).toHaveText('In sync');
  await expect(run.namespaceRow(NAMESPACE).locator('.pill')).toHaveText('In sync');
  await expect(run.namespaceRow('release-notes')).toHaveCount(0);
  await run.namespaceRow(NAMESPACE).getByRole('link', { name: NAMESPACE, exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(`Mirror ${NAMESPACE}`);
  const after = expectedOf(await sandbox.records('source', NAMESPACE), await sandbox.records('target', NAMESPACE));
  expect([...after.missing, ...after.changed]).toEqual([]);
  expect(await sandbox.count('target', 'release-notes')).toBe(0);
});

test('the log is filtered, searched and read as a whole', async ({ page, gotoHydrated, mirror, run }) => {
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  const id = mirror.id();
  await gotoHydrated(`/runs/${id}`);
  const all = await run.logLines().count();
  expect(all).toBeGreaterThan(1);
  await page.getByRole('group', { name: 'Level' }).getByRole('button', { name: /^Errors/ }).click();
  await expect(run.logLines()).toHaveText('No line to show');
  await page.getByRole('group', { name: 'Level' }).getByRole('button', { name: /^All/ }).click();
  await page.getByLabel('Search the log').fill('to migrate');
  await expect.poll(() => run.logLines().count()).toBeLessThan(all);

  await gotoHydrated(`/runs/${id}/log`);
  await expect(run.logLines()).toHaveCount(all);
  await page.getByLabel('Search the log').fill('to migrate');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.waitForURL(/search=/);
  await expect(run.logLines().first()).toContainText('to migrate');
  expect(await run.logLines().count()).toBeLessThan(all);
});

test('runs are found by kind, state and namespace, and the address keeps what is asked for', async ({ page, gotoHydrated, mirror, runs }) => {
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  const analysis = mirror.id();
  await mirror.rehearse();
  const rehearsal = mirror.id();
  await gotoHydrated('/runs');
  await expect(runs.rows()).toHaveCount(2);
  await runs.filter({ kind: 'Mirrorings' });
  await page.waitForURL(/kind=mirror/);
  await expect(runs.row(rehearsal)).toBeVisible();
  await expect(runs.row(analysis)).toHaveCount(0);
  await page.reload();
  await expect(runs.rows()).toHaveCount(1);
  await runs.filter({ kind: 'Every kind', state: 'Failed' });
  await expect(page.getByRole('heading', { name: 'No run matches' })).toBeVisible();
  await runs.filter({ state: 'Done', namespace: 'help' });
  await expect(runs.rows()).toHaveCount(2);
  await runs.filter({ namespace: 'elsewhere' });
  await page.getByRole('link', { name: 'all runs', exact: true }).click();
  await expect(runs.rows()).toHaveCount(2);
});
