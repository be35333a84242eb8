import type { Locator } from '@playwright/test';

import { MirrorPage } from './mirror.ts';

/** Re-embedding: the steps of a mirroring, over missing records alone. */
export class ReembedPage extends MirrorPage {
  /** Fills the form in and starts the dry run; ends where its plan stands. */
  override async analyze(namespace: string): Promise<void> {
    await this.namespace().fill(namespace);
    await this.page.getByRole('button', { name: 'Analyze', exact: true }).click();
    await this.page.waitForURL(/\/reembed\?run=/);
    await this.page.getByRole('heading', { level: 2, name: /need work|Nothing to migrate/ }).waitFor();
  }

  /** The bar of the plan. */
  bar(): Locator {
    return this.page.getByRole('region', { name: /need work|Nothing to migrate/ }).locator('svg.state-bar');
  }

  /** A number of the results: `Migrated`, `Skipped`, `Failed`, `Already there`. */
  result(label: string): Locator {
    return this.page
      .getByRole('region', { name: 'Results' })
      .getByRole('row')
      .filter({ has: this.page.getByRole('rowheader', { name: label }) })
      .locator('td.n');
  }
}
