// Pages and browsers that refuse things: WebAssembly, scripts, markup, cookies.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { AD, EDGE, LANDING, ONCE, carriesAd } from "../harness/scenarios.mjs";
import { ROOT } from "../harness/edge.mjs";
import { WEBSITE } from "../harness/world.mjs";

const { file, integrity } = JSON.parse(await readFile(`${ROOT}dist/www/tracker.json`, "utf8"));

/** What docs/page.md gives to tag managers that drop attributes, made out to this edge. */
const described = await readFile(`${ROOT}docs/page.md`, "utf8");
const MANAGED = /<script>\n\(function \(tag\).*?<\/script>/s.exec(described)[0].replace("https://edge.example.com", EDGE).replace("atid_…", WEBSITE);

/** The ad's visit and a click on such a page, and which core has read it. */
const read = (core, path, more = {}) => ({
  visits: 1,
  clicks: 1,
  async run(story) {
    more.strike?.(story.network);
    await story.open(`${path}${AD}`);
    const told = await story.told("core");
    await story.visited();
    await story.join();
    return told;
  },
  check({ visit, outcome }) {
    assert.equal(outcome, core);
    carriesAd(visit);
  },
  ...more,
});

const noCore = (network) => network.strike({ match: /core\.js/, how: "cut" });

export const policies = {
  "no policy: wasm": read("wasm", "/plain.html?"),
  "wasm allowed by the policy": read("wasm", "/plain.html?csp=wasm&"),
  "script-src 'self'": read("wasm2js", "/plain.html?csp=self&"),
  "nonce and strict-dynamic": read("wasm2js", "/plain.html?csp=nonce&"),
  "Trusted Types": read("wasm2js", "/plain.html?csp=types&"),
  "nothing but the tag's own file": read("edge", "/plain.html?csp=bare&"),
  "no wasm in the browser": read("wasm2js", "/plain.html?", { wasm: false }),
  "no wasm in the browser, and its replacement is lost": read("edge", "/plain.html?", { wasm: false, strike: noCore }),
  "wasm of 4 KB at most at once": read("wasm-async", "/old-webview.html?"),
  "a tag manager that drops attributes": {
    visits: 1,
    clicks: 1,
    engines: ONCE,
    async run(story) {
      story.world.site.tag = MANAGED;
      await story.open();
      await story.visited();
      await story.join();
    },
    check: ({ visit }) => carriesAd(visit),
  },
  "the hash of the tag's file": read("wasm", "/plain.html?", { tag: { src: `${EDGE}/${file}`, integrity, crossorigin: "anonymous" } }),
  "the tag under the neutral prefix": read("wasm", "/plain.html?", { tag: { src: `${EDGE}/e/t.js` } }),

  "cookies of the pixels where only the edge can read": {
    visits: 1,
    async run(story) {
      await story.open("/plain.html?notag");
      await story.page.eval(() => ["_fbp=fb.1.1700000000001.77", "_fbc=fb.1.1700000000000.Earlier", "_ttp=TTP", "theme=dark"].forEach((pair) => (document.cookie = pair)));
      await story.open("/plain.html?csp=bare&utm_source=x");
      assert.equal(await story.told("core"), "edge");
    },
    check({ visit }) {
      const { fbp, fbc, ttp, utmSource } = visit;
      assert.deepEqual({ fbp, fbc, ttp, utmSource }, { fbp: "fb.1.1700000000001.77", fbc: "fb.1.1700000000000.Earlier", ttp: "TTP", utmSource: "x" });
      assert.ok(!JSON.stringify(visit).includes("dark"), "the site's own cookies stay at home");
    },
  },

  "no cookies": {
    visits: 1,
    clicks: 1,
    cookies: false,
    async run(story) {
      await story.open();
      await story.visited();
      assert.equal(await story.page.eval(() => document.cookie), "", "the browser refuses cookies");
      await story.join();
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "no cookies, on another site than the edge's": {
    visits: 1,
    clicks: 1,
    cookies: false,
    async run(story) {
      await story.open(undefined, { on: LANDING });
      await story.visited();
      await story.join();
    },
    check: ({ visit }) => carriesAd(visit),
  },
};
