// Telegram links of every kind, opened in every way.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { AD, CHROMIUM, EDGE, ONCE, WITH_TABS, carriesAd } from "../harness/scenarios.mjs";
import { ROOT } from "../harness/edge.mjs";
import { CHANNELS, FALLBACK, WEBSITE } from "../harness/world.mjs";

/** What docs/page.md gives to pages that want a tap before the script counted, made out to this edge. */
const described = await readFile(`${ROOT}docs/page.md`, "utf8");
const EARLY = /<script>\naddEventListener\('click'.*?<\/script>/s.exec(described)[0].replace("https://edge.example.com", EDGE).replace("atid_…", WEBSITE);

/** A page's link opened in some way: one visit, one click. */
const opened = (how, more = {}) => ({
  visits: 1,
  clicks: 1,
  async run(story) {
    await story.open(`/${more.fixture ?? "plain"}.html?${AD}`);
    await how(story);
  },
  check({ visit, click, story }) {
    carriesAd(visit);
    const [main, vip] = CHANNELS;
    const slug = more.channel ?? "main";
    if (story.backend === "adtarget") return assert.equal(click.channelId, { main, vip }[slug]);
    assert.equal(click.channel, slug);
    assert.equal(`https://${story.world.telegram.arrivals[0].host}${story.world.telegram.arrivals[0].path}`, FALLBACK[slug]);
  },
  ...more,
});

/** Engines that tell a page of a navigation before it begins; WebKit does since Safari 26.2. */
const WITH_NAVIGATION = ["chromium", "firefox"];

/** The tracker has led the link to the edge. */
const led = (story, selector) => story.page.until((link, edge) => document.querySelector(link)?.href.startsWith(`${edge}/e/`), selector, EDGE);

export const links = {
  "that the page's own script finds by what is in it": opened(
    async (story) => {
      await led(story, "#join");
      assert.equal(await story.page.eval(() => document.querySelectorAll('a[href*="t.me/shopchannel"]').length), 2);
      await story.join();
    },
    { engines: ONCE },
  ),
  "with a start payload": opened((story) => story.join("#start"), { engines: ONCE }),
  "with its name before the host": opened(
    async (story) => {
      await story.page.eval(() => {
        const addresses = ["https://w.t.me/", "https://www.t.me/", "https://share.t.me/url?url=x", "https://shopvip.t.me.shop.test/", "https://t.me.shop.test/shopvip", "https://a.shopvip.t.me/"];
        document.querySelector("h1").innerHTML = addresses.map((address) => `<a class="other" href="${address}">other</a> `).join("");
        document.querySelector("#join").href = "https://ShopVIP.t.me";
      });
      await led(story, "#join");
      assert.equal(await story.page.eval(() => document.querySelectorAll(".other[data-edgeway-href]").length), 0, "no other host");
      await story.join();
    },
    { channel: "vip", engines: ONCE },
  ),
  "of the app's own kind": opened((story) => story.join("#vip"), { channel: "vip" }),
  "opened by the keyboard": opened((story) => story.joins(() => story.page.enter("#join"))),
  "opened in a new tab, by a child of the link": opened((story) => story.join("#blank b"), { engines: WITH_TABS }),
  "opened in a new tab by the middle button": opened((story) => story.join("#join", { button: 1 })),
  "opened in a new tab with Control": opened((story) => story.join("#join", { control: true })),
  "opened by a double click": opened((story) => story.join("#join", { double: true }), { engines: CHROMIUM }),
  "opened by a script": opened((story) => story.join("#opens"), { fixture: "links", engines: WITH_TABS }),
  "there from the start": opened((story) => story.join("#existing"), { fixture: "links", engines: ONCE }),

  "added later": opened(
    async (story) => {
      await led(story, "#added");
      await story.join("#added");
    },
    { fixture: "links", channel: "vip" },
  ),
  "added later, deep in other elements": opened(
    async (story) => {
      await led(story, "#nested");
      await story.join("#nested");
    },
    { fixture: "links" },
  ),
  "changed later": opened(
    async (story) => {
      await led(story, "#changes");
      await story.join("#changes");
    },
    { fixture: "links" },
  ),
  "changed in the click's own handler": opened((story) => story.join("#handler"), { fixture: "links", channel: "vip" }),
  "on a page whose events tell no list of what they came through": opened(
    async (story) => {
      await story.page.eval(() => {
        const paths = [undefined, {}];
        Event.prototype.composedPath = () => paths.reverse()[0];
      });
      await story.join();
    },
    { engines: ONCE },
  ),
  "in a shadow root": opened((story) => story.joins(() => story.page.eval(() => document.querySelector("#shade").shadowRoot.querySelector("a").click())), { fixture: "links" }),

  "of the edge's own short kind, with a fragment": opened(async (story) => {
    await story.page.eval((href) => void (document.querySelector("#join").href = href), `${EDGE}/c/vip#join`);
    await story.page.until(() => document.querySelector("#join").href.includes("eventId="));
    await story.join();
  }, { channel: "vip", engines: ONCE }),

  ...Object.fromEntries(
    ["assigns", "fragment", "replaces", "later", "form", "post", "card"].map((way) => [`that is none, or not alone: ${way}`, opened((story) => story.join(`#${way}`), { fixture: "ways", engines: WITH_NAVIGATION })]),
  ),
  "that is none: the page leads on by itself": opened(
    (story) => story.joins(() => story.page.eval(() => {
      const refresh = document.createElement("meta");
      Object.assign(refresh, { httpEquiv: "refresh", content: "1; url=https://t.me/shopchannel" });
      document.head.append(refresh);
    })),
    { engines: WITH_NAVIGATION },
  ),
  "in a closed shadow root": opened((story) => story.join("#closed"), { fixture: "ways", engines: WITH_NAVIGATION }),
  ...Object.fromEntries(
    ["support", "opens-support", "chat", "focuses"].map((way) => [
      `that is none, and is to stay as it is: ${way}`,
      {
        visits: 1,
        arrivals: 1,
        engines: ONCE,
        async run(story) {
          await story.open(`/ways.html?${AD}`);
          await story.told("answered");
          await story.join(`#${way}`);
        },
        check: ({ story }) => assert.equal(story.world.telegram.arrivals[0].path, "/shopsupport"),
      },
    ]),
  ),

  "that is to stay as it is from now on": {
    visits: 1,
    arrivals: 1,
    engines: ONCE,
    async run(story) {
      await story.open();
      await led(story, "#join");
      await story.page.eval(() => document.querySelector("#join").setAttribute("data-edgeway", "off"));
      await story.join();
    },
    check: ({ story }) => assert.equal(story.world.telegram.arrivals[0].path, "/shopchannel"),
  },

  "that another script minds, too": opened(async (story) => {
    await led(story, "#join");
    await story.told("answered");
    await story.page.eval(() => {
      const link = document.querySelector("#join");
      window.minded = 0;
      const mind = () => {
        if (/utm_medium/.test(link.href) || ++minded > 9) return;
        link.href += "&utm_medium=site";
      };
      new MutationObserver(mind).observe(link, { attributes: true });
      mind();
    });
    await story.network.quiet();
    assert.equal(await story.page.eval(() => minded), 1, "neither undoes what the other does");
    await story.join();
  }, { engines: ONCE }),

  "opened in two new tabs by an icon in it": {
    visits: 1,
    clicks: 2,
    engines: CHROMIUM,
    async run(story) {
      await story.open();
      await story.page.eval(() => {
        document.querySelector("#blank").innerHTML = '<svg width="60" height="60"><symbol id="i" viewBox="0 0 9 9"><rect width="9" height="9"/></symbol><use href="#i"/></svg>';
      });
      await story.join("#blank svg");
      await story.join("#blank svg");
    },
  },

  "opened in two new tabs, one after the other": {
    visits: 1,
    clicks: 2,
    engines: CHROMIUM,
    async run(story) {
      await story.open();
      await story.join("#blank");
      await story.join("#blank");
    },
  },

  "that is no channel": {
    visits: 1,
    arrivals: 1,
    async run(story) {
      await story.open();
      await story.page.eval(() => void document.body.insertAdjacentHTML("beforeend", '<a id="msg" href="https://t.me/msg?text=hi">Tell</a> <a id="msgs" href="https://t.me/msgs">Chat</a>'));
      await led(story, "#msgs");
      assert.equal(await story.page.eval(() => document.querySelector("#msg").href), "https://t.me/msg?text=hi");
      await story.join("#share");
    },
    check: ({ story }) => assert.equal(story.world.telegram.arrivals[0].path, "/share/url?url=https%3A%2F%2Fshop.test%2F"),
  },

  "tapped before the script is there, where the page has the documented lines": {
    visits: 1,
    clicks: 1,
    scriptless: true,
    head: EARLY,
    async run(story) {
      story.network.strike({ match: /\/t\.js$/, how: "hold" });
      await story.open(undefined, { complete: false });
      await story.page.until(() => Boolean(document.querySelector("#join")));
      await story.page.leads(() => story.page.click("#join"));
      story.network.calm();
      await story.open();
    },
    check({ visit, click, story }) {
      carriesAd(visit);
      assert.equal(story.backend === "ledger" ? click.channel : click.channelId, story.backend === "ledger" ? "main" : CHANNELS[0]);
      // No visit was told by then: the page's address has the ad.
      if (story.backend === "ledger") assert.deepEqual([click.ttclid, click.sccid, click.utmSource], [visit.ttclid, visit.sccid, visit.utmSource]);
    },
  },

  "tapped before the script is there, and again": {
    visits: 1,
    clicks: 2,
    scriptless: true,
    engines: WITH_TABS,
    head: EARLY,
    async run(story) {
      story.network.strike({ match: /\/t\.js$/, how: "hold" });
      await story.open(undefined, { complete: false });
      await story.page.until(() => Boolean(document.querySelector("#share")));
      await story.join("#blank");
      await story.page.until(() => document.querySelector("#blank").href === "https://telegram.me/shopchannel");
      const followed = await story.page.eval(() => {
        document.querySelector("h1").innerHTML = '<a href="https://t.me/addstickers/Animals">stickers</a> <i data-edgeway="off"><a href="https://t.me/support">support</a></i> <a href="https://t.me/additive">additive</a> <a href="https://share.t.me/">share</a> <a href="https://additive.t.me">additive</a>';
        const followed = [];
        const stay = (event) => followed.push(event.target.hostname) && event.preventDefault();
        addEventListener("click", stay);
        document.querySelectorAll("h1 a, #share").forEach((link) => link.click());
        removeEventListener("click", stay);
        document.querySelector("h1").remove();
        return followed;
      });
      assert.deepEqual(followed, ["t.me", "t.me", "edge.shop.test", "share.t.me", "edge.shop.test", "t.me"]);
      await story.page.front();
      story.network.calm();
      await led(story, "#blank");
      await story.visited();
      await story.join("#blank");
    },
  },

  "asked for by the page": {
    visits: 1,
    clicks: 1,
    async run(story) {
      await story.open();
      await story.page.eval(() => {
        const link = document.body.appendChild(document.createElement("a"));
        link.id = "made";
        link.textContent = "made";
        link.href = edgeway("invite", { channel: "vip" }, (told) => (link.title = told));
      });
      const [href, title] = await story.page.eval(() => [document.querySelector("#made").href, document.querySelector("#made").title]);
      await story.join("#made");
      return { href, title };
    },
    check({ click, story, outcome: { href, title } }) {
      assert.equal(title, href, "the callback is told the same");
      assert.equal(story.backend === "ledger" ? click.channel : click.channelId, story.backend === "ledger" ? "vip" : CHANNELS[1]);
    },
  },

  "asked for before the script is there": {
    visits: 1,
    clicks: 1,
    async run(story) {
      story.network.strike({ match: /\/t\.js$/, how: "hold" });
      await story.open(`/commands.html?${AD}`, { complete: false });
      await story.page.until(() => Boolean(window.edgeway && document.querySelector("#join")));
      await story.page.eval(() => {
        const link = document.querySelector("#join");
        edgeway("invite", {}, (invite) => {
          link.href = invite;
          link.id = "invited";
        });
      });
      story.network.calm();
      await story.page.until(() => Boolean(document.querySelector("#invited")));
      await story.join("#invited");
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "with the channel of the tag": {
    engines: ONCE,
    visits: 1,
    clicks: 1,
    tag: { "data-channel": "vip" },
    async run(story) {
      await story.open();
      await story.join("#join");
    },
    check: ({ click, story }) => assert.equal(story.backend === "ledger" ? click.channel : click.channelId, story.backend === "ledger" ? "vip" : CHANNELS[1]),
  },
};
