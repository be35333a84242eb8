import { expect, test as base } from '../fixtures/index.ts';
import { expectedOf } from '../fixtures/model.ts';
import { startRestartable, type Restartable } from '../fixtures/restartable.ts';
import { countOf } from '../pages/run.ts';

const NAMESPACE = 'help-centre';

/** What a browser says about a server that is not there. */
const AWAY = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket|^socket: |^failed: \S+ \S+\/api\//;

const test = base.extend<{ server: Restartable }>({
  server: async ({}, use, info) => {
    const server = await startRestartable();
    await use(server);
    await server.stop();
    if (info.status !== info.expectedStatus) {
      await info.attach('tain serve', { body: server.output(), contentType: 'text/plain' });
    }
  },
  demo: async ({ server }, use) => use(server),
});

test('a server that is killed comes back: the page finds it, shows the truth, and the run goes on', async ({
  gotoHydrated,
  mirror,
  run,
  sandbox,
  server,
  watch,
}) => {
  watch.expected(AWAY);
  const source = await sandbox.records('source', NAMESPACE);
  const expected = expectedOf(source, await sandbox.records('target', NAMESPACE));
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  await sandbox.slow('embed', 400);
  await mirror.mirrorLive();
  await gotoHydrated(`/runs/${mirror.id()}`);
  await expect.poll(() => run.number('migrated')).toBeGreaterThan(10);

  await server.kill();
  await expect(run.notice('Reconnecting')).toBeVisible();
  // The numbers stay, and nothing says that the run ended well or badly: nobody knows.
  await expect(run.pill('Running')).toBeVisible();
  const seen = await run.number('migrated');
  const paid = (await sandbox.state()).embedded.texts;

  await server.restart();
  await expect(run.notice('The run was interrupted')).toBeVisible();
  await expect(run.notice('Reconnecting')).toHaveCount(0);
  await expect(run.pill('Interrupted')).toBeVisible();
  await expect(run.resumeButton()).toHaveCount(1);
  expect(await run.number('migrated'), 'what was seen was kept, but for what was in flight').toBeGreaterThan(seen - 100);

  await run.resumeButton().click();
  await expect(run.pill('Running')).toBeVisible();
  await expect.poll(() => run.number('migrated')).toBeGreaterThan(seen);
  await sandbox.clearFaults();
  await expect(run.pill('In sync')).toBeVisible({ timeout: 60_000 });
  // What was in flight may have been written when the server was killed, and is found in the target then.
  const moved = run.notice('The indexes moved since the plan').getByRole('link').first();
  const found = (await moved.isVisible()) ? countOf(await moved.innerText()) : 0;
  expect(found, 'what was in flight').toBeLessThanOrEqual(100);
  expect((await run.number('migrated')) + (await run.number('updated')) + found).toBe(
    expected.missing.length + expected.changed.length,
  );

  const after = expectedOf(source, await sandbox.records('target', NAMESPACE));
  expect(after.missing).toEqual([]);
  expect(after.changed).toEqual([]);
  const total = (await sandbox.state()).embedded.texts;
  // Paid at most once, but for what was in flight when the server was killed: 500 texts at most, and here far fewer.
  expect(total).toBeLessThanOrEqual(expected.texts + 50);
  expect(total).toBeGreaterThan(paid);
});

test('a server that is stopped leaves its run paused; the page says so before and after', async ({
  gotoHydrated,
  mirror,
  run,
  sandbox,
  server,
  watch,
}) => {
  watch.expected(AWAY);
  const expected = expectedOf(await sandbox.records('source', NAMESPACE), await sandbox.records('target', NAMESPACE));
  await gotoHydrated('/mirror');
  await mirror.analyze(NAMESPACE);
  await sandbox.slow('embed', 300);
  await mirror.mirrorLive();
  await gotoHydrated(`/runs/${mirror.id()}`);
  await expect.poll(() => run.number('migrated')).toBeGreaterThan(5);
  await server.shutDown();
  await expect(run.notice('Paused: tain was stopped')).toBeVisible();
  await expect(run.notice('Reconnecting')).toBeVisible();
  await server.restart();
  await expect(run.notice('Reconnecting')).toHaveCount(0);
  await sandbox.clearFaults();
  await run.resumeButton().click();
  await expect(run.pill('In sync')).toBeVisible({ timeout: 60_000 });
  // What was in flight was finished, so nothing at all is paid for twice.
  expect((await sandbox.state()).embedded.texts).toBe(expected.texts);
});
