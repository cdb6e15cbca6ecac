// The edge in front of the landing page: it counts the page request itself, so the script only adds to that.
import assert from "node:assert/strict";
import { AD, CHROMIUM, EDGE, ONCE, SHOP, carriesAd } from "../harness/scenarios.mjs";
import { never, until } from "../harness/wait.mjs";
import { WEBSITE } from "../harness/world.mjs";

const page = (path = "/plain.html?notag&") => `${path}${AD}`;
const atEdge = ({ visit, story }) => {
  carriesAd(visit);
  if (story.backend === "ledger") assert.equal(visit.capturedBy, "edge");
};

/** A page whose script never runs, for whatever reason: the page request and the tap are counted. */
const scriptless = (prepare, more = {}) => ({
  scriptless: true,
  visits: 1,
  clicks: 1,
  async run(story) {
    prepare?.(story);
    await story.open(page(more.path), { on: SHOP });
    await story.join();
  },
  check: atEdge,
  ...more,
});

/** A page that has the tag already. */
const withTag = (tag, more = {}) => ({
  visits: 1,
  clicks: 1,
  tag,
  async run(story) {
    await story.open(undefined, { on: SHOP });
    await story.told("answered");
    await story.join();
  },
  check: atEdge,
  ...more,
});

const JOIN = `<a id="join" href="https://t.me/shopchannel">Join</a>`;
/** A page of this HTML, whose link is tapped. */
const given = (html, more = {}) => ({
  visits: 1,
  clicks: 1,
  engines: ONCE,
  async run(story) {
    story.world.site.pages = { "/given": { body: `<!doctype html><html><title>Given</title>${html}` }, "/framed": { body: `<title>Framed</title><p>${JOIN}` } };
    await story.open(page("/given?"), { on: SHOP });
    if (more.visitor?.javascript !== false) await story.told("answered");
    await story.join();
  },
  check: atEdge,
  ...more,
});

/** A single page that `move` moves on, which is a visit more, before its link is tapped; `outcome`: whether the page is the same still, and its address. */
const moved = (move, check) => ({
  visits: 2,
  clicks: 1,
  async run(story) {
    await story.open(page("/spa.html?notag&"), { on: SHOP });
    await story.visited(1);
    await move(story);
    await story.visited(2);
    const outcome = await story.page.eval(() => [window.marked, location.href]);
    await story.join();
    return outcome;
  },
  check,
});

/** A page whose service worker answers so, opened twice or more under it; `check` looks at all visits. */
const served = (answer, check, clicks = ["Second"]) => ({
  visits: clicks.length + 1,
  clicks: 1,
  async run(story) {
    const script = `addEventListener("activate", (event) => event.waitUntil(clients.claim()));
      addEventListener("fetch", (event) => { if (event.request.mode === "navigate") event.respondWith(${answer}) });`;
    story.world.site.pages = {
      "/given": { body: `<!doctype html><title>Given</title>${JOIN}<script>navigator.serviceWorker.register("/worker.js")</script>` },
      "/worker.js": { body: script, headers: { "content-type": "text/javascript" } },
    };
    await story.open(page("/given?"), { on: SHOP });
    await story.page.until(() => Boolean(navigator.serviceWorker.controller));
    for (const [at, click] of clicks.entries()) {
      await story.visited(at + 1);
      await story.open(`/given?fbclid=${click}`, { on: SHOP });
    }
    await story.told("answered");
    await story.join();
  },
  check,
});

/**
 * A page that fetches its own places by itself, as Turbo, htmx and Astro do, some already when a pointer comes near; as Gatsby's plugin does, also those
 * with the targets that in this window are the same.
 */
const fetched = (link) => ({
  visits: 1,
  clicks: 1,
  engines: ONCE,
  async run(story) {
    const script = `for (const type of ["mouseover", "click"]) addEventListener(type, (event) => {
        const link = event.target.closest?.("a[href]");
        if (link?.origin !== location.origin || !["", "_self", "_parent", "_top"].includes(link.target)) return;
        event.preventDefault();
        fetch(link.href).catch(() => {});
      });
      setTimeout(() => document.body.insertAdjacentHTML("beforeend", '<p><a id="added" href="https://t.me/shopchannel">Join</a>'), 300);`;
    story.world.site.pages = { "/given": { body: `<!doctype html><title>Given</title>${JOIN}<script>${script}</script>` } };
    await story.open(page("/given?"), { on: SHOP });
    await story.told("answered");
    await story.page.until((link) => document.querySelector(link)?.href.includes("tempId="), link);
    await story.join(link);
  },
  check: atEdge,
});

export const front = {
  "counts once, with its script": {
    visits: 1,
    clicks: 1,
    both: true,
    async run(story) {
      await story.open(page("/late-fbp.html?notag&"), { on: SHOP });
      await story.told("answered");
      const cookies = await story.page.cookies();
      await story.join();
      return cookies;
    },
    check({ visit, story, outcome: cookies }) {
      atEdge({ visit, story });
      assert.match(visit.fbp, /^fb\.1\.\d{13}\.\d{1,10}$/);
      assert.equal(cookies._fbp.value, visit.fbp);
      assert.equal(cookies._fbc.value, visit.fbc);
      assert.equal(cookies.adtarget_temp_id.value, visit.tempId);
      assert.ok(cookies.adtarget_temp_id.expires > Date.now() / 1000 + 364 * 86_400, "a year");
      assert.match(cookies.adtarget_temp_id.domain, /^\.?shop\.test$/);
    },
  },

  "has its consent withdrawn, and nothing of the edge's is left": {
    visits: 1,
    engines: ONCE,
    tag: { src: "/e/t.js", "data-consent": "required" },
    async run(story) {
      await story.open(page("/plain.html?"), { on: SHOP });
      await story.page.until(() => Boolean(window.edgeway?.ready));
      await story.page.eval(() => edgeway("consent", "granted"));
      await story.told("answered");
      assert.ok((await story.page.cookies())._fbp, "the edge has made one");
      await story.page.eval(() => edgeway("consent", "denied"));
      await story.network.quiet();
      assert.deepEqual(await story.page.cookies(), {});
    },
  },

  "leads on by itself, with JavaScript off": scriptless(null, {
    engines: CHROMIUM,
    visitor: { javascript: false },
    run: (story) => {
      story.world.site.pages = { "/given": { body: `<title>Given</title><meta http-equiv="refresh" content="0; url=https://t.me/shopchannel">` } };
      return story.joins(() => story.open(page("/given?"), { on: SHOP }));
    },
  }),
  "leads to Telegram by way of its own server": {
    scriptless: true,
    visits: 1,
    clicks: 1,
    engines: ONCE,
    async run(story) {
      story.world.site.pages = { "/given": { body: `<a id="join" href="/go">Join</a>` }, "/go": { status: 302, headers: { location: "https://t.me/shopchannel" }, body: "" } };
      await story.open(page("/given?"), { on: SHOP });
      await story.told("answered");
      await story.join();
    },
    check: atEdge,
  },
  "has JavaScript off": scriptless(null, { engines: CHROMIUM, visitor: { javascript: false } }),
  "has a policy against all scripts": scriptless(null, { path: "/plain.html?notag&csp=none&", both: true }),
  "has its script blocked": scriptless(({ network }) => network.strike({ match: /\/t(\.\w+)?\.js$/, how: "cut" })),

  "has a script that finds its links by what is in them": given(
    `${JOIN}<script>document.querySelectorAll('a[href*="t.me/"]').forEach((link) => (link.onclick = () => localStorage.setItem("tapped", 1)))</script>`,
    {
      async check({ visit, story }) {
        atEdge({ visit, story });
        const other = await story.tab();
        await story.open("/plain.html?notag", { on: SHOP, page: other });
        assert.equal(await other.eval(() => localStorage.getItem("tapped")), "1");
      },
    },
  ),
  "has its link for browsers without scripts alone": given(`<noscript>${JOIN}</noscript>`, { scriptless: true, visitor: { javascript: false } }),
  "has a page in a frame": given(`<iframe src="/framed"></iframe>${JOIN}`),
  "has a base elsewhere": given(`<base href="https://landing.test/assets/">${JOIN}`),

  "is tapped before its script is there": {
    scriptless: true,
    visits: 1,
    clicks: 1,
    async run(story) {
      story.network.strike({ match: /\/t(\.\w+)?\.js$/, how: "hold" });
      await story.open(page(), { on: SHOP, complete: false });
      await story.page.until(() => Boolean(document.querySelector("#join")));
      await story.join();
      story.network.calm();
    },
    check: atEdge,
  },

  "has a tag of its own": withTag({ src: "/e/t.js" }),
  // It leaves the edge's links on another host than its own alone.
  "has a tag of its own, from another host": withTag({}, { scriptless: true, engines: ONCE }),

  // As next/script does with a tag to run before the page, and tag managers: what the edge puts in comes too late.
  "has a tag that its script writes": given(
    `<script>document.write('<script src="${EDGE}/t.js" data-website-id="${WEBSITE}"></' + 'script>')</script>${JOIN}`,
    { scriptless: true, both: true },
  ),

  "has a service worker that hands on what the page asks for": served("fetch(event.request)", ({ visits: [, second] }) => assert.match(second.fbc, /\.Second$/)),
  "has a service worker that keeps the page": served(
    `caches.open("kept").then(async (kept) => (await kept.match(event.request, { ignoreSearch: true })) ?? fetch(event.request).then(async (page) => {
      await kept.put(event.request, page.clone());
      return page;
    }))`,
    ({ visits: [, , third], story }) => {
      assert.match(third.fbc, /\.Third$/);
      if (story.backend === "ledger") assert.equal(third.capturedBy, "page");
    },
    ["Second", "Third"],
  ),

  "had been fetched ahead": {
    visits: 2,
    clicks: 1,
    engines: ["chromium", "firefox"],
    async run(story) {
      const ahead = "/plain.html?notag&fbclid=Ahead";
      story.world.site.pages = { "/given": { body: `<!doctype html><title>Given</title><link rel="prefetch" href="${ahead}"><a id="next" href="${ahead}">next</a>` } };
      await story.open(page("/given?"), { on: SHOP });
      await story.visited(1);
      await until(() => story.network.requests.some(({ url, status }) => url.includes("Ahead") && status), "the page fetched ahead");
      await story.page.leads(() => story.page.click("#next"));
      await story.told("answered");
      await story.join();
    },
    check: ({ visits: [, second] }) => assert.match(second.fbc, /\.Ahead$/),
  },
  // As Astro, instant.page and quicklink do on hover or in view.
  "has its link fetched ahead by a <link>": given(JOIN, {
    engines: ["chromium", "firefox"],
    async run(story) {
      // So the tap leads to the very address that was fetched.
      const deaf = `<script>for (const type of ["mousedown", "focusin", "click"]) addEventListener(type, (event) => event.stopImmediatePropagation(), true)</script>`;
      story.world.site.pages = { "/given": { body: `<!doctype html><html><title>Given</title>${deaf}${JOIN}` } };
      await story.open(page("/given?"), { on: SHOP });
      await story.told("answered");
      const ahead = await story.page.eval(() => {
        const { href } = document.querySelector("#join");
        document.head.append(Object.assign(document.createElement("link"), { rel: "prefetch", href }));
        return href;
      });
      const fetched = () => story.network.requests.find(({ url, status }) => url === ahead && status)?.status;
      assert.equal(await until(fetched, "the link fetched ahead"), 204);
      await story.join();
    },
  }),
  "has a script that fetches what its links lead to": fetched("#join"),
  "has a script that fetches what its links lead to, whatever their target": given(
    // As swup and barba do: the address first, and by the browser where it leads elsewhere.
    `<script>addEventListener("click", async (event) => {
      const link = event.target.closest("a");
      event.preventDefault();
      history.pushState({}, "", link.href);
      const { ok } = await fetch(link.href).catch(() => ({}));
      if (!ok) location.assign(link.href);
    })</script>${JOIN}`,
  ),
  "has a script that fetches what its links lead to, those added later, too": fetched("#added"),

  "refuses wasm and its replacement": {
    engines: ONCE,
    visits: 1,
    clicks: 1,
    async run(story) {
      story.network.strike({ match: /core\.js/, how: "cut" });
      await story.open(page("/plain.html?notag&csp=self&"), { on: SHOP });
      assert.equal(await story.told("core"), "edge");
      await story.told("answered");
      await story.join();
    },
    check: atEdge,
  },

  "wants a nonce": {
    visits: 1,
    clicks: 1,
    async run(story) {
      await story.open(page("/plain.html?notag&csp=nonce&"), { on: SHOP });
      await story.told("answered");
      await story.join();
    },
    check: atEdge,
  },

  "has paths of the site's own where the edge has its short links": moved(
    async ({ page }) => {
      const shown = await page.eval(() => {
        window.marked = true;
        const link = document.body.appendChild(document.createElement("a"));
        link.href = "/c/shoes";
        link.onclick = (event) => event.preventDefault();
        link.click();
        history.pushState({}, "", link.href);
        const short = document.body.appendChild(document.createElement("a"));
        short.id = "short";
        short.href = "/e/c/vip";
        return [link.href, link.target];
      });
      assert.deepEqual(shown, [`${SHOP}/c/shoes`, ""]);
      // Under the edge's own prefix there is no such path.
      await page.until(() => /^\/e\/c\/vip\?eventId=.+tempId=/.test(document.querySelector("#short").href.slice(location.origin.length)));
    },
    ({ visits, outcome }) => {
      assert.deepEqual(outcome, [true, `${SHOP}/c/shoes`]);
      assert.equal(visits[1].href, `${SHOP}/c/shoes`);
    },
  ),

  "is moved inside": moved(
    ({ page }) => page.click("#push"),
    ({ visits: [loaded, pushed], click, story }) => {
      atEdge({ visit: loaded, story });
      assert.match(pushed.fbc, /\.Push1$/);
      if (story.backend === "ledger") assert.equal(click.visitId, pushed.visitId);
    },
  ),

  "is open in two tabs": {
    visits: 2,
    clicks: 1,
    engines: ONCE,
    async run(story) {
      await story.open(page(), { on: SHOP });
      await story.visited(1);
      await story.open("/plain.html?notag&fbclid=OtherTab", { on: SHOP, page: await story.tab() });
      await story.visited(2);
      await story.join();
    },
    check({ visit, click, story }) {
      atEdge({ visit, story });
      if (story.backend === "ledger") assert.equal(click.visitId, visit.visitId, "the click is of its own tab's visit");
    },
  },

  "is come back to": {
    visits: 3,
    clicks: 1,
    async run(story) {
      await story.open(page(), { on: SHOP });
      await story.visited(1);
      await story.page.leads(() => story.page.eval(() => void (location.href = "/plain.html?notag&second")));
      await story.visited(2);
      await story.page.back();
      await story.visited(3);
      await story.page.until(() => document.readyState === "complete" && location.search.includes("fbclid"));
      await story.join();
    },
    check({ visits: [first, , again], story }) {
      atEdge({ visit: first, story });
      carriesAd(again);
      assert.equal(again.tempId, first.tempId);
    },
  },

  "is prerendered, and shown later": {
    visits: 2,
    engines: CHROMIUM,
    prerendering: true,
    async run(story) {
      await story.open("/speculation.html?notag", { on: SHOP });
      await story.visited(1);
      await until(() => story.network.requests.filter(({ url }) => url.includes("prerendered")).length, "the prerendered page");
      await never(async () => (await story.world.visits()).length > 1, "a visit of a page not shown");
      await story.page.leads(() => story.page.click("#next"));
    },
    check: ({ visits }) => assert.match(visits[1].fbc, /\.Pre$/),
  },

  "is of a site that recorded somebody before": {
    engines: ONCE,
    visits: 2,
    async run(story) {
      await story.open();
      await story.visited(1);
      await story.open("/plain.html?notag&second", { on: SHOP });
      await story.told("answered");
      await story.visited(2);
    },
    check({ visits: [first, second] }) {
      assert.equal(second.tempId, first.tempId, "one visitor on every host of the site");
      assert.equal(second.clientSessionId, first.clientSessionId);
      assert.equal(second.fbc, first.fbc);
    },
  },
};
