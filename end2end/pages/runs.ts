import type { Locator, Page } from '@playwright/test';

/** The list of runs. */
export class RunsPage {
  constructor(readonly page: Page) {}

  rows(): Locator {
    return this.page.getByRole('region', { name: 'Table of runs' }).locator('tbody tr');
  }

  /** Narrows the list by what is given. */
  async filter(by: { kind?: string; state?: string; namespace?: string }): Promise<void> {
    const form = this.page.getByRole('search', { name: 'Filter the runs' });
    if (by.kind !== undefined) await form.getByLabel('Kind').selectOption(by.kind);
    if (by.state !== undefined) await form.getByLabel('State').selectOption(by.state);
    if (by.namespace !== undefined) await form.getByLabel('Namespace').fill(by.namespace);
    await form.getByRole('button', { name: 'Filter' }).click();
  }

  row(id: string): Locator {
    return this.rows().filter({ hasText: id });
  }
}
