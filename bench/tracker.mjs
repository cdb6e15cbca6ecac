// The tracker beside other scripts: what a page loads, how long until the first hit is at the server, and what it costs the
// page's main thread. Chromium, one page, one server on loopback for each; a fresh profile and a cold cache for every load.
//
// Every script comes from the page's own origin, compressed with brotli, and every request waits half the latency on its way
// there and half on its way back. So all are spared what scripts from elsewhere cost beside: look-ups, handshakes, preflights.

import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { findChromium } from "../tools/browsers.mjs";
import { scripts } from "./scripts.mjs";

const LATENCIES = [0, 150];
const PATIENCE_MS = 30_000;
/** How long after its first hit a script is still watched at work. */
const AFTERGLOW_MS = 500;
// Some scripts keep still for robots.
const USER_AGENT = "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36";
const CLICK = "/offer?fbclid=IwAR2F0bGxvd2VkQnlBTG9uZ1N0cmluZ09mQ2hhcmFjdGVycw&utm_source=facebook&utm_medium=paid&utm_campaign=spring";

const LINES = "<p>Every weekday at seven: what moved overnight, why it moved, and what the day holds.</p>\n".repeat(60);
const LINK = '<p><a href="https://t.me/+AbCdEfGhIjKlMnOp">Join the channel</a></p>\n';
const page = (tag) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Seven Lines</title>${tag}</head><body>\n${LINK}${LINES}${LINK}</body></html>`;

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Serves one script and its page; `hit(latency)` settles with the milliseconds from the page's request to its first hit's arrival. */
async function serve({ name, files, tag, isHit, answers = {} }) {
  const type = { js: "text/javascript", html: "text/html; charset=utf-8", json: "application/json" };
  const compressed = Object.fromEntries(Object.entries(files).map(([path, content]) => [path, brotliCompressSync(content)]));
  const html = brotliCompressSync(page(tag));
  let latency = 0;
  let started;
  let arrived;
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://page").pathname;
    if (path === "/offer") started = performance.now();
    // A timer of nothing waits a millisecond.
    if (latency) await sleep(latency / 2);
    if (isHit(path)) arrived?.(performance.now() - started);
    if (latency) await sleep(latency / 2);
    const posted = await text(request).catch(() => "");
    const found = path === "/offer" ? html : compressed[path];
    const kind = path === "/offer" ? "html" : path.endsWith(".js") ? "js" : "json";
    const headers = { "content-type": type[kind], "cache-control": "no-store" };
    if (found) response.writeHead(200, { ...headers, "content-encoding": "br", "content-length": found.length }).end(found);
    else response.writeHead(200, headers).end(kind === "js" ? "" : JSON.stringify(answers[path]?.(posted && JSON.parse(posted)) ?? {}));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    // A name with a registrable domain, which browsers trust as they trust https.
    url: `http://lp.shop.localhost:${server.address().port}${CLICK}`,
    hit: (slow) => {
      latency = slow;
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${name}: no hit in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
        arrived = (ms) => {
          clearTimeout(late);
          arrived = undefined;
          resolve(ms);
        };
      });
    },
    close: () => server.closeAllConnections() ?? server.close(),
  };
}

/** Loads the page once; answers the milliseconds to its first hit. `before` and `after` are called with its tab. */
async function load(browser, server, latency, { before, after } = {}) {
  const context = await browser.newContext({ userAgent: USER_AGENT, viewport: { width: 390, height: 844 } });
  try {
    const tab = await context.newPage();
    await before?.(tab);
    const hit = server.hit(latency);
    const [ms] = await Promise.all([hit, tab.goto(server.url, { waitUntil: "commit" })]);
    await after?.(tab);
    return ms;
  } finally {
    await context.close();
  }
}

/** What scripts do on a page's main thread, in the words of Chromium's trace; a checkpoint holds what goes on after an `await`. */
const SCRIPTING = new Set(["v8.compile", "v8.compileModule", "v8.evaluateModule", "EvaluateScript", "FunctionCall",
  "BlinkScheduler_PerformMicrotaskCheckpoint", "TimerFire", "EventDispatch", "XHRReadyStateChange", "XHRLoad", "FireIdleCallback",
  "FireAnimationFrame", "MajorGC", "MinorGC"]);

/** CPU milliseconds of scripting on the page's main thread, from a trace: the outermost such events, each with all it holds. */
function scriptingMs(trace, url) {
  const { traceEvents } = JSON.parse(trace);
  const page = traceEvents.find(({ name, args }) => name === "EvaluateScript" && args?.data?.url?.startsWith(new URL(url).origin));
  const events = traceEvents.filter(({ ph, pid, tid, name }) => ph === "X" && pid === page.pid && tid === page.tid && SCRIPTING.has(name)).sort((a, b) => a.ts - b.ts);
  let end = 0;
  let total = 0;
  for (const { ts, dur, tdur } of events) {
    if (ts < end) continue;
    end = ts + dur;
    total += tdur ?? dur;
  }
  return total / 1000;
}

async function watched(browser, server) {
  let trace;
  await load(browser, server, 0, {
    before: (tab) => browser.startTracing(tab, { categories: ["devtools.timeline", "toplevel", "v8"] }),
    after: async () => {
      await sleep(AFTERGLOW_MS);
      trace = await browser.stopTracing();
    },
  });
  return scriptingMs(trace.toString(), server.url);
}

/**
 * Measures every script, side by side and in turn; prints nothing. `rows`: `{name, raw, gzip, brotli, first_hit_ms: {0, 150}, ratio: {0, 150}, main_thread_ms}`, the
 * ratios against plain JavaScript, all times medians; `leftOut`: why the scripts from npm are missing, if they are.
 */
export async function trackerRows({ rounds = 9 } = {}) {
  const { scripts: list, leftOut } = await scripts();
  const browser = await chromium.launch({
    executablePath: findChromium(), chromiumSandbox: false,
    args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--disable-blink-features=AutomationControlled"],
  });
  const servers = [];
  try {
    for (const script of list) servers.push(await serve(script));
    const runs = list.map(() => ({ hits: Object.fromEntries(LATENCIES.map((latency) => [latency, []])), main: [] }));
    const each = async (measure) => {
      for (const [at, server] of servers.entries()) await measure(server, runs[at]);
    };
    await each((server) => load(browser, server, 0));
    for (let round = 0; round < rounds; round++) {
      for (const latency of LATENCIES) await each(async (server, { hits }) => hits[latency].push(await load(browser, server, latency)));
      await each(async (server, { main }) => main.push(await watched(browser, server)));
    }
    const firstHit = runs.map(({ hits }) => Object.fromEntries(LATENCIES.map((latency) => [latency, median(hits[latency])])));
    const rows = list.map(({ name, files }, at) => {
      const [content] = Object.values(files);
      return {
        name, raw: content.length, gzip: gzipSync(content, { level: 9 }).length, brotli: brotliCompressSync(content).length,
        first_hit_ms: firstHit[at],
        ratio: Object.fromEntries(LATENCIES.map((latency) => [latency, firstHit[at][latency] / firstHit[1][latency]])),
        main_thread_ms: median(runs[at].main),
      };
    });
    return { rows, leftOut };
  } finally {
    servers.forEach((server) => server.close());
    await browser.close();
  }
}
