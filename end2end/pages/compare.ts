import type { Locator, Page } from '@playwright/test';

type Panel = 'Course' | 'Counters' | 'Requests' | 'Settings that differ';

/** A run beside an earlier one. */
export class ComparePage {
  constructor(readonly page: Page) {}

  /** The cells of a row: of the earlier run, of this one, and their difference where there is one. */
  cells(panel: Panel, row: string): Locator {
    return this.page
      .getByRole('region', { name: panel, exact: true })
      .getByRole('row')
      .filter({ has: this.page.getByRole('rowheader', { name: row, exact: true }) })
      .getByRole('cell');
  }

  /** What it is compared with. */
  others(): Locator {
    return this.page.getByLabel('Compare with', { exact: true });
  }

  command(): Locator {
    return this.page.getByLabel('The same as a command');
  }
}
