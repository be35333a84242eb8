import type { Page } from '@playwright/test';

import { expect, test, VIEWS, type Site } from '../fixtures/site.ts';
import { countOf } from '../pages/run.ts';

/** So many addresses at most are followed of those that differ only in names and ids. */
const OF_A_KIND = 12;
const AT_MOST = 400;

/** An address without what is a name or an id in it: its kind. */
function kindOf({ pathname, searchParams }: URL): string {
  const path = pathname
    .replace(/^((?:\/download)?\/runs)\/[^/]+/, '$1/ID')
    .replace(/^\/schedules\/(?!new$)[^/]+/, '/schedules/ID');
  return [path, ...new Set(searchParams.keys())].join(' ');
}

/** The text of an attribute as it was before it was escaped. */
function unescaped(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&#x27;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

function linksOf(html: string): string[] {
  return [...html.matchAll(/<a\b[^>]*?\shref="([^"]*)"/g)].map(([, href]) => unescaped(href ?? ''));
}

function idsOf(html: string): Set<string> {
  return new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => unescaped(id ?? '')));
}

interface Crawled {
  /** How many addresses of each kind were asked for. */
  kinds: Map<string, number>;
  /** What is wrong, with the page that led there. */
  dead: string[];
}

/** Follows the links of the server's HTML breadth-first, some at a time. */
async function crawl(origin: string): Promise<Crawled> {
  const kinds = new Map<string, number>();
  const dead: string[] = [];
  const seen = new Map<string, { from: string; ids?: Set<string> }>([['/', { from: 'the address bar' }]]);
  const fragments: { path: string; fragment: string; from: string }[] = [];
  let asked = 0;
  const visit = async (path: string): Promise<string[]> => {
    const entry = seen.get(path);
    if (entry === undefined) return [];
    const response = await fetch(origin + path, { redirect: 'follow' });
    if (!response.ok) dead.push(`${response.status} ${path} (from ${entry.from})`);
    if (!(response.headers.get('content-type') ?? '').startsWith('text/html')) {
      await response.body?.cancel();
      return [];
    }
    const html = await response.text();
    entry.ids = idsOf(html);
    const found: string[] = [];
    for (const href of linksOf(html)) {
      const url = new URL(href, origin + path);
      if (url.origin !== origin) continue;
      const next = url.pathname + url.search;
      if (url.hash !== '') fragments.push({ path: next, fragment: decodeURIComponent(url.hash.slice(1)), from: path });
      if (seen.has(next)) continue;
      const kind = kindOf(url);
      const many = kinds.get(kind) ?? 0;
      if (many >= OF_A_KIND || asked >= AT_MOST) continue;
      kinds.set(kind, many + 1);
      asked += 1;
      seen.set(next, { from: path });
      found.push(next);
    }
    return found;
  };
  for (let level = ['/']; level.length > 0; ) {
    const next: string[] = [];
    for (let at = 0; at < level.length; at += 4) {
      next.push(...(await Promise.all(level.slice(at, at + 4).map(visit))).flat());
    }
    level = next;
  }
  for (const { path, fragment, from } of fragments) {
    const ids = seen.get(path)?.ids;
    if (ids !== undefined && !ids.has(fragment)) dead.push(`no #${fragment} in ${path} (from ${from})`);
  }
  return { kinds, dead };
}

test('every link leads somewhere, and every kind of page is led to', async ({ site }) => {
  const { kinds, dead } = await crawl(site.demo.url);
  const asked = [...kinds.values()].reduce((sum, count) => sum + count, 0);
  test.info().annotations.push({ type: 'crawl', description: JSON.stringify({ asked, kinds: Object.fromEntries(kinds) }) });
  console.log(`crawl: ${asked} addresses of ${kinds.size} kinds, ${dead.length} dead`);
  expect(dead).toEqual([]);
  const paths = new Set([...kinds.keys()].map((kind) => kind.split(' ')[0]));
  const expected = ['/check', '/record', '/mirror', '/reembed', '/elasticsearch', '/elasticsearch/documents', '/runs', '/runs/ID', '/runs/ID/compare'];
  // No link leads to `/runs/ID/log` here: it stands where a log is longer than a run's page shows.
  expected.push('/schedules', '/schedules/new', '/schedules/ID', '/configuration', '/design');
  const categories = ['in-sync', 'to-migrate', 'to-update', 'no-text', 'only-in-target', 'migrated', 'updated', 'failed'];
  expected.push(...categories.map((category) => `/runs/ID/records/${category}`));
  expect(expected.filter((path) => !paths.has(path)), 'pages that no link leads to').toEqual([]);
});

/** A number on a page, what it counts, and where it leads. */
interface Counted {
  what: string;
  number: string;
  href: string | null;
}

/** Sums and speeds: no one list of records stands behind them. */
const NO_RECORDS = [
  /^records listed/,
  /^compared/,
  /^texts paid/,
  /a second$/,
  /^records of the target/,
  // The sum of the verification: the sides as the indexes count them, and what is worked out from the rows above.
  /^(Source|Target|Target, as expected|Expected in the target|When the run began)$/,
  // Not all that failed is missing in the target: the number beside it leads to all.
  /failed, of [\d,]+ in all$/,
];

/** The figures and the rows of tables that have a number of their own. */
async function counted(page: Page): Promise<Counted[]> {
  return await page.getByRole('main').evaluate((main) => {
    const text = (element: Element | null | undefined): string => element?.textContent?.trim() ?? '';
    const figures = [...main.querySelectorAll('[aria-label="Counters"] .figure')].map((figure) => ({
      what: text(figure.querySelector('span')),
      number: text(figure.querySelector('b')),
      href: figure.querySelector('b a')?.getAttribute('href') ?? null,
    }));
    const rows = [...main.querySelectorAll('table:is(.legend, .sum) tr')].map((row) => ({
      what: text(row.querySelector('th')).replace(/^[^\w−+]+/, ''),
      number: text(row.querySelector('td.n')),
      href: row.querySelector('td.n a')?.getAttribute('href') ?? null,
    }));
    return [...figures, ...rows];
  });
}

/** Numbers that a page shows outside of a run, and why there is no list behind them. */
const NO_LIST = [
  // As the indexes count them: only an analysis lists their records.
  /^records?$/,
  /^in (the source|the target|gflops-serverless|askdona)$/,
  /^(Source|Target|Difference)$/,
  /^target − source$/,
  // In how many records a key differs: a run keeps which records have changed, not by which keys.
  /^[~+-] (changed|only in source|only in target)$/,
];

/**
 * Every number that stands in a figure, a legend, a sum or a table of counts. Where several links share the documents of a
 * number between them, its address is empty.
 */
async function everyNumber(page: Page): Promise<Counted[]> {
  return await page.getByRole('main').evaluate((main) => {
    const text = (element: Element | null | undefined): string => element?.textContent?.trim() ?? '';
    const named = (what: string, place: Element | null, several = false) => ({
      what: what.replace(/^[^\w−+~-]+/, ''),
      number: text(place),
      href: place?.querySelector('a')?.getAttribute('href') ?? (several ? '' : null),
    });
    const figures = [...main.querySelectorAll('.figure')].map((figure) =>
      named(text(figure.querySelector('span')), figure.querySelector('b')),
    );
    const legends = [...main.querySelectorAll('.state-legend li')].map((item) =>
      named(text(item.querySelector('.key')), item.querySelector('b')),
    );
    const rows = [...main.querySelectorAll('table:is(.legend, .sum) tr')].map((row) =>
      named(text(row.querySelector('th')), row.querySelector('td.n'), row.querySelector('.behind a') !== null),
    );
    const cells = [...main.querySelectorAll('table:is(.counts, .keys) tbody td.num, td.num[data-label]')].map((element) => {
      const cell = element as HTMLTableCellElement;
      const head = cell.closest('table')?.tHead?.rows[0]?.cells[cell.cellIndex];
      return named(cell.dataset['label'] ?? text(head), cell);
    });
    return [...figures, ...legends, ...rows, ...cells].filter(({ number }) => /^[\d,]+$/.test(number));
  });
}

const RUNS: [name: string, address: (site: Site) => string, atLeast: number][] = [
  ['a plan', ({ runs }) => `/mirror?run=${runs.analysis}`, 5],
  ['an analysis', ({ runs }) => `/runs/${runs.analysis}`, 8],
  ['a dry run', ({ runs }) => `/runs/${runs.dryRun}`, 5],
  ['a mirroring', ({ runs }) => `/runs/${runs.mirroring}`, 8],
  ['a mirroring with a failure', ({ runs }) => `/runs/${runs.failing}`, 8],
  ['a re-embedding', ({ runs }) => `/runs/${runs.reembedding}`, 5],
  ['the results of a re-embedding', ({ runs }) => `/reembed?run=${runs.reembedded}`, 12],
  ['an update of documents', ({ runs }) => `/runs/${runs.documents}`, 8],
  ['a comparison of levels', ({ runs }) => `/runs/${runs.levels}`, 4],
];

/** Soft, so that one run names every number that leads nowhere, or to something else. */
async function expectRecords(site: Site, numbers: Counted[], without: RegExp[]): Promise<void> {
  for (const { what, number, href } of numbers) {
    if (without.some((pattern) => pattern.test(what))) continue;
    const count = countOf(number);
    if (count === 0) continue;
    expect.soft(href, `${what}: ${number} leads to its records`).not.toBeNull();
    if (href === null || href === '') continue;
    const html = await (await fetch(site.demo.url + href)).text();
    const heading = /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(html)?.[1]?.replaceAll(/<[^>]*>/g, '') ?? '';
    const total = /([\d,]+) (?:records?|documents?)/.exec(heading)?.[1] ?? '';
    expect.soft(total, `${what}: the heading of ${href}: ${heading}`).toBe(number);
  }
}

for (const [name, address, atLeast] of RUNS) {
  test(`no number of ${name} without its records`, async ({ page, site, gotoHydrated }) => {
    await gotoHydrated(address(site));
    const numbers = await counted(page);
    expect(numbers.length, 'numbers on the page').toBeGreaterThanOrEqual(atLeast);
    await expectRecords(site, numbers, NO_RECORDS);
  });
}

for (const [name, address] of Object.entries(VIEWS)) {
  // The specimens are of no run, and a setting's number counts nothing.
  if (name === 'design' || name === 'configuration') continue;
  test(`no number of the view ${name} without its records`, async ({ page, site, gotoHydrated }) => {
    await gotoHydrated(address(site));
    await expect(page.locator('.skeleton')).toHaveCount(0);
    await expectRecords(site, await everyNumber(page), [...NO_RECORDS, ...NO_LIST]);
  });
}

/** What a comparison adds up without a list of it. */
const ONLY_SUMS = [/^Listed in/, /^Records of the target/, /paid/, /^Vector of/, /kept$/, /replaced$/, /^Documents (in scope|left out)/];

const COMPARED: [name: string, run: (site: Site) => string, other: (site: Site) => string][] = [
  ['a mirroring and its dry run', ({ runs }) => runs.mirroring, ({ runs }) => runs.dryRun],
  ['a mirroring with a failure and an analysis', ({ runs }) => runs.failing, ({ runs }) => runs.analysis],
  ['a comparison of levels and a re-embedding', ({ runs }) => runs.levels, ({ runs }) => runs.reembedding],
];

for (const [name, run, other] of COMPARED) {
  test(`no number of ${name} beside each other without its records`, async ({ page, site, gotoHydrated }) => {
    await gotoHydrated(`/runs/${run(site)}/compare?with=${other(site)}`);
    const numbers = await page.getByRole('region', { name: 'Table of counters' }).evaluate((table) =>
      [...table.querySelectorAll('tbody tr')].flatMap((row) =>
        [...row.querySelectorAll('td')].slice(0, 2).map((cell) => ({
          what: row.querySelector('th')?.textContent?.trim() ?? '',
          number: cell.textContent?.trim() ?? '',
          href: cell.querySelector('a')?.getAttribute('href') ?? null,
        })),
      ),
    );
    expect(numbers.length, 'numbers on the page').toBeGreaterThanOrEqual(8);
    await expectRecords(site, numbers, ONLY_SUMS);
  });
}
