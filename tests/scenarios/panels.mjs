// The debugger that ?edgeway_debug=1 brings onto a page of one's own.
import assert from "node:assert/strict";
import { AD, LANDING, ONCE, WWW, carriesAd } from "../harness/scenarios.mjs";
import { panelOf } from "../harness/panel.mjs";
import { ANOTHERS } from "./visits.mjs";

const HELD = [["Captured", "warn"], ["Sent", "wait"], ["Recorded", "wait"]];

/** Opens a page with the debugger, which must show that all went well, and touch nothing. */
const shown = (path, { on = WWW, ...more } = {}) => ({
  visits: 1,
  clicks: 1,
  async run(story) {
    await story.open(`${path}edgeway_debug=1&${AD}`, { on });
    const panel = await panelOf(story.page);
    await story.join();
    return panel;
  },
  check({ visit, outcome: panel }) {
    carriesAd(visit);
    assert.match(panel.title, /click recorded$/);
    assert.ok(panel.text.includes(visit.fbc));
    assert.match(panel.text, /https:\/\/t\.me\/shopchannel/);
  },
  ...more,
});

export const panels = {
  "on a page without a policy": shown("/plain.html?"),
  "under script-src 'self'": shown("/plain.html?csp=self&"),
  "under nonce and strict-dynamic": shown("/plain.html?csp=nonce&"),
  "under Trusted Types": shown("/plain.html?csp=types&"),
  "on another site than the edge's": shown("/plain.html?", { on: LANDING }),

  "behind another tool's tag with the same attribute": {
    engines: ONCE,
    visits: 0,
    tag: { "data-consent": "required" },
    head: ANOTHERS,
    async run(story) {
      await story.open(`/plain.html?edgeway_debug=1&${AD}`);
      const { steps } = await panelOf(story.page, HELD);
      assert.equal(steps[0][2], "Waiting for the visitor’s consent");
    },
  },

  "beside a tag whose consent is misspelt": {
    engines: ONCE,
    visits: 1,
    tag: { "data-consent": "Required", "data-gpc": "respect" },
    async run(story) {
      await story.open(`/plain.html?edgeway_debug=1&${AD}`);
      const { text } = await panelOf(story.page);
      assert.match(text, /data-consent="Required" does nothing: it knows one word, "required"/);
      assert.doesNotMatch(text, /data-gpc/);
    },
  },

  "on a page of 150 links, one of them chosen in a menu": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      await story.open(`/plain.html?edgeway_debug=1&${AD}`);
      await panelOf(story.page);
      const { log, renewed } = await story.page.eval(async () => {
        document.body.insertAdjacentHTML("beforeend", '<a href="https://t.me/chan_?">c</a> '.repeat(150).replace(/\?/g, () => Math.random()));
        const link = document.querySelector("#join");
        link.dispatchEvent(new FocusEvent("focusin", { bubbles: true, composed: true }));
        const before = link.href;
        link.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, composed: true, button: 2 }));
        const renewed = link.href !== before;
        link.dispatchEvent(new MouseEvent("auxclick", { bubbles: true, composed: true, button: 2 }));
        await new Promise(requestAnimationFrame);
        return { log: edgeway.log.map(({ type, data }) => `${type} ${data.to ?? ""}`), renewed };
      });
      assert.ok(renewed, "the click of the menu has an id of its own");
      for (const kept of ["captured ", "sent init", "answered init"]) assert.ok(log.includes(kept), `${kept}: ${log}`);
      assert.equal(log.length, 100);
      assert.ok(!log.includes("sent invite"), "nobody has gone there yet");
      const { text } = await panelOf(story.page);
      assert.doesNotMatch(text, /Tap on the Telegram link|Last tapped/);
    },
  },

  "not unless asked for": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      await story.open(`/plain.html?edgeway_debug=0&${AD}`);
      await story.visited();
      assert.equal(await story.page.eval(() => document.querySelector("edgeway-panel")), null);
      assert.ok(!story.network.requests.some(({ url }) => url.endsWith("/panel.js")));
    },
  },
};
