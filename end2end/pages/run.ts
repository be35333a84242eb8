import { expect, type Locator, type Page } from '@playwright/test';

/** Reads `1,012` as 1012; anything else is no count. */
export function countOf(text: string): number {
  const digits = text.trim().replaceAll(',', '');
  expect(digits, `a count: ${JSON.stringify(text)}`).toMatch(/^\d+$/);
  return Number(digits);
}

/** What the page of a run and the mirroring page have in common. */
export class RunPage {
  constructor(readonly page: Page) {}

  /** The id in the address, `/runs/ID` or `/mirror?run=ID`. */
  id(): string {
    const url = new URL(this.page.url());
    const id = url.searchParams.get('run') ?? /^\/runs\/([^/]+)$/.exec(url.pathname)?.[1];
    if (id === undefined) throw new Error(`no run in ${url}`);
    return id;
  }

  /** A figure of the counters by the beginning of its label: `migrated`, `texts paid`. */
  figure(label: string): Locator {
    return this.page
      .getByRole('region', { name: 'Counters' })
      .locator('.figure')
      .filter({ has: this.page.locator('span', { hasText: new RegExp(`^${label}`) }) })
      .locator('b');
  }

  async number(label: string): Promise<number> {
    return countOf(await this.figure(label).innerText());
  }

  pill(state: string): Locator {
    return this.page.locator('header.head .pill', { hasText: state });
  }

  step(name: string): Locator {
    return this.page.getByRole('listitem').filter({ has: this.page.getByRole('heading', { name, level: 3 }) });
  }

  async pause(): Promise<void> {
    await this.page.getByRole('button', { name: 'Pause', exact: true }).click();
  }

  /** The one button that lets a stopped run go on. */
  resumeButton(): Locator {
    return this.page.getByRole('button', { name: 'Resume', exact: true });
  }

  /** A message across the page, by its first line. */
  notice(title: string | RegExp): Locator {
    return this.page.locator('.notice').filter({ has: this.page.locator('strong', { hasText: title }) });
  }

  failures(): Locator {
    return this.page.getByRole('region', { name: 'Table of failures' }).locator('tbody tr');
  }

  /** The ids of a list of records or documents, as they lead on. */
  records(): Locator {
    return this.page.getByRole('region', { name: 'Table of records' }).locator('td.name').getByRole('link');
  }

  logLines(): Locator {
    return this.page.getByRole('list', { name: 'Log lines' }).getByRole('listitem');
  }

  /** A row of a run over several namespaces. */
  namespaceRow(namespace: string): Locator {
    return this.page
      .getByRole('region', { name: 'Namespaces of this run' })
      .locator('tbody tr')
      .filter({ has: this.page.getByRole('link', { name: namespace, exact: true }) });
  }

  async cancel(): Promise<void> {
    await this.page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await this.page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
  }

  /** A row of the sum that explains the counts after a run. */
  verified(row: string): Locator {
    return this.page
      .getByRole('region', { name: 'Counts on both sides' })
      .getByRole('row')
      .filter({ has: this.page.getByRole('rowheader', { name: row }) })
      .getByRole('cell');
  }
}
