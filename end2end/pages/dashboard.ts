import type { Locator, Page } from '@playwright/test';

/** Where everything stands. */
export class DashboardPage {
  constructor(readonly page: Page) {}

  /** The card of an index: `Source`, `Target`. */
  card(role: 'Source' | 'Target'): Locator {
    return this.page.getByRole('main').getByRole('region', { name: new RegExp(`^${role} `) });
  }

  defaultNamespace(): Locator {
    return this.page.getByRole('region', { name: /^Default namespace/ });
  }

  search(): Locator {
    return this.page.getByRole('region', { name: 'Elasticsearch' });
  }

  runs(): Locator {
    return this.page.getByRole('region', { name: 'Last runs' }).getByRole('listitem');
  }

  namespaces(): Locator {
    return this.page.getByRole('region', { name: 'Namespaces', exact: true });
  }

  /** A row of the table of namespaces. */
  namespace(name: string): Locator {
    return this.page
      .getByRole('region', { name: 'Table of namespaces' })
      .getByRole('row')
      .filter({ has: this.page.getByRole('link', { name, exact: true }) });
  }

  /** Starts the analysis that the page offers. */
  async analyze(): Promise<void> {
    await this.page.getByRole('button', { name: /^Analyze / }).click();
    await this.page.waitForURL(/\/mirror\?run=/);
  }

  /** Comes back by the sidebar, as a reader does. */
  async open(): Promise<void> {
    await this.page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Dashboard' }).click();
    await this.page.waitForURL((url) => url.pathname === '/');
  }
}
