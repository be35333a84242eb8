import { defineConfig } from '@playwright/test';

// Every test starts a `tain demo` of its own (fixtures/demo.ts), so tests share nothing and may run side by side.
export default defineConfig({
  testDir: 'tests',
  outputDir: 'output/results',
  fullyParallel: true,
  workers: 2,
  // A test that passes at the second try has found something.
  retries: 0,
  forbidOnly: true,
  timeout: 90_000,
  expect: { timeout: 20_000 },
  reporter: [
    ['list'],
    ['./fixtures/summary-reporter.ts'],
    ['html', { open: 'never', outputFolder: 'output/report' }],
  ],
  use: {
    browserName: 'chromium',
    // Debian's: Playwright's own download needs a host that not every machine reaches.
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    },
    locale: 'en-GB',
    timezoneId: 'UTC',
    viewport: { width: 1280, height: 900 },
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
});
