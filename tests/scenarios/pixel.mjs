// Telegram Ads' pixel: what a page says to `tgp` arrives at Telegram, once, as the visitor's own.
import assert from "node:assert/strict";
import { AD, EDGE, LANDING, ONCE, SHOP, WWW } from "../harness/scenarios.mjs";
import { until } from "../harness/wait.mjs";

const PIXEL = "aGnVh4yo";
const EVENT = `${PIXEL}-ilGRYPNJ`;
const DAYS = 86_400;
/** Words that filter lists look for in addresses. */
const FILTERED = /pxl|pixel|tgp|track|adtarget|analytic|collect|beacon|telemetry|metric|stats/i;

/** What Telegram was told, a word each: `init <pixel>` or `event <event>`. */
const words = ({ world }) => world.telegram.pixel.map(({ e, p }) => (e ? `event ${e}` : `init ${p}`));

/** Waits until Telegram was told so often, and nothing more is under way. */
async function told(story, count) {
  const { telegram, edge } = story.world;
  await until(() => telegram.pixel.length >= count, `${count} calls at Telegram`);
  await story.network.quiet();
  await edge.drained();
  return telegram.pixel;
}

const say = (story, ...call) => story.page.eval((args) => void tgp(...args), call);

/** A page with the pixel, and what the calls that its snippet made before the load have become. */
const calledEarly = (path = "/pixel.html?", { on = WWW, check, prepare, ...more } = {}) => ({
  visits: 1,
  async run(story) {
    prepare?.(story);
    await story.open(`${path}${AD}`, { on });
    const calls = await told(story, 2);
    return { calls, page: await story.page.eval(() => ({ order: JSON.stringify(order), agent: navigator.userAgent, href: location.href, log: edgeway.log })) };
  },
  async check({ story, outcome: { calls, page } }) {
    assert.deepEqual(words(story).toSorted(), [`event ${EVENT}`, `init ${PIXEL}`]);
    const event = calls.find(({ e }) => e);
    for (const { c, t, l, headers } of calls) {
      assert.equal(c, "tg_1");
      assert.ok(Math.abs(Date.now() - t) < 60_000);
      assert.equal(l, page.href);
      assert.equal(headers["user-agent"], page.agent);
      assert.equal(headers.origin, on);
      assert.ok(headers.referer.startsWith(on));
    }
    assert.deepEqual({ ...event, c: 0, t: 0, l: 0, headers: 0 }, { e: EVENT, value: "9.99", currency: "EUR", "é&=": "a b+c", c: 0, t: 0, l: 0, headers: 0 });
    assert.equal(page.order, '{"value":9.99,"currency":"EUR","é&=":"a b+c"}', "the page's own object is as it was");
    assert.ok(!page.log.some(({ type, data }) => type === "failed" && data.to === "mark"));
    await check?.(story);
  },
  ...more,
});

/** A page on which nothing is told. */
const untold = (tag, { path = "/pixel.html?", before, ...more } = {}) => ({
  visits: 0,
  tag,
  async run(story) {
    await story.open(`${path}${AD}`);
    await before?.(story);
    await say(story, "event", EVENT);
    await story.network.quiet();
    assert.deepEqual(words(story), []);
    assert.deepEqual(await story.page.eval(() => [document.cookie, ...Object.keys(localStorage)]), [""]);
  },
  ...more,
});

/** A visit from an ad, then a later one without, of whose keeping `forget` leaves one half; its event still names the click. */
const later = (forget, more = {}) => ({
  engines: ONCE,
  visits: 2,
  async run(story) {
    await story.open(`/plain.html?tgclid=tg%2B_1`, { on: LANDING });
    await story.visited();
    const { _tgclid: cookie } = await story.page.cookies();
    assert.equal(cookie.value, "tg%2B_1", "as Telegram's own script writes it");
    assert.ok(Math.abs(cookie.expires - Date.now() / 1_000 - 30 * DAYS) < 600);
    assert.equal(await story.page.eval(() => localStorage._tgclid), "tg+_1");
    await story.page.eval(forget);
    await story.open("/plain.html?later", { on: LANDING });
    await story.visited(2);
    assert.equal((await story.page.cookies())._tgclid?.expires, forget.toString().includes("cookie") ? undefined : cookie.expires, "a later visit prolongs nothing");
    await story.page.eval(() => edgeway.ready.then(() => void tgp("event", "aGnVh4yo-ilGRYPNJ")));
    const [call] = await told(story, 1);
    assert.equal(call.c, "tg+_1");
  },
  ...more,
});

export const pixel = {
  "called before the load": calledEarly("/pixel.html?", { both: true }),
  "called before the load, on another site than the edge's": calledEarly("/pixel.html?", { on: LANDING }),
  "called before the load, behind the edge": calledEarly("/pixel.html?", {
    on: SHOP,
    async check({ page }) {
      const { _tgclid: cookie } = await page.cookies();
      assert.equal(cookie.value, "tg_1");
    },
  }),
  "called through a wrapper that turns calls into pushes": calledEarly("/pixel.html?wrapped&", { engines: ["chromium", "firefox"] }),
  "called where no beacon is": calledEarly("/pixel.html?nobeacon&"),
  "called where no cookie is": calledEarly("/pixel.html?", { cookies: false, engines: ["chromium", "firefox"] }),
  "called behind an ad blocker": calledEarly("/pixel.html?", {
    prepare: ({ network }) => network.strike({ match: (url) => url.hostname.startsWith("edge") && FILTERED.test(url.pathname), how: "cut" }),
  }),

  "asked for as an image": {
    visits: 0,
    tag: { "data-auto": "off" },
    async run(story) {
      await story.open("/plain.html?");
      const size = await story.page.eval(async (src) => {
        const image = new Image();
        image.src = src;
        await image.decode();
        return [image.naturalWidth, image.naturalHeight];
      }, `${EDGE}/pxl?p=aGnVh4yo&t=1790000000000&l=${WWW}/plain.html`);
      assert.deepEqual(size, [1, 1]);
      await told(story, 1);
      assert.deepEqual(words(story), [`init ${PIXEL}`]);
    },
  },

  "called on a page where no core runs": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      await story.open(`/plain.html?csp=bare&${AD}`);
      await story.visited();
      await story.page.eval(() => void tgp("event", "aGnVh4yo-ilGRYPNJ"));
      const [call] = await told(story, 1);
      assert.equal(call.c, "tg_1", "the edge finds it in the page's address");
    },
  },

  "of two snippets, and of two pixels": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      await story.open(`/pixel.html?${AD}`);
      await told(story, 2);
      for (const id of [PIXEL, "bHoWi5zp", PIXEL, "bHoWi5zp"]) await say(story, "init", id);
      await say(story, "event", EVENT);
      await say(story, "event", EVENT);
      await told(story, 5);
      assert.deepEqual(words(story).toSorted(), [`event ${EVENT}`, `event ${EVENT}`, `event ${EVENT}`, `init ${PIXEL}`, "init bHoWi5zp"]);
    },
  },

  "called for what it is not": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      await story.open("/plain.html?");
      await story.visited();
      await say(story, "purchase", EVENT);
      assert.deepEqual(await story.told("failed"), { to: "tgp", why: "purchase" });
      await story.network.quiet();
      assert.deepEqual(words(story), []);
    },
  },

  "without a snippet, once the tracker runs": {
    engines: ONCE,
    visits: 0,
    tag: { "data-auto": "off" },
    async run(story) {
      await story.open(`/plain.html?${AD}`);
      await story.page.eval(() => edgeway.ready.then(() => void tgp("event", "aGnVh4yo-ilGRYPNJ", { value: 1 })));
      const [call] = await told(story, 1);
      assert.deepEqual([call.e, call.value, call.c], [EVENT, "1", "tg_1"]);
    },
  },

  "that Telegram's own script has taken first": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      await story.open(`/pixel.html?theirs&${AD}`);
      await story.visited();
      await say(story, "event", EVENT);
      await story.network.quiet();
      assert.deepEqual(words(story), [], "each call is told once, by one of both");
      assert.deepEqual(await story.page.eval(() => telegrams.map(([command]) => command)), ["init", "event", "event"]);
    },
  },

  "that Telegram's own script finds taken": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      await story.open(`/pixel.html?${AD}`);
      await told(story, 2);
      assert.equal(await story.page.eval(() => Boolean(tgp && tgp.run)), true, "by this it knows to leave");
    },
  },

  "called in the tick in which the page is left": {
    visits: 1,
    async run(story) {
      await story.open(`/pixel.html?${AD}`);
      await told(story, 2);
      await story.page.leads(() => story.page.click("#leave"));
      const calls = await told(story, 3);
      assert.equal(calls.find(({ e }) => e === `${PIXEL}-Leaving1`).c, "tg_1");
    },
  },

  "on a later visit, by the cookie": later(() => void localStorage.removeItem("_tgclid")),
  "on a later visit, by what is stored": later(() => void (document.cookie = "_tgclid=; path=/; domain=landing.test; max-age=0")),

  "on a later visit, behind the edge": {
    engines: ONCE,
    visits: 2,
    async run(story) {
      await story.open("/plain.html?notag&tgclid=tg_1", { on: SHOP });
      await story.visited();
      const { _tgclid: cookie } = await story.page.cookies();
      assert.equal(cookie.value, "tg_1");
      assert.ok(Math.abs(cookie.expires - Date.now() / 1_000 - 30 * DAYS) < 600);
      await story.open("/plain.html?notag&later", { on: SHOP });
      await story.visited(2);
      assert.equal((await story.page.cookies())._tgclid.expires, cookie.expires, "a later visit prolongs nothing");
      await story.page.eval(() => edgeway.ready.then(() => void tgp("event", "aGnVh4yo-ilGRYPNJ")));
      const [call] = await told(story, 1);
      assert.equal(call.c, "tg_1");
    },
  },

  "where consent is required and not given": untold({ "data-consent": "required" }),
  "where consent is required and denied": untold({ "data-consent": "required" }, { before: ({ page }) => page.eval(() => edgeway("consent", "denied")), engines: ONCE }),
  "where Global Privacy Control is respected": { ...untold({ "data-gpc": "respect" }, { path: "/signals.html?gpc&" }) },
  "where Do Not Track is respected": { ...untold({ "data-dnt": "respect" }, { path: "/signals.html?dnt&", engines: ONCE }) },

  "where consent is given later": {
    visits: 1,
    tag: { "data-consent": "required" },
    async run(story) {
      await story.open(`/pixel.html?${AD}`);
      const before = Date.now();
      await story.network.quiet();
      assert.deepEqual(words(story), []);
      await story.page.eval(() => edgeway("consent", "granted"));
      const calls = await told(story, 2);
      assert.ok(calls.every(({ t, c }) => t <= before && c === "tg_1"), "each with the time of its call");
    },
  },

  "where consent is denied, then given, then withdrawn": {
    engines: ONCE,
    visits: 1,
    tag: { "data-consent": "required" },
    async run(story) {
      await story.open(`/pixel.html?${AD}`);
      await story.page.eval(() => {
        edgeway("consent", "denied");
        tgp("event", "aGnVh4yo-WhenDeny");
        edgeway("consent", "granted");
        tgp("init", "aGnVh4yo");
        tgp("event", "aGnVh4yo-WhenGave");
      });
      await told(story, 2);
      await story.visited();
      await story.page.eval(() => {
        edgeway("consent", "denied");
        tgp("event", "aGnVh4yo-WhenDeny");
      });
      await story.network.quiet();
      assert.deepEqual(words(story).toSorted(), [`event ${PIXEL}-WhenGave`, `init ${PIXEL}`]);
      assert.deepEqual(await story.page.eval(() => [document.cookie, ...Object.keys(localStorage)]), [""]);
    },
  },

  "that Telegram does not take at first": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      story.world.telegram.misbehave({ status: 500 }, 3);
      await story.open(`/pixel.html?${AD}`);
      await told(story, 2);
      assert.deepEqual(words(story).toSorted(), [`event ${EVENT}`, `init ${PIXEL}`]);
      const { tried } = story.world.telegram;
      assert.equal(new Set(tried).size, 2, "each says the same every time, its own time included");
    },
  },
};
