import { expect, type Locator, type Page } from '@playwright/test';

/** Elasticsearch Update: what the index holds, the preview and the start of an update. */
export class ElasticsearchPage {
  constructor(readonly page: Page) {}

  panel(name: string | RegExp): Locator {
    return this.page.getByRole('region', { name });
  }

  /** A row of the table of namespaces. */
  row(name: string | RegExp): Locator {
    return this.panel('Table of namespaces')
      .getByRole('row')
      .filter({ has: this.page.getByRole('rowheader', { name }) });
  }

  /** A number in a row: `documents`, `with`, `without`. */
  number(name: string | RegExp, column: string): Locator {
    return this.row(name).locator(`td[data-label="${column}"]`);
  }

  /** A part of a bar, by its name in the table below it. */
  part(table: string | RegExp, label: string): Locator {
    return this.page
      .getByRole('table', { name: table })
      .getByRole('row')
      .filter({ has: this.page.getByRole('rowheader', { name: label }) })
      .locator('td.n');
  }

  /** A number of the preview: `Without a value`, `Higher`, … */
  previewed(label: string): Locator {
    return this.part(/what an update would do/, label);
  }

  /** The documents of a list, folded. */
  documents(): Locator {
    return this.page.locator('details.document');
  }

  /** What documents of a list hold: `All`, `Without`, `With`. */
  held(label: string): Locator {
    return this.page.getByRole('navigation', { name: 'What they hold' }).getByRole('link', { name: label, exact: true });
  }

  previewButton(): Locator {
    return this.page.getByRole('button', { name: 'Preview', exact: true });
  }

  /** Fills the form in and asks for the preview. */
  async preview(options: { namespaces?: string[]; without?: boolean; all?: boolean; overwrite?: boolean }): Promise<void> {
    if (options.namespaces !== undefined) {
      await this.page.getByRole('radio', { name: /^One or several namespaces/ }).check();
      await this.page.getByLabel('Namespaces, one a line').fill(options.namespaces.join('\n'));
    }
    if (options.without === true) await this.page.getByRole('radio', { name: /^Without a namespace/ }).check();
    if (options.all === true) await this.page.getByRole('radio', { name: /^Also those with another value/ }).check();
    if (options.overwrite === true) await this.page.getByRole('checkbox', { name: /^Overwrite higher values/ }).check();
    await this.previewButton().click();
    await this.page.waitForURL(/preview=true/);
  }

  headline(text: string | RegExp): Locator {
    return this.page.getByRole('heading', { level: 2, name: text });
  }

  dryRun(): Locator {
    return this.page.getByRole('switch', { name: /^Dry run/ });
  }

  /** Starts the dry run of the preview; ends on the page of its run. */
  async startDry(): Promise<void> {
    await this.page.getByRole('button', { name: 'Start dry run' }).click();
    await this.page.waitForURL(/\/runs\/[^/]+$/);
  }

  /** Starts the live run of the preview, through its question, which must say this. */
  async startLive(question: RegExp): Promise<void> {
    await this.dryRun().uncheck();
    await this.page.getByRole('button', { name: 'Start…' }).click();
    const dialog = this.page.getByRole('dialog');
    await expect(dialog).toContainText(question);
    await dialog.getByRole('button', { name: 'Start the live run' }).click();
    await this.page.waitForURL(/\/runs\/[^/]+$/);
  }
}
