import { expect, test } from '../fixtures/index.ts';

const NAMESPACE = 'help-centre';

test('a schedule is made, judged while it is typed, run, switched off, changed and deleted', async ({
  page,
  gotoHydrated,
  mirror,
  schedules,
}) => {
  await gotoHydrated('/schedules');
  await expect(page.getByRole('heading', { name: 'No schedule yet' })).toBeVisible();
  await schedules.create();
  await schedules.field(/^Name optional/).fill('Nightly');
  await schedules.field('Namespace').fill(NAMESPACE);
  await expect(schedules.nextTimes()).toHaveCount(5);

  await page.getByRole('radio', { name: 'By a cron expression' }).check();
  await schedules.field('Cron expression, in UTC').fill('61 2 * *');
  await expect(schedules.error('cron')).toContainText('five fields');
  await schedules.field('Cron expression, in UTC').fill('61 2 * * *');
  await expect(schedules.error('cron')).toContainText('0 to 59');
  await expect(schedules.field('Cron expression, in UTC')).toHaveAttribute('aria-invalid', 'true');
  await schedules.field('Cron expression, in UTC').fill('30 2 * * 1-5');
  await expect(schedules.error('cron')).toBeEmpty();
  await expect(schedules.nextTimes().first()).toContainText('02:30:00');
  await expect(page.getByLabel('The same as a command')).toHaveText(
    `tain schedules add --cron '30 2 * * 1-5' --name=Nightly ${NAMESPACE}`,
  );

  // Runs that write by themselves are confirmed once, here.
  await schedules.save();
  await expect(page).toHaveURL(/\/schedules\/new$/);
  await schedules.confirmation().check();
  await schedules.save();
  await page.waitForURL('**/schedules');
  await expect(schedules.row('Nightly')).toContainText('30 2 * * 1-5 (UTC)');
  await expect(schedules.row('Nightly')).toContainText(/in \d/);
  await expect(schedules.row('Nightly')).toContainText('none yet');

  // A live run asks first, here as everywhere.
  await page.getByRole('button', { name: 'Run now… Nightly' }).click();
  await expect(page.getByRole('dialog')).toContainText('Write to askdona?');
  await expect(page.getByRole('dialog')).toContainText('tain schedules run');
  await page.getByRole('dialog').getByRole('button', { name: 'Start the live run' }).click();
  await page.waitForURL(/\/runs\/[^/]+$/);
  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Schedules' }).click();
  await expect(schedules.row('Nightly')).not.toContainText('none yet');

  await page.getByRole('button', { name: 'Switch off: Nightly' }).click();
  await expect(schedules.row('Nightly')).toContainText('switched off');
  await page.getByRole('button', { name: 'Switch on: Nightly' }).click();
  await expect(schedules.row('Nightly')).toContainText(/in \d/);

  await page.getByRole('link', { name: 'Nightly', exact: true }).click();
  await page.getByRole('radio', { name: 'At an interval' }).check();
  await schedules.field('Every').fill('15');
  await schedules.field('Unit').selectOption('minutes');
  await schedules.confirmation().check();
  await schedules.save();
  await page.waitForURL('**/schedules');
  await expect(schedules.row('Nightly')).toContainText('every 15 min');

  await page.getByRole('button', { name: 'Delete… Nightly' }).click();
  const question = page.getByRole('dialog');
  await expect(question).toContainText('tain schedules remove');
  await question.getByRole('button', { name: 'Delete the schedule' }).click();
  await expect(page.getByRole('heading', { name: 'No schedule yet' })).toBeVisible();
});

test('a schedule ends its runs with the documents, and goes on doing so when it is changed', async ({
  page,
  gotoHydrated,
  run,
  schedules,
}) => {
  const name = 'Mirror release-notes, then Elasticsearch';
  await gotoHydrated('/schedules/new');
  await schedules.field('Namespace').fill('release-notes');
  await schedules.documentsToo().check();
  await expect(page.getByLabel('The same as a command')).toHaveText('tain schedules add --every 6h release-notes --elasticsearch');
  await expect(page.getByText(/^These runs write to/)).toContainText('and to documents in Elasticsearch, and pay for embeddings');
  await schedules.confirmation().check();
  await schedules.save();
  await page.waitForURL('**/schedules');

  await page.getByRole('button', { name: `Run now… ${name}` }).click();
  await expect(page.getByRole('dialog')).toContainText('then the documents in Elasticsearch');
  await page.getByRole('dialog').getByRole('button', { name: 'Start the live run' }).click();
  await page.waitForURL(/\/runs\/[^/]+$/);
  await expect(run.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await expect(run.step('Update documents').getByText('done', { exact: true })).toBeAttached();
  expect(await run.number('documents updated')).toBeGreaterThan(0);

  await gotoHydrated('/schedules');
  await page.getByRole('link', { name, exact: true }).click();
  await expect(schedules.documentsToo()).toBeChecked();
  await schedules.field('Every').fill('12');
  await schedules.confirmation().check();
  await schedules.save();
  await page.waitForURL('**/schedules');
  await expect(schedules.row(name)).toContainText('every 12 h');

  // An analysis writes nothing anywhere.
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('radio', { name: /^Analyze/ }).check();
  await expect(schedules.documentsToo()).toBeHidden();
  await schedules.save();
  await page.waitForURL('**/schedules');
  await expect(schedules.row('Analyze release-notes')).toBeVisible();
});

test('deleting one schedule asks for that one alone', async ({ page, gotoHydrated, schedules }) => {
  for (const name of ['Alpha', 'Beta']) {
    await gotoHydrated('/schedules/new');
    await schedules.field(/^Name optional/).fill(name);
    await schedules.field('Namespace').fill(NAMESPACE);
    await page.getByRole('radio', { name: /^Analyze/ }).check();
    await schedules.save();
    await page.waitForURL('**/schedules');
  }
  await page.getByRole('button', { name: 'Delete… Alpha' }).click();
  await expect(page.getByRole('dialog')).toContainText('Delete Alpha?');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete the schedule' }).click();
  await expect(schedules.row('Alpha')).toHaveCount(0);
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(schedules.row('Beta')).toBeVisible();
  // Its own commands stand on its page.
  await page.getByRole('link', { name: 'Beta', exact: true }).click();
  await expect(page.getByLabel('The same as commands')).toContainText(/tain schedules run \S+.*tain schedules disable \S+.*tain schedules remove \S+/s);
});

test('levels are compared by a schedule, and what was deleted meanwhile is not saved in silence', async ({
  page,
  gotoHydrated,
  schedules,
  watch,
}) => {
  const name = `Compare levels ${NAMESPACE}`;
  await gotoHydrated('/schedules/new');
  await schedules.field('Namespace').fill(NAMESPACE);
  await page.getByRole('radio', { name: /^Compare levels/ }).check();
  await expect(page.getByText(/^These runs write to/)).toBeHidden();
  await expect(page.getByLabel('The same as a command')).toHaveText(`tain schedules add --every 6h --kind levels ${NAMESPACE}`);
  await schedules.save();
  await page.waitForURL('**/schedules');
  await page.getByRole('link', { name, exact: true }).click();
  await expect(page.getByRole('radio', { name: /^Compare levels/ })).toBeChecked();

  const other = await page.context().newPage();
  await other.goto(new URL('/schedules', page.url()).href);
  await other.locator('html[data-hydrated="true"]').waitFor();
  await other.getByRole('button', { name: `Delete… ${name}` }).click();
  await other.getByRole('dialog').getByRole('button', { name: 'Delete the schedule' }).click();
  await expect(other.getByRole('heading', { name: 'No schedule yet' })).toBeVisible();
  await other.close();

  watch.expected(/422/);
  await schedules.save();
  await expect(page.getByText('The schedule was not saved')).toBeVisible();
  await expect(page.getByText(/there is no schedule/)).toBeVisible();
});

test('a schedule for all namespaces that match', async ({ page, gotoHydrated, schedules }) => {
  await gotoHydrated('/schedules/new');
  await page.getByRole('radio', { name: /^All of the source/ }).check();
  await schedules.field(/^Only namespaces like/).fill('help-*, release-*');
  await page.getByRole('radio', { name: /^Analyze/ }).check();
  await expect(page.getByLabel('The same as a command')).toContainText("--kind analyze --all-namespaces --include='help-*' --include='release-*'");
  await schedules.save();
  await page.waitForURL('**/schedules');
  await expect(page.getByRole('link', { name: 'Analyze help-*, release-*' })).toBeVisible();
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('a schedule is made and switched off, and a wrong one is told at its field', async ({ page, schedules, watch }) => {
    watch.expected(/^failed: GET \S+\/pkg\/tain\.\S+\.js: csp$/);
    await page.goto('/schedules/new');
    await schedules.field('Namespace').fill(NAMESPACE);
    await page.getByRole('radio', { name: 'By a cron expression' }).check();
    await schedules.field('Cron expression, in UTC').fill('every day');
    await page.getByRole('radio', { name: /^Analyze/ }).check();
    await schedules.save();
    await expect(schedules.error('cron')).toContainText('five fields');
    await page.getByRole('radio', { name: 'By a cron expression' }).check();
    await schedules.field('Cron expression, in UTC').fill('0 4 * * *');
    await schedules.field('Namespace').fill(NAMESPACE);
    await page.getByRole('radio', { name: /^Analyze/ }).check();
    await schedules.save();
    await page.waitForURL('**/schedules');
    const name = `Analyze ${NAMESPACE}`;
    await expect(schedules.row(name)).toContainText('0 4 * * *');
    await page.getByRole('button', { name: `Switch off: ${name}` }).click();
    await expect(schedules.row(name)).toContainText('switched off');
  });
});
