// The demo page as `npm start` serves it, on its own origin, with the debugger beside it.
import assert from "node:assert/strict";
import { AD, CHROMIUM, DEMO, ONCE, carriesAd } from "../harness/scenarios.mjs";
import { panelOf } from "../harness/panel.mjs";
import { until } from "../harness/wait.mjs";

const SAMPLES = {
  Meta: ({ fbc }) => assert.match(fbc, /^fb\.0\.\d{13}\.\w+/),
  TikTok: ({ ttclid }) => assert.ok(ttclid),
  Snapchat: ({ sccid }) => assert.ok(sccid),
  Google: ({ gclid }) => assert.ok(gclid),
  "Telegram Ads": ({ tgclid }) => assert.ok(tgclid),
};

const isOpen = (story) => story.page.eval(() => {
  const root = document.querySelector("edgeway-panel").shadowRoot;
  return root.querySelector(".toggle").getAttribute("aria-expanded") === "true" && root.querySelector(".scroll").checkVisibility();
});

export const demo = {
  "shows what became of a sample click": {
    visits: 1,
    clicks: 1,
    async run(story) {
      await story.open(`/?${AD}`, { on: DEMO });
      const panel = await panelOf(story.page);
      const links = await story.page.eval(() => [...document.querySelectorAll("a.join")].map(({ href }) => href));
      const cookies = await story.page.cookies();
      await story.join("a.join");
      return { panel, links, cookies };
    },
    check({ visit, click, story, outcome: { panel, links, cookies } }) {
      carriesAd(visit, 0);
      assert.match(panel.title, /click recorded$/);
      for (const shown of ["IwAR0_Ad-Click", "Cj0-Google", "E.C.P.TikTok", "snap-1", "tg_1", "Лето", visit.tempId]) assert.ok(panel.text.includes(shown), shown);
      assert.match(panel.text, /https:\/\/t\.me\/edgeway_demonow goes to \/(e\/)?(c\/demo|invite\?)/);
      assert.ok(links.length && links.every((href) => href.startsWith(`${DEMO}/`)), `the links lead through the edge: ${links}`);
      assert.equal(cookies.adtarget_temp_id.value, visit.tempId);
      assert.equal(cookies.adtarget_session_id.value, visit.clientSessionId);
      assert.equal(cookies.adtarget_temp_id.domain, "localhost");
      if (story.backend === "ledger") assert.equal(click.channel, "demo");
      else assert.equal(click.channelId, "chan_demo");
    },
  },

  "tells of the tap when one comes back": {
    visits: 2,
    clicks: 1,
    async run(story) {
      await story.open(`/?${AD}`, { on: DEMO });
      await panelOf(story.page);
      await story.page.leads(() => story.page.click("a.join"));
      await story.open("/?back", { on: DEMO });
      await until(async () => (await story.page.eval(() => document.querySelector("edgeway-panel").shadowRoot.textContent)).includes("Last tapped at"), "the tap is told");
    },
  },

  "fits a phone": {
    visits: 1,
    clicks: 1,
    engines: CHROMIUM,
    visitor: { phone: true },
    async run(story) {
      await story.open(`/?${AD}`, { on: DEMO });
      await panelOf(story.page);
      const isWide = await story.page.eval(() => document.documentElement.scrollWidth > innerWidth);
      assert.equal(isWide, false, "nothing is cut off at the side");
      await story.joins(() => story.page.tap("a.join"));
    },
    check: ({ visit }) => carriesAd(visit, 0),
  },

  ...Object.fromEntries([["a desk", false], ["a phone", true]].map(([where, phone]) => [`leaves the offer free at ${where}, and opens when asked`, {
    visits: 2,
    engines: CHROMIUM,
    visitor: { phone },
    async run(story) {
      await story.open(`/?${AD}`, { on: DEMO });
      await panelOf(story.page);
      const { covered, seen, words } = await story.page.eval(() => {
        const panel = document.querySelector("edgeway-panel");
        const box = panel.getBoundingClientRect();
        const touches = (other) => other.left < box.right && other.right > box.left && other.top < box.bottom && other.bottom > box.top;
        const offer = [...document.querySelectorAll(".hero > *")];
        return {
          covered: offer.filter((each) => touches(each.getBoundingClientRect())).map(({ className }) => className),
          seen: box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight && offer.length > 3, words: panel.shadowRoot.querySelector(".toggle").innerText,
        };
      });
      assert.deepEqual([covered, seen], [[], true]);
      assert.match(words, /Edgeway\s+Facebook.* click recorded$/);
      assert.equal(await isOpen(story), false);
      await story.page.click("edgeway-panel .toggle");
      assert.equal(await isOpen(story), true);
      await story.page.click("edgeway-panel .toggle");
      assert.equal(await isOpen(story), false);
      await story.open(`/?edgeway_debug=1&${AD}`, { on: DEMO });
      await panelOf(story.page);
      assert.equal(await isOpen(story), true);
    },
  }])),

  "says so when nothing came from an ad": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      await story.open("/", { on: DEMO });
      const { title } = await panelOf(story.page, [["Captured", "warn"], ["Sent", "good"], ["Recorded", "good"]]);
      assert.equal(title, "Visit recorded, no click id");
    },
  },

  "says so when the tracker is blocked": {
    engines: ONCE,
    visits: 0,
    async run(story) {
      story.network.strike({ match: /\/t\.js$/, how: "cut" });
      await story.open(`/?${AD}`, { on: DEMO });
      const { title } = await panelOf(story.page, [["Captured", "bad"], ["Sent", "wait"], ["Recorded", "wait"]]);
      assert.equal(title, "No tracker on this page");
    },
  },

  "says so when the edge is down, and when it is back": {
    visits: 1,
    async run(story) {
      story.network.strike({ match: /\/init$/, how: "cut" });
      await story.open(`/?${AD}`, { on: DEMO });
      await panelOf(story.page, [["Captured", "good"], ["Sent", "bad"], ["Recorded", "bad"]]);
      story.network.calm();
      await panelOf(story.page);
    },
    check: ({ visit }) => carriesAd(visit, 0),
  },

  "has a sample click for each network": {
    visits: Object.keys(SAMPLES).length + 1,
    engines: CHROMIUM,
    async run(story) {
      await story.open("/", { on: DEMO });
      await story.visited(1);
      await story.page.click("edgeway-panel .toggle");
      for (const name of Object.keys(SAMPLES)) {
        await story.page.leads(() => story.page.click(`edgeway-panel .samples a:text-is("${name}")`));
        const { title } = await panelOf(story.page);
        const platform = { Meta: "Facebook" }[name] ?? name;
        assert.equal(title, `${platform} click recorded`);
      }
    },
    check({ visits: [, ...sampled] }) {
      Object.values(SAMPLES).forEach((holds, index) => holds(sampled[index]));
    },
  },
};
