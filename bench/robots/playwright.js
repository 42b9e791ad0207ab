// The same robot with Playwright, written as its documentation does. Orders come as lines on the standard input.
import { chromium } from 'playwright-core';
import { createInterface } from 'node:readline';

const browser = await chromium.launch({ executablePath: process.argv[2] });
let state;

async function robot({ base, kept, hold, picture }) {
  const known = kept && state;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...(known ? { storageState: state } : {}) });
  try {
    const page = await context.newPage();
    await page.goto(`${base}/`);
    if (!known) {
      await page.locator('input[name=login]').fill('robot');
      await page.locator('input[name=password]').fill('geheim-4711');
      await page.getByRole('button', { name: 'Anmelden' }).click();
      await page.getByRole('link', { name: 'Abmelden' }).waitFor();
      if (kept) state = await context.storageState();
    }
    await page.locator('input[name=customer]').fill('Müller & Söhne');
    await page.locator('select[name=status]').selectOption('offen');
    await page.getByRole('button', { name: 'Suchen' }).click();
    await page.locator('#list').waitFor();
    const rows = await page.locator('#list tr').evaluateAll((all) => all.slice(1).map((row) => Array.from(row.cells).map((cell) => cell.innerText)));
    if (picture) await page.screenshot({ type: 'jpeg', quality: 70, mask: [page.locator('input[type=password]')] });
    if (hold) await page.goto(`${base}/hold`);
    return rows.length;
  } finally {
    await context.close();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const millis = [];
  let error = '';
  let left = order.count;
  await Promise.all(Array.from({ length: order.workers }, async () => {
    while (left-- > 0) {
      const began = performance.now();
      try {
        const rows = await robot(order);
        if (rows !== 51) error = `${rows} rows instead of 51`;
      } catch (failed) {
        error = String(failed);
      }
      millis.push(performance.now() - began);
    }
  }));
  console.log(JSON.stringify({ millis, error }));
}
await browser.close();
