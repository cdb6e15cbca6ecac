// What the visitor or the browser has said about being recorded.
import assert from "node:assert/strict";
import { AD, ONCE, carriesAd } from "../harness/scenarios.mjs";
import { until } from "../harness/wait.mjs";

/** Everything the tracker could have left in the page, and what it asked of the edge beside its own file. */
async function traces({ page, network }) {
  const stored = await page.eval(() => ({ cookies: document.cookie, storage: Object.keys(localStorage) }));
  return { ...stored, calls: network.requests.filter(({ url }) => new URL(url).pathname.startsWith("/e/") && !url.includes("core.js")).map(({ url }) => url) };
}
const NONE = { cookies: "", storage: [], calls: [] };
const join = (story) => story.page.eval(() => document.querySelector("#join").href);
const say = ({ page }, state) => page.eval((state) => edgeway("consent", state), state);

/** Opens a page, whose visit counts from when it is granted. */
async function granted(story, path) {
  await story.open(path);
  await say(story, "granted");
  await story.visited();
}

/** Somebody who is not to be recorded: reaches Telegram by the page's own link, and leaves no trace. */
const unseen = (path, tag, before, more = {}) => ({
  visits: 0,
  arrivals: 1,
  tag,
  async run(story) {
    await story.open(`${path}${AD}`);
    await before?.(story);
    await story.network.quiet();
    assert.deepEqual(await traces(story), NONE);
    assert.equal(await join(story), "https://t.me/shopchannel");
    await story.join();
  },
  check({ story }) {
    assert.equal(story.world.telegram.arrivals[0].path, "/shopchannel");
  },
  ...more,
});

/** Somebody who is recorded although a signal is set, as the tag doesn't ask for respect. */
const seen = (path) => ({
  engines: ONCE,
  visits: 1,
  clicks: 1,
  async run(story) {
    await story.open(`${path}${AD}`);
    await story.join();
  },
  check: ({ visit }) => carriesAd(visit),
});

const REQUIRED = { "data-consent": "required" };

export const consent = {
  "required, and nothing said": unseen("/plain.html?", REQUIRED),
  "required, and denied": unseen("/plain.html?", REQUIRED, (story) => say(story, "denied")),
  "required, and asked for anything else": unseen("/plain.html?", REQUIRED, ({ page }) =>
    page.eval(() => {
      edgeway("visit");
      edgeway("identify", "customer-1");
      history.replaceState({}, "", location.href);
    }),
    { engines: ONCE },
  ),

  "required, and granted later": {
    visits: 1,
    clicks: 1,
    tag: REQUIRED,
    async run(story) {
      await granted(story);
      await story.join();
    },
    check({ visit }) {
      carriesAd(visit);
      assert.equal(visit.consent, "granted");
    },
  },

  "required, granted after the address was tidied": {
    engines: ONCE,
    visits: 1,
    tag: REQUIRED,
    async run(story) {
      await story.open(`/spa.html?${AD}`);
      await story.page.click("#tidy");
      await say(story, "granted");
      await story.visited();
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "required, granted, then withdrawn": {
    visits: 1,
    arrivals: 1,
    tag: REQUIRED,
    async run(story) {
      await granted(story);
      assert.ok((await traces(story)).cookies.includes("edgeway_touch="), "the edge has set one of its own");
      // A link may have another use by now.
      await story.page.eval(() => void (document.querySelector("#blank").href = "/checkout"));
      await story.network.quiet();
      await say(story, "denied");
      await story.network.quiet();
      assert.equal(await story.page.eval(() => document.querySelector("#blank").getAttribute("href")), "/checkout");
      const { cookies, storage } = await traces(story);
      assert.deepEqual({ cookies, storage }, { cookies: "", storage: [] });
      assert.equal(await join(story), "https://t.me/shopchannel");
      await story.join();
    },
    // Conversions to come go by what was said last.
    check({ visit, story }) {
      if (story.backend === "ledger") assert.equal(visit.consent, "denied");
    },
  },

  "required, granted, then withdrawn while an answer is under way": {
    engines: ONCE,
    visits: 1,
    tag: REQUIRED,
    async run(story) {
      await story.open();
      story.network.strike({ match: /\/init$/, how: "hold" });
      await say(story, "granted");
      await until(() => story.network.requests.some(({ url }) => url.endsWith("/init")), "the visit is told");
      await say(story, "denied");
      story.network.calm();
      await story.visited();
      await story.told("answered");
      await story.network.quiet();
      const { cookies, storage } = await traces(story);
      assert.deepEqual({ cookies, storage }, { cookies: "", storage: [] });
    },
  },

  "required, granted, then withdrawn while a link is off the page": {
    engines: ONCE,
    visits: 1,
    arrivals: 1,
    tag: REQUIRED,
    async run(story) {
      await granted(story);
      await story.page.eval(() => {
        const link = document.querySelector("#join");
        const place = link.parentNode;
        link.remove();
        edgeway("consent", "denied");
        place.append(link);
      });
      await story.join();
    },
    check: ({ story }) => assert.equal(story.world.telegram.arrivals[0].path, "/shopchannel"),
  },

  "required, granted again where the page has moved on": {
    engines: ONCE,
    visits: 3,
    tag: REQUIRED,
    async run(story) {
      await granted(story, `/spa.html?${AD}`);
      await story.page.click("#push");
      await story.visited(2);
      await say(story, "denied");
      await story.page.click("#push");
      await say(story, "granted");
      await story.visited(3);
    },
    check: ({ visits: [loaded, , again] }) => {
      carriesAd(loaded);
      assert.match(`${again.href} ${again.fbc}`, /\/view\/2\?fbclid=Push2 fb\..*\.Push2$/);
    },
  },

  "required, granted, withdrawn and granted again": {
    engines: ONCE,
    visits: 2,
    tag: REQUIRED,
    async run(story) {
      await story.open();
      for (const state of ["granted", "denied", "granted"]) {
        await say(story, state);
        await story.visited(1);
      }
      await story.visited(2);
      return story.network.requests.filter(({ url }) => url.endsWith("/init")).map(({ body }) => Object.keys(JSON.parse(body || "{}")));
    },
    check({ visits: [first, again], outcome: sent }) {
      carriesAd(again);
      assert.notEqual(again.tempId, first.tempId);
      assert.ok(!sent.flat().includes(""), sent);
    },
  },

  "required, granted and withdrawn while the core is under way": {
    engines: ONCE,
    visits: 0,
    wasm: false,
    tag: REQUIRED,
    async run(story) {
      story.network.strike({ match: /core\.js/, how: "hold" });
      await story.open(undefined, { complete: false });
      await story.page.until(() => Boolean(window.edgeway?.ready));
      await story.page.eval(() => {
        edgeway("consent", "granted");
        edgeway("consent", "denied");
      });
      story.network.calm();
      await story.told("core");
      await story.network.quiet();
      assert.deepEqual(await traces(story), NONE);
    },
  },

  "not required, and told": {
    engines: ONCE,
    visits: 1,
    clicks: 1,
    async run(story) {
      await story.open();
      await say(story, "denied");
      await story.page.until(() => window.edgeway.log.some(({ type, data }) => type === "answered" && data.to === "init"));
      await story.visited();
      // What comes of Meta's and Telegram's scripts afterwards is kept from both.
      await story.page.eval(() => {
        document.cookie = "_fbp=fb.1.1795231938971.77;path=/";
        tgp("init", "aGnVh4yo");
        tgp("event", "aGnVh4yo-WhenDeny");
      });
      await story.join();
    },
    check({ visit, story }) {
      carriesAd(visit);
      assert.notEqual(visit.fbp, "fb.1.1795231938971.77");
      assert.deepEqual(story.world.telegram.pixel, []);
      if (story.backend === "ledger") assert.equal(visit.consent, "denied");
    },
  },

  "Global Privacy Control, respected": unseen("/signals.html?gpc&", { "data-gpc": "respect" }),
  "Global Privacy Control, not asked for": seen("/signals.html?gpc&"),
  "Do Not Track, respected": unseen("/signals.html?dnt&", { "data-dnt": "respect" }),
  "Do Not Track, not asked for": seen("/signals.html?dnt&"),
  "respected signals that are not set": { ...seen("/signals.html?"), tag: { "data-gpc": "respect", "data-dnt": "respect" } },
};
