// Networks that are slow, filtered or down: nothing is lost, nothing is counted twice.
import assert from "node:assert/strict";
import { AD, CHROMIUM, LANDING, ONCE, WWW, carriesAd } from "../harness/scenarios.mjs";
import { until } from "../harness/wait.mjs";

/** Words that filter lists look for in addresses. */
const FILTERED = /track|adtarget|analytic|pixel|collect|beacon|telemetry|metric|stats/i;
const isInit = (url) => url.pathname.endsWith("/init");
const inits = ({ network }) => network.requests.filter(({ url }) => isInit(new URL(url)));

/** A visit whose first sending fails in some way. */
const retried = (how, more = {}) => ({
  visits: 1,
  clicks: 1,
  async run(story) {
    story.network.strike({ match: isInit, how, times: 1 });
    await story.open(undefined, more.where);
    await until(() => inits(story).filter(({ status }) => status === 200).length > 0, "sent again");
    await story.visited();
    await story.join();
    return inits(story);
  },
  check({ visit, outcome: sent }) {
    carriesAd(visit);
    assert.equal(new Set(sent.map(({ body }) => JSON.parse(body || "{}").eventId).filter(Boolean)).size, 1, "the same event id each time");
  },
  ...more,
});

export const networks = {
  "slow": {
    visits: 1,
    clicks: 1,
    async run(story) {
      story.network.strike({ match: /edge\.shop\.test/, how: 700 });
      await story.open();
      await story.join();
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "so slow that the visitor is gone before the answer": {
    engines: ONCE,
    visits: 1,
    clicks: 1,
    async run(story) {
      story.network.strike({ match: isInit, how: 1_500 });
      await story.open();
      await story.join();
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "filtered by an ad blocker's words": {
    visits: 1,
    clicks: 1,
    both: true,
    async run(story) {
      story.network.strike({ match: (url) => FILTERED.test(url.pathname), how: "cut" });
      await story.open(`/late-fbp.html?${AD}`);
      await story.told("answered");
      await story.page.until(() => edgeway.log.some(({ type, data }) => type === "answered" && data.to === "update-fbp"));
      await story.join();
    },
    check({ visit }) {
      carriesAd(visit);
      assert.match(visit.fbp, /1234567890$/);
    },
  },

  "filtered by an ad blocker's words, on another site than the edge's": {
    visits: 1,
    clicks: 1,
    engines: ONCE,
    async run(story) {
      story.network.strike({ match: (url) => FILTERED.test(url.pathname), how: "cut" });
      await story.open(undefined, { on: LANDING });
      await story.join();
    },
    check: ({ visit }) => carriesAd(visit),
  },

  // In the other engines leaving ends the core's import in time for a fetch.
  "that swallows beacons": {
    visits: 2,
    engines: CHROMIUM,
    wasm: false,
    tag: { "data-auto": "off" },
    async run(story) {
      // The visitor leaves while the core is under way, so all there is time for is a beacon, which is swallowed.
      story.network.strike({ match: /core\.js/, how: "hold" });
      await story.open(`/leaves.html?nobeacon&${AD}`, { complete: false });
      await story.page.until(() => Boolean(window.edgeway && document.querySelector("#leave")?.onclick));
      await story.page.leads(() => story.page.click("#leave"));
      await story.network.quiet();
      assert.equal(inits(story).length, 0);
      story.network.calm();
      await story.open("/leaves.html?next");
      await story.page.eval(() => edgeway("visit"));
      await story.visited(2);
    },
    check: ({ visits }) => carriesAd(visits.find(({ href }) => href.includes("fbclid"))),
  },

  "that loses the first call": retried("cut"),
  "that loses the first answer": { ...retried("deaf"), both: true },
  "that loses the first answer, to a page of another site": retried("deaf", { where: { on: LANDING }, engines: ONCE }),
  "that answers 503 first": retried({ status: 503 }, { engines: ONCE }),
  "with something that answers 200 in the edge's place first": retried({ status: 200, headers: { "access-control-allow-origin": WWW, "access-control-allow-credentials": "true" } }, { engines: ONCE }),

  "down while the page is there, up on the next": {
    visits: 2,
    clicks: 1,
    both: true,
    async run(story) {
      story.network.strike({ match: isInit, how: "cut" });
      await story.open();
      await story.told("failed");
      await story.page.open("https://www.shop.test/plain.html?notag");
      story.network.calm();
      await story.open("/plain.html?next");
      await story.visited(2);
      await story.join();
    },
    check({ visits }) {
      const first = visits.find(({ href }) => href.includes("fbclid"));
      carriesAd(first);
      assert.equal(new Set(visits.map(({ tempId }) => tempId)).size, 1);
    },
  },

  "down for a while, on a page that keeps things of its own under such names": {
    visits: 1,
    engines: ONCE,
    async run(story) {
      story.network.strike({ match: isInit, how: "cut" });
      await story.open();
      await story.told("failed");
      const stored = await story.page.eval(() => {
        Object.assign(localStorage, { "edgeway.popup": "null", "edgeway.consent": "granted", "edgeway.o.a": "null", "edgeway.o.b": "granted", "edgeway.o.c": "{}" });
        return Object.keys(localStorage);
      });
      assert.ok(stored.some((key) => key.startsWith("edgeway.o.init")));
      story.network.calm();
      await story.visited();
      assert.deepEqual(await story.page.eval(() => Object.keys(localStorage).filter((key) => key.startsWith("edgeway.")).toSorted()), ["edgeway.consent", "edgeway.popup"]);
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "down for a while, and told of it by the browser": {
    visits: 1,
    engines: ONCE,
    async run(story) {
      story.network.strike({ match: isInit, how: "cut" });
      await story.open();
      await until(() => inits(story).length >= 2, "tried again");
      story.network.calm();
      await story.page.eval(() => void dispatchEvent(new Event("online")));
      const [, second] = inits(story);
      await story.visited();
      assert.ok(second);
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "that loses the late _fbp first": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      story.network.strike({ match: /update-fbp/, how: "cut", times: 1 });
      await story.open(`/late-fbp.html?${AD}`);
      await until(async () => (await story.world.visits())[0]?.fbp, "the _fbp kept");
    },
    check: ({ visit }) => assert.match(visit.fbp, /1234567890$/),
  },
};
