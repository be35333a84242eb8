import type { Locator, Page } from '@playwright/test';

/** One record in source, target and Elasticsearch. */
export class RecordPage {
  constructor(readonly page: Page) {}

  static address(namespace: string, id: string): string {
    return `/record?${new URLSearchParams({ namespace, id })}`;
  }

  side(name: 'Source' | 'Target' | 'Elasticsearch'): Locator {
    return this.page.getByRole('main').getByRole('region', { name, exact: true });
  }

  /** The row of a metadata key. */
  key(name: string): Locator {
    return this.page
      .getByRole('region', { name: 'Table of metadata' })
      .locator('tbody tr')
      .filter({ has: this.page.locator('th > span:first-child').getByText(name, { exact: true }) });
  }

  /** The value of a key on a side. */
  value(name: string, side: 'Source' | 'Target' | 'Elasticsearch'): Locator {
    return this.key(name).locator(`td[data-side="${side}"]`);
  }

  /** The keys that are marked as different. */
  differing(): Locator {
    return this.page.locator('tr.differs');
  }
}
