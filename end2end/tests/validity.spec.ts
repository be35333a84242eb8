import { HtmlValidate } from 'html-validate';

import { expect, test, VIEWS } from '../fixtures/site.ts';

// What HTML allows and what a screen reader needs; how it is written down is the renderer's affair.
const validator = new HtmlValidate({
  root: true,
  extends: ['html-validate:standard', 'html-validate:document', 'html-validate:a11y'],
  rules: {
    // Everything comes from our own server.
    'require-sri': 'off',
    // ARIA lets a list have a name.
    'aria-label-misuse': ['error', { allowAnyNamable: true }],
  },
});

/** What the rules find in a document, each with the markup it stands in. */
async function faults(sent: string, allowed: string[] = []): Promise<string[]> {
  // The empty comments are how Leptos marks the places that change; browsers read `<!>` as one, the validator does not.
  const html = sent.replaceAll(/<!(?:----)?>/g, '');
  const report = await validator.validateString(html);
  return report.results
    .flatMap(({ messages }) => messages)
    .filter(({ ruleId }) => !allowed.includes(ruleId))
    .map(({ ruleId, message, offset }) => `${ruleId}: ${message}: …${html.slice(offset, offset + 120)}…`);
}

for (const [name, address] of Object.entries(VIEWS)) {
  test(`${name}: what the server sends is valid, and hydrates without a word`, async ({ page, site, gotoHydrated }) => {
    const path = address(site);
    const response = await fetch(site.demo.url + path);
    expect(response.status).toBe(200);
    const html = await response.text();
    // The design page shows every component twice, so that two landmarks have one name.
    const allowed = name === 'design' ? ['unique-landmark'] : [];
    expect.soft(await faults(html, allowed), 'faults of the HTML').toEqual([]);

    const said: string[] = [];
    page.on('console', (message) => {
      if (['warning', 'error'].includes(message.type())) said.push(message.text());
    });
    await gotoHydrated(path);
    await expect(page.locator('.skeleton:not(.specimen *)')).toHaveCount(0);
    expect.soft(said, 'what the console says').toEqual([]);

    // The same for both: what the server has sent, and what has become of it.
    const landmarks = (html: string): object => {
      const sent = new DOMParser().parseFromString(html, 'text/html');
      const of = (root: Document): object => ({
        language: root.documentElement.lang,
        title: root.title,
        main: root.querySelectorAll('main').length,
        navigation: root.querySelectorAll('nav[aria-label="Pages"]').length,
        current: root.querySelectorAll('nav[aria-label="Pages"] [aria-current="page"]').length <= 1,
        headings: [...root.querySelectorAll('h1')].map((heading) => heading.textContent?.trim()),
        unnamed: [...root.querySelectorAll('nav:not([aria-label], [aria-labelledby])')].length,
      });
      return { sent: of(sent), hydrated: of(document) };
    };
    const { sent, hydrated } = (await page.evaluate(landmarks, html)) as Record<'sent' | 'hydrated', Record<string, unknown>>;
    expect.soft(hydrated).toEqual(sent);
    expect.soft(sent).toMatchObject({ language: 'en', main: 1, navigation: 1, current: true, unnamed: 0 });
    expect.soft(sent?.['title'], 'the title of the page').toMatch(/.+ · tain$/);
    expect.soft(sent?.['headings'], 'its one first heading').toHaveLength(1);
  });
}
