import type { Locator, Page } from '@playwright/test';

/** The list of runs. */
export class RunsPage {
  constructor(readonly page: Page) {}

  rows(): Locator {
    return this.page.getByRole('region', { name: 'Table of runs' }).locator('tbody tr');
  }

  row(id: string): Locator {
    return this.rows().filter({ hasText: id });
  }
}
