import type { Locator, Page } from '@playwright/test';

/** The list of schedules, and the form of one. */
export class SchedulesPage {
  constructor(readonly page: Page) {}

  row(name: string): Locator {
    return this.page
      .getByRole('region', { name: 'Table of schedules' })
      .locator('tbody tr')
      .filter({ has: this.page.getByRole('link', { name, exact: true }) });
  }

  async create(): Promise<void> {
    await this.page.getByRole('link', { name: 'New schedule' }).first().click();
    await this.page.waitForURL('**/schedules/new');
  }

  field(label: string | RegExp): Locator {
    return this.page.getByLabel(label, typeof label === 'string' ? { exact: true } : {});
  }

  /** The next times that the timing in the form means. */
  nextTimes(): Locator {
    return this.page.locator('.times li');
  }

  error(field: string): Locator {
    return this.page.locator(`#${field}-error`);
  }

  confirmation(): Locator {
    return this.page.getByRole('checkbox', { name: /These runs write to/ });
  }

  documentsToo(): Locator {
    return this.page.getByRole('checkbox', { name: /^Then update the documents in Elasticsearch/ });
  }

  async save(): Promise<void> {
    await this.page.getByRole('button', { name: 'Save', exact: true }).click();
  }
}
