/**
 * Bundles the page, serves it on loopback, and photographs every board: one PNG a board, and one of
 * the load generator's own page. panels.tsv says which panels are on them.
 *
 *   node draw.mjs RECORDINGS OUT BROWSER [UID...]
 *
 * RECORDINGS has one UID.json a board and report.html, from tests/kafka_dashboards.rs. A board that
 * cannot be drawn whole, an error in the browser's console and a panel that drew nothing end it with
 * exit code 1.
 */
import { build } from 'esbuild';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

const here = path.dirname(fileURLToPath(import.meta.url));
const boards = path.join(here, '../grafana');

/** CSS pixels. */
const WIDTH = 1360;
/** Between two panels. */
const GAP = 8;
/** Device pixels of each: whole boards are long, and a picture weighs by the square. */
const SCALE = 1;
const SHARP = 1.5;
/** The board that a newcomer sees first. */
const FIRST = 'express-overview';
/** As wide as its text; wider it has only edges. */
const REPORT_WIDTH = 1120;
const DRAW_LIMIT_MS = 60_000;

const TYPES = { '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.json': 'application/json', '.svg': 'image/svg+xml' };

async function bundle() {
  const made = await build({
    entryPoints: { page: path.join(here, 'page/main.tsx') },
    bundle: true,
    write: false,
    outdir: '/',
    format: 'iife',
    minify: true,
    jsx: 'automatic',
    // The font of an editor that no panel shows.
    loader: { '.ttf': 'empty' },
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    logLevel: 'error',
  });
  return new Map(made.outputFiles.map((file) => [`/${path.basename(file.path)}`, file.contents]));
}

/** What the page asks for, by path; nothing else is served. */
function files(bundled, recordings) {
  const packages = path.join(here, 'node_modules');
  const folders = [
    ['/boards/', boards],
    ['/answers/', recordings],
    // Where Grafana's server would have them.
    ['/public/build/img/icons/', path.join(packages, '@grafana/ui/dist/public/img/icons')],
    ['/public/fonts/inter/', path.join(packages, 'inter-ui/web')],
  ];
  const page =
    '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css">' +
    '<style>body{margin:0}</style><div id="page"></div><script src="/page.js"></script>';
  return async (wanted) => {
    if (wanted === '/') {
      return page;
    }
    if (bundled.has(wanted)) {
      return bundled.get(wanted);
    }
    for (const [prefix, folder] of folders) {
      const file = path.join(folder, wanted.slice(prefix.length));
      if (wanted.startsWith(prefix) && file.startsWith(folder)) {
        return readFile(file);
      }
    }
    throw new Error(`nothing at ${wanted}`);
  };
}

function serve(find) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://page');
    try {
      const body = await find(pathname);
      response.writeHead(200, { 'content-type': TYPES[path.extname(pathname)] ?? 'text/html' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** Panels without a mark of their component: no value, no line, no cell. */
function empty() {
  const blank = (canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.every((value) => value === 0);
  };
  return [...document.querySelectorAll('[data-panel]')]
    .filter((panel) => {
      const canvases = [...panel.querySelectorAll('canvas')];
      switch (panel.dataset.panel) {
        case 'row':
          return false;
        case 'stat':
          // The title stands above the value and may have digits of its own.
          return !/\d/.test(panel.innerText.slice(panel.dataset.title.length));
        default:
          return canvases.length === 0 || canvases.every(blank);
      }
    })
    .map((panel) => panel.dataset.title);
}

/** A page with the whole board on it, or an error that says what is missing. */
async function openBoard(browser, origin, uid, deviceScaleFactor) {
  const page = await browser.newPage();
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error') {
      complaints.push(message.text());
    }
  });
  page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  await page.setViewport({ width: WIDTH, height: 1000, deviceScaleFactor });
  await page.goto(`${origin}/?board=${uid}&width=${WIDTH}`);
  await page.waitForSelector('html[data-state]', { timeout: DRAW_LIMIT_MS });
  const { state, error } = await page.evaluate(() => ({ ...document.documentElement.dataset }));
  const blank = state === 'drawn' ? await page.evaluate(empty) : [];
  if (state !== 'drawn' || complaints.length > 0 || blank.length > 0) {
    throw new Error([`${uid} is ${state}`, error ?? '', ...complaints, ...blank.map((title) => `empty: ${title}`)].join('\n'));
  }
  return page;
}

/** Returns the titles of the panels that are on the picture. */
async function photograph(browser, origin, uid, out) {
  const page = await openBoard(browser, origin, uid, SCALE);
  const board = await page.$('#page > *');
  await board.screenshot({ path: path.join(out, `${uid}.png`) });
  const titles = await page.$$eval('[data-panel]:not([data-panel=row])', (panels) => panels.map((panel) => panel.dataset.title));
  await page.close();
  return titles;
}

/** The board down to its heat map: enough for a first look. */
async function photographTop(browser, origin, uid, out) {
  const page = await openBoard(browser, origin, uid, SHARP);
  const { x, y, width } = await (await page.$('#page > *')).boundingBox();
  const heat = await (await page.$('[data-panel=heatmap]')).boundingBox();
  const clip = { x, y, width, height: heat.y + heat.height + GAP - y };
  await page.screenshot({ path: path.join(out, `${uid}-top.png`), clip });
  await page.close();
}

async function photographReport(browser, file, out) {
  const page = await browser.newPage();
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
  await page.setViewport({ width: REPORT_WIDTH, height: 1000, deviceScaleFactor: SHARP });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('html[data-drawn="yes"]', { timeout: DRAW_LIMIT_MS });
  await page.screenshot({ path: path.join(out, 'loadgen-report.png'), fullPage: true });
  await page.close();
}

async function main([recordings, out, executablePath, ...only]) {
  if (!recordings || !out || !executablePath) {
    console.error('usage: node draw.mjs RECORDINGS OUT BROWSER [UID...]');
    process.exit(2);
  }
  await mkdir(out, { recursive: true });
  const server = await serve(files(await bundle(), path.resolve(recordings)));
  const browser = await puppeteer.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--hide-scrollbars'],
  });
  try {
    const origin = `http://127.0.0.1:${server.address().port}`;
    const all = (await readdir(boards)).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -5));
    const drawn = [];
    for (const uid of only.length > 0 ? only : all.sort()) {
      const titles = await photograph(browser, origin, uid, out);
      drawn.push(...titles.map((title) => `${uid}\t${title}\n`));
      if (uid === FIRST) {
        await photographTop(browser, origin, uid, out);
      }
      console.error(`pictures: ${uid}`);
    }
    await photographReport(browser, path.resolve(recordings, 'report.html'), out);
    // A test holds the boards against this: whoever adds a panel is told that it is in no picture.
    await writeFile(path.join(out, 'panels.tsv'), drawn.join(''));
  } finally {
    await browser.close();
    server.close();
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`pictures: ${error.message ?? error}`);
  process.exit(1);
});
