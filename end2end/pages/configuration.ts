import type { Locator, Page } from '@playwright/test';

/** Configuration: every setting, and a test of every service. */
export class ConfigurationPage {
  constructor(readonly page: Page) {}

  setting(name: string): Locator {
    return this.page.getByRole('row').filter({ has: this.page.getByRole('rowheader', { name: new RegExp(`^${name}`) }) });
  }

  service(name: string): Locator {
    return this.page.locator('li.service').filter({ has: this.page.getByRole('heading', { name, level: 3 }) });
  }

  async test(name: string): Promise<void> {
    await this.page.getByRole('link', { name: `Test ${name}` }).click();
  }
}
