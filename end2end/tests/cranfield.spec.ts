import { expect, test } from '../fixtures/index.ts';
import { mirrored, shown } from '../fixtures/model.ts';
import { cranfield, type Metadata } from '../fixtures/sandbox.ts';

const NAMESPACE = 'cranfield';

test('Cranfield is analyzed and mirrored in the browser, and a second look finds nothing to do', async ({
  page,
  gotoHydrated,
  mirror,
  sandbox,
}) => {
  test.setTimeout(240_000);
  const documents = await cranfield();
  test.skip(documents === undefined, '../shared/data/cranfield is not on this machine');
  expect(await sandbox.load('source', NAMESPACE, documents ?? '')).toBe(1_400);
  const source = await sandbox.records('source', NAMESPACE);

  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  await expect(mirror.part('To migrate')).toHaveText('1,398');
  await expect(mirror.part('No text')).toHaveText('2');
  await mirror.mirrorLive();
  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 180_000 });
  await expect(mirror.figure('migrated')).toHaveText('1,398');
  await expect(mirror.figure('skipped, no text')).toHaveText('2');
  await expect(mirror.figure('failed')).toHaveText('0');

  const state = await sandbox.state();
  await expect(mirror.figure('texts paid')).toHaveText(shown(state.embedded.texts));
  expect(state.embedded.distinct_texts).toBe(state.embedded.texts);
  const target = await sandbox.records('target', NAMESPACE, { values: true });
  expect(target).toHaveLength(1_398);
  const of = new Map(source.map((record) => [record.id, record]));
  for (const record of target) {
    const original = of.get(record.id);
    expect(original, record.id).toBeDefined();
    if (original !== undefined) expect(record.metadata).toEqual(mirrored(original, undefined));
    expect(record.metadata['clearance_level']).toBe(1);
    expect(record.values).toHaveLength(3_072);
  }

  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  await expect(page.getByRole('heading', { level: 2, name: 'In sync: nothing to write' })).toBeVisible();
  await expect(mirror.part('In sync')).toHaveText('1,398');

  // Changed metadata and changed texts: exactly those are updated.
  const moved = target.slice(0, 150).map(({ id }, number) => {
    const text = of.get(id)?.metadata['text'];
    const change: Metadata = number < 100 ? { reviewed: true } : { text: `${String(text)} Revised.` };
    return { id, set: change };
  });
  await sandbox.patch('source', NAMESPACE, moved);
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  await expect(mirror.part('To update')).toHaveText('150');
  await expect(mirror.part('To migrate')).toHaveText('0');
  await mirror.mirrorLive();
  await expect(mirror.pill('In sync')).toBeVisible({ timeout: 60_000 });
  await expect(mirror.figure('updated')).toHaveText('150');
  const after = new Map((await sandbox.records('target', NAMESPACE)).map((record) => [record.id, record.metadata]));
  for (const record of await sandbox.records('source', NAMESPACE)) {
    if (after.has(record.id)) expect(after.get(record.id)).toEqual(mirrored(record, undefined));
  }
});
