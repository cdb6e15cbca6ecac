// The debugger that ?edgeway_debug=1 brings onto a page of one's own.
import assert from "node:assert/strict";
import { AD, LANDING, ONCE, WWW, carriesAd } from "../harness/scenarios.mjs";
import { panelOf } from "../harness/panel.mjs";

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
