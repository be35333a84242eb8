import { expect, test } from '../fixtures/index.ts';

const NAMESPACE = 'release-notes';

test('a run is compared with the one before, number by number, and with another one', async ({
  page,
  gotoHydrated,
  mirror,
  runs,
  compare,
}) => {
  // Two analyses, and between them a mirroring.
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  const missing = await mirror.part('To migrate').innerText();
  const analysis = mirror.id();
  await mirror.mirrorLive();
  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 60_000 });
  const live = mirror.id();
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE, { batchSize: 50 });
  const second = mirror.id();

  // From the list.
  await gotoHydrated('/runs');
  await runs.row(second).getByRole('link', { name: `Compare ${second}` }).click();
  await page.waitForURL(`**/runs/${second}/compare`);
  await expect(compare.cells('Course', 'Run')).toHaveText([analysis, second, '']);
  await expect(compare.cells('Course', 'State')).toHaveText(['Changes pending', 'In sync', '']);
  await expect(compare.cells('Counters', 'To migrate')).toHaveText([missing, '0', `−${missing}`]);
  await expect(compare.cells('Settings that differ', 'batch size')).toHaveText(['as configured', '50']);
  await expect(compare.command()).toHaveText(`tain runs compare ${second}`);
  // A number leads to its records, those of the run in whose column it stands.
  await compare.cells('Counters', 'To migrate').first().getByRole('link').click();
  await page.waitForURL(`**/runs/${analysis}/records/to-migrate`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(missing);

  // From the page of a run; the first of its kind has none before it.
  await gotoHydrated(`/runs/${live}`);
  await page.getByRole('link', { name: 'Compare', exact: true }).click();
  await page.waitForURL(`**/runs/${live}/compare`);
  await expect(page.getByRole('heading', { name: 'There is no earlier run to compare with' })).toBeVisible();
  await expect(compare.command()).toHaveText(`tain runs compare ${live}`);

  // With one that is named.
  await gotoHydrated(`/runs/${live}/compare?with=${analysis}`);
  await expect(compare.cells('Counters', 'Migrated')).toHaveText(['0', missing, `+${missing}`]);
  await expect(compare.cells('Settings that differ', 'kind')).toHaveText(['Analyze', 'Mirror']);
  await expect(compare.others()).toHaveValue(analysis);
  await expect(compare.command()).toHaveText(`tain runs compare ${live} ${analysis}`);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('another earlier run is chosen in a form', async ({ page, demo, compare, watch }) => {
    watch.expected(/^failed: GET \S+\/pkg\/tain\.\S+\.js: csp$/);
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const body = new URLSearchParams({ kind: 'analyze', namespace: NAMESPACE });
      const started = await fetch(`${demo.url}/api/start_run`, { method: 'POST', body, headers: { origin: demo.url } });
      expect(started.ok).toBe(true);
      ids.push(await started.json());
    }
    const [first, second, third] = ids as [string, string, string];
    await page.goto(`/runs/${third}/compare`);
    await expect(compare.others()).toHaveValue(second);
    await compare.others().selectOption(first);
    await page.getByRole('button', { name: 'Compare', exact: true }).click();
    await page.waitForURL(`**/runs/${third}/compare?with=${first}`);
    await expect(compare.cells('Course', 'Run')).toHaveText([first, third, '']);
  });
});
