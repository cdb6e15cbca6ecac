// The page's life: left at once, moved inside, kept by the browser, prepared before it is shown.
import assert from "node:assert/strict";
import { AD, CHROMIUM, ONCE, WWW, carriesAd } from "../harness/scenarios.mjs";
import { never, until } from "../harness/wait.mjs";

/** Clicks buttons of spa.html, one after the other. */
async function press({ page }, ...buttons) {
  for (const button of buttons) await page.click(`#${button}`);
}

/** A single page that pushes, tidies, renders again, changes routes in the fragment and jumps to an anchor. */
const single = (search) => ({
  visits: 4,
  clicks: 1,
  async run(story) {
    await story.open(`/spa.html?${search}${AD}`);
    await story.visited(1);
    await press(story, "replace", "anchor", "tidy", "replace");
    await press(story, "push", "replace");
    await story.visited(2);
    await press(story, "push", "anchor", "replace");
    await story.visited(3);
    await press(story, "hash", "replace");
    await story.visited(4);
    await story.join();
  },
  check({ visits, clicks: [click], story }) {
    const [loaded, pushed, again, routed] = visits;
    carriesAd(loaded);
    assert.match(pushed.fbc, /\.Push1$/);
    assert.match(again.fbc, /\.Push2$/);
    assert.equal(again.href, `${WWW}/view/2?fbclid=Push2`);
    assert.equal(again.referrer, `${WWW}/view/1?fbclid=Push1`, "within a page, what was before is the referrer");
    assert.equal(routed.href, `${WWW}/view/2?fbclid=Push2#/route/3`);
    assert.equal(routed.fbc, again.fbc);
    if (story.backend === "ledger") assert.equal(click.visitId, routed.visitId, "the click belongs to the latest view");
  },
});

/** A single page that writes into its address what a search box or a router has, then goes where it is already. */
const rewritten = (search) => ({
  engines: ONCE,
  visits: 2,
  async run(story) {
    await story.open(`/spa.html?${search}${AD}`);
    await story.visited(1);
    await press(story, "type", "type", "tidy", "type", "replace");
    await story.page.eval(() => history.pushState({}, "", location.href));
    await press(story, "push");
  },
  check: ({ visits: [loaded, pushed] }) => {
    carriesAd(loaded);
    assert.match(pushed.fbc, /\.Push\d$/);
  },
});

/** A router that begins with a route of its own. */
const routed = (search) => ({
  visits: 1,
  async run(story) {
    await story.open(`/spa.html?${search}${AD}`);
    await story.visited(1);
    await story.page.eval(() => void (location.hash = "/"));
    await story.network.quiet();
  },
  check: ({ visit }) => carriesAd(visit),
});

/** Whether the page gone back to is the very one that was left. */
async function isMarked({ page }) {
  const shown = await page.until(() => document.readyState === "complete" && location.search.includes("fbclid") && { marked: window.marked === true });
  return shown.marked;
}

export const moves = {
  "left in the same tick": {
    visits: 1,
    both: true,
    tag: { "data-auto": "off" },
    async run(story) {
      // The call has to open a connection first, while the next page has one.
      story.network.strike({ match: /\/t\.js$/, how: "last" });
      await story.open(`/leaves.html?${AD}`);
      story.network.strike({ match: /^connect:.*edge/, how: 300 });
      await story.page.leads(() => story.page.click("#leave"));
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "left as soon as the script has run": {
    visits: 1,
    tag: { onload: "location.href='/plain.html?notag'" },
    async run(story) {
      await story.page.open(`${WWW}/plain.html?notag`);
      await story.page.eval((url) => void (location.href = url), `${WWW}/leaves.html?${AD}`);
      await until(() => story.world.site.requests.filter(({ path }) => path === "/plain.html?notag").length === 2, "the page was left");
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "left in the same tick, without wasm": {
    visits: 1,
    wasm: false,
    tag: { "data-auto": "off" },
    async run(story) {
      // The core that stands in for wasm is still under way.
      story.network.strike({ match: /core\.js/, how: "hold" });
      // It holds up the page's load event in some engines, but not the visitor.
      await story.open(`/leaves.html?${AD}`, { complete: false });
      await story.page.until(() => Boolean(window.edgeway && document.querySelector("#leave")?.onclick));
      await story.page.leads(() => story.page.click("#leave"));
      await story.visited();
      story.network.calm();
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "closed as soon as it is there": {
    visits: 1,
    engines: ["chromium", "firefox"],
    async run(story) {
      const stays = await story.tab();
      await story.open("/plain.html?notag", { page: stays });
      await story.open();
      await story.page.close();
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "on a single page": single(""),
  "on a single page, without the Navigation API": { ...single("history&") },

  "on a single page, where a part of it is named navigation": { ...single("named&"), engines: ONCE },
  "on a single page whose router begins with a route of its own": routed(""),
  "on a single page whose router begins with a route of its own, without the Navigation API": { ...routed("history&"), engines: ONCE },
  "on a single page that replaces its address": rewritten(""),
  "on a single page that replaces its address, without the Navigation API": rewritten("history&"),

  "called for after the address was tidied": {
    engines: ONCE,
    visits: 2,
    tag: { "data-auto": "off" },
    async run(story) {
      await story.open(`/spa.html?${AD}`);
      await press(story, "tidy");
      await story.page.eval(() => edgeway("visit"));
      await story.visited(1);
      await press(story, "push");
      await story.page.eval(() => edgeway("visit"));
    },
    check({ visits: [tidied, pushed] }) {
      carriesAd(tidied);
      assert.equal(pushed.href, `${WWW}/view/1?fbclid=Push1`);
    },
  },

  "gone back within a single page": {
    visits: 3,
    async run(story) {
      await story.open("/spa.html?fbclid=Start");
      await story.visited(1);
      await press(story, "push");
      await story.visited(2);
      await story.page.back();
    },
    check: ({ visits }) => assert.equal(visits[2].href, `${WWW}/spa.html?fbclid=Start`),
  },

  "come back to, kept whole by the browser": {
    visits: 3,
    clicks: 1,
    both: true,
    async run(story) {
      await story.open();
      await story.visited(1);
      await story.page.eval(() => void (window.marked = true));
      await story.page.leads(() => story.page.click("#elsewhere"));
      await story.visited(2);
      await story.page.back();
      const whole = await isMarked(story);
      await story.visited(3);
      await story.join();
      return whole;
    },
    check({ visits: [first, , again], clicks: [click], story, outcome: whole }) {
      assert.ok(whole, "the browser kept the page");
      carriesAd(first);
      carriesAd(again);
      assert.equal(again.href, first.href);
      assert.equal(again.tempId, first.tempId);
      if (story.backend === "ledger") assert.equal(click.visitId, again.visitId);
    },
  },

  "prerendered, and shown later": {
    visits: 1,
    clicks: 1,
    engines: CHROMIUM,
    prerendering: true,
    async run(story) {
      await story.open("/speculation.html");
      await until(() => story.network.requests.some(({ url }) => url.endsWith("/t.js")), "the prerendered page's script");
      await never(async () => (await story.world.visits()).length, "a visit of a page not shown");
      await story.page.leads(() => story.page.click("#next"));
      await story.visited(1);
      await story.join();
    },
    check({ visit, story }) {
      assert.match(visit.fbc, /\.Pre$/);
      assert.equal(story.world.site.requests.filter(({ path, speculative }) => path.includes("prerendered") && !speculative).length, 0, "it was the prerendered page");
    },
  },

  "loaded by an app behind its ad, and shown later": {
    visits: 1,
    clicks: 1,
    // As a page that no window shows.
    head: `<script>
      Object.defineProperty(document, "hidden", { configurable: true, get: function () { return !window.shown; } });
      Object.defineProperty(document, "visibilityState", { configurable: true, get: function () { return window.shown ? "visible" : "hidden"; } });
      window.edgeway = window.edgeway || function () { (edgeway.q = edgeway.q || []).push(arguments); };
      edgeway("invite", {}, function (link) { window.invited = link; });
    </script>`,
    async run(story) {
      await story.open();
      await story.page.until(() => Boolean(window.edgeway && edgeway.ready));
      await story.network.quiet();
      assert.deepEqual(await story.world.visits(), [], "nobody has seen it");
      assert.equal(await story.page.eval(() => typeof window.invited), "undefined");
      await story.page.eval(() => {
        window.shown = true;
        document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
      });
      await story.visited();
      const invited = await story.page.eval(() => window.invited);
      await story.join();
      return new URL(invited).searchParams;
    },
    check({ visit, outcome: invited, story }) {
      carriesAd(visit);
      assert.equal(invited.get("tempId"), visit.tempId);
      if (story.backend === "ledger") assert.equal(invited.get("visit"), visit.visitId);
    },
  },

  "prerendered, and never shown": {
    visits: 0,
    engines: CHROMIUM,
    prerendering: true,
    async run(story) {
      await story.open("/speculation.html");
      await until(() => story.network.requests.some(({ url }) => url.endsWith("/t.js")), "the prerendered page's script");
      await story.open("/plain.html?notag");
    },
  },
};
