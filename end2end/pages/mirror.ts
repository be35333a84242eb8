import { expect, type Locator } from '@playwright/test';

import { RunPage } from './run.ts';

/** Namespace Mirroring: the scope, the plan and the run. */
export class MirrorPage extends RunPage {
  namespace(): Locator {
    return this.page.getByLabel('Namespace', { exact: true });
  }

  batchSize(): Locator {
    return this.page.getByLabel(/^Batch size/);
  }

  dryRun(): Locator {
    return this.page.getByRole('switch', { name: /^Dry run/ });
  }

  /** Fills the form in and starts an analysis; ends where its plan stands. */
  async analyze(namespace: string, options: { batchSize?: number } = {}): Promise<void> {
    await this.namespace().fill(namespace);
    if (options.batchSize !== undefined) await this.batchSize().fill(String(options.batchSize));
    await this.page.getByRole('button', { name: 'Analyze', exact: true }).click();
    await this.page.waitForURL(/\/mirror\?run=/);
    await this.planned();
  }

  async planned(): Promise<void> {
    await expect(this.page.getByRole('heading', { level: 2, name: /need work|In sync: nothing/ })).toBeVisible();
  }

  /** A row of the plan: `To migrate`, `In sync`, … */
  part(label: string): Locator {
    return this.page
      .getByRole('table', { name: /Records by what has to be done/ })
      .getByRole('row')
      .filter({ has: this.page.getByRole('rowheader', { name: label }) })
      .locator('td.n');
  }

  /** What the plan says that a live run takes. */
  takes(term: string): Locator {
    return this.page
      .getByRole('region', { name: 'What it takes' })
      .locator('dl > div')
      .filter({ has: this.page.locator('dt', { hasText: new RegExp(`^${term}$`) }) })
      .locator('dd');
  }

  /** Starts the dry run of the plan and waits for its end. */
  async rehearse(): Promise<void> {
    await this.dryRun().check();
    const before = this.page.url();
    await this.page.getByRole('button', { name: 'Start dry run' }).click();
    await this.page.waitForURL((url) => url.href !== before);
    await expect(this.page.getByText('The dry run is done')).toBeVisible();
  }

  /** Starts the live run of the plan, through its question. */
  async mirrorLive(): Promise<void> {
    await this.dryRun().uncheck();
    const before = this.page.url();
    await this.page.getByRole('button', { name: 'Start…' }).click();
    const question = this.page.getByRole('dialog');
    await expect(question).toBeVisible();
    await question.getByRole('button', { name: 'Start the live run' }).click();
    await this.page.waitForURL((url) => url.href !== before);
  }
}
