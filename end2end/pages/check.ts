import type { Locator, Page } from '@playwright/test';

/** Check Namespace: one namespace, all of them, and the way to a record. */
export class CheckPage {
  constructor(readonly page: Page) {}

  namespace(): Locator {
    return this.page.getByLabel('Namespace', { exact: true });
  }

  async check(namespace: string, where?: 'Source and target' | 'Source' | 'Target'): Promise<void> {
    await this.namespace().fill(namespace);
    if (where !== undefined) await this.page.getByLabel('Where').selectOption(where);
    await this.page.getByRole('button', { name: 'Check', exact: true }).click();
    await this.page.waitForURL(/namespace=/);
  }

  /** What was found of a namespace. */
  result(namespace: string): Locator {
    return this.page.getByRole('region', { name: namespace, exact: true });
  }

  /** A figure of the result, by the words below it. */
  figure(namespace: string, label: string | RegExp): Locator {
    return this.result(namespace)
      .locator('.figure')
      .filter({ has: this.page.locator('span', { hasText: label }) })
      .locator('b');
  }

  rows(): Locator {
    return this.page.getByRole('region', { name: 'Table of namespaces' }).locator('tbody tr');
  }

  row(name: string): Locator {
    return this.rows().filter({ has: this.page.getByRole('link', { name, exact: true }) });
  }

  /** The names of the list, in its order. */
  names(): Promise<string[]> {
    return this.rows().locator('td.name').allInnerTexts();
  }

  async sortBy(column: string): Promise<void> {
    const before = this.page.url();
    await this.page.getByRole('columnheader', { name: column }).getByRole('link').click();
    await this.page.waitForURL((url) => url.href !== before);
  }

  async search(text: string): Promise<void> {
    await this.page.getByLabel('Search the namespaces').fill(text);
    await this.page.getByRole('button', { name: 'Search', exact: true }).click();
    await this.page.waitForURL(/search=/);
  }

  async lookUp(namespace: string, id: string): Promise<void> {
    await this.page.getByLabel('Namespace of the record').fill(namespace);
    await this.page.getByLabel('Id', { exact: true }).fill(id);
    await this.page.getByRole('button', { name: 'Look up' }).click();
    await this.page.waitForURL(/\/record\?/);
  }
}
