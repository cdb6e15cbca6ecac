// Runs the tables of tests/scenarios/ in a real browser: what a visitor does, and what must be kept of it, no more and no less.
import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { engines } from "./browsers.mjs";
import { BACKENDS, DEMO, EDGE, WEBSITE, startWorld } from "./world.mjs";
import { sleep, until } from "./wait.mjs";

export { DEMO, EDGE };

/** A landing page on the edge's own site, with the tag in it. */
export const WWW = "https://www.shop.test";
/** A landing page on another site, with the tag in it. */
export const LANDING = "https://landing.test";
/** The landing page behind the edge, which puts the tag in and counts the page request. */
export const SHOP = "https://shop.test";

export const CHROMIUM = ["chromium"];
/** Where only the tracker's own logic or the edge's is looked at, and no engine has a say. */
export const ONCE = CHROMIUM;
/** WPE's browser has one window and no tabs. */
export const WITH_TABS = ["chromium", "firefox", "webkitgtk"];

/** What an ad click carries in these tests, as a page's query. */
export const AD =
  "fbclid=IwAR0_Ad-Click&gclid=Cj0-Google&gbraid=0AAA_g&wbraid=Cl8_w&ttclid=E.C.P.TikTok&ScCid=snap-1&tgclid=tg_1" +
  "&utm_source=fb&utm_medium=paid+social&utm_campaign=%D0%9B%D0%B5%D1%82%D0%BE&utm_content=a%26b&utm_term=x%2By";
const CARRIED = {
  gclid: "Cj0-Google", gbraid: "0AAA_g", wbraid: "Cl8_w", ttclid: "E.C.P.TikTok", sccid: "snap-1", tgclid: "tg_1",
  utmSource: "fb", utmMedium: "paid social", utmCampaign: "Лето", utmContent: "a&b", utmTerm: "x+y",
};

/** Asserts that a visit has kept all that the ad click carried; `index` is Meta's subdomain index. */
export function carriesAd(visit, index = 1) {
  for (const [name, value] of Object.entries(CARRIED)) assert.equal(visit[name], value, name);
  const [, kept, ms] = /^fb\.(\d)\.(\d{13})\.IwAR0_Ad-Click$/.exec(visit.fbc) ?? [];
  assert.equal(kept, String(index), visit.fbc);
  assert.ok(Math.abs(Date.now() - ms) < 60_000, `fbc carries the click's own time: ${visit.fbc}`);
}

const attributes = (values) => Object.entries(values).map(([name, value]) => (value === true ? ` ${name}` : ` ${name}="${value}"`)).join("");
const tagOf = (values) => `<script${attributes({ async: true, src: `${EDGE}/t.js`, "data-website-id": WEBSITE, ...values })}></script>`;
export const TAG = tagOf({});

/** What a scenario has in its hands. */
class Story {
  constructor(engine, world, visitor, page) {
    Object.assign(this, { engine, backend: world.backend, world, network: world.network, visitor, page });
  }

  /** Opens a page in the first tab, or in `page`, and waits until it is complete. */
  async open(path = `/plain.html?${AD}`, { on = WWW, page = this.page, ...options } = {}) {
    await page.open(on + path, options);
  }

  /** Another tab of the same visitor. */
  tab() {
    return this.visitor.page();
  }

  /** Does something that leads into Telegram and waits until somebody has arrived there. */
  async joins(action) {
    const { arrivals } = this.world.telegram;
    const before = arrivals.length;
    await action();
    await until(() => arrivals.length > before, "an arrival at Telegram");
  }

  /** Clicks a link that leads into Telegram. */
  join(selector = "#join", { page = this.page, ...options } = {}) {
    return this.joins(() => page.click(selector, options));
  }

  /** Waits until so many visits are kept, and nothing is under way. */
  async visited(count = 1) {
    await until(async () => (await this.world.visits()).length >= count, `${count} visits kept`);
    await this.network.quiet();
  }

  /** The details of the tracker's event of this type, once it came. */
  told(type, page = this.page) {
    return page.until((wanted) => window.edgeway?.log?.findLast(({ type }) => type === wanted)?.data, type);
  }
}

/** What happened on the wire, for a failure's message. */
const trace = ({ requests }) => requests.map(({ method, url, status, body }) => `${method} ${url} → ${status}${body && ` ${body}`}`).join("\n").slice(-4_000);

const byTime = (a, b) => (a.atMs ?? 0) - (b.atMs ?? 0);

/** Asserts that exactly what the scenario says is kept, and that it hangs together. */
async function check(scenario, story, outcome) {
  const { world, network, visitor } = story;
  const { visits: made, clicks: clicked = 0, arrivals = clicked } = scenario;
  const kept = async () => ({ visits: (await world.visits()).toSorted(byTime), clicks: (await world.clicks()).toSorted(byTime) });
  const short = ({ visits, clicks }) => visits.length < made || clicks.length < clicked;
  await until(async () => !short(await kept()), "all kept").catch(() => {});
  await network.quiet();
  const { visits, clicks } = await kept();
  assert.equal(visits.length, made, `visits kept:\n${visits.map(({ visitId, href, fbc }) => `${visitId} ${href} ${fbc}`).join("\n")}`);
  assert.equal(clicks.length, clicked, `clicks kept:\n${clicks.map(({ clickId, inviteLink }) => `${clickId} ${inviteLink}`).join("\n")}`);
  assert.equal(world.telegram.arrivals.filter(({ speculative }) => !speculative).length, arrivals, `arrivals: ${JSON.stringify(world.telegram.arrivals)}`);
  for (const { referer } of world.telegram.arrivals) if (clicked) assert.equal(referer, undefined, "Telegram learns nothing of the page");
  for (const click of clicks) {
    const own = visits.filter(({ tempId, clientSessionId }) => tempId === click.tempId && clientSessionId === click.clientSessionId);
    assert.ok(own.length, `a click belongs to a visit: ${JSON.stringify({ click, visits })}`);
    if (story.backend === "ledger" && !scenario.scriptless) assert.ok(own.some(({ visitId }) => visitId === click.visitId), `the click names its visit: ${JSON.stringify({ click, visits })}`);
  }
  assert.deepEqual(world.adtarget.violations, []);
  assert.deepEqual(world.telegram.violations, []);
  assert.deepEqual(world.edge.deadLetters, []);
  assert.deepEqual(visitor.errors, [], "no script threw");
  await scenario.check?.({ visits, clicks, visit: visits[0], click: clicks[0], story, outcome });
}

/**
 * Describes the tables (`{what: {scenario's name: scenario}}`) for one engine. A scenario:
 * `visits`, `clicks` (none unless said), `arrivals` at Telegram (as many as clicks unless said): what has to come of it ·
 * `run(story)`: what the visitor does · `check({visits, clicks, visit, click, story, outcome})`: what else holds, `outcome` being what `run` gave ·
 * `tag`: attributes of the page's tag over the usual ones, `head`: what comes before it · `scriptless`: true where the tracker is not there to name
 * the visit in the link, so that the click is the visitor's latest visit's · `visitor`: `{phone, javascript}` · `wasm`, `cookies`: false where the browser has none · `prerendering`: true where it has to be ·
 * `engines`: where it runs, everywhere unless said · `both`: with AdTarget in engines other than Chromium too.
 * Chromium runs everything with both backends. The others run everything that an engine has a say in with the ledger, and with AdTarget only what
 * depends on when and how the edge answers: what the page sends is the same for both, and time is short.
 * `world` has options of startWorld.
 */
export function describeIn(name, tables, { backends = BACKENDS, world: options = { front: true } } = {}) {
  const engine = engines.find((each) => each.name === name);
  for (const backend of backends) {
    describe(`${name}, ${backend}`, { skip: engine.missing ?? false }, () => {
      let world;
      const browsers = new Map();
      const browser = (kind) => {
        const key = JSON.stringify(kind);
        if (!browsers.has(key)) browsers.set(key, engine.launch({ network: world.network, ...kind }));
        return browsers.get(key);
      };
      before(async () => {
        world = await startWorld({ backend, browsers: true, ...options });
      });
      after(async () => {
        // What is left of a browser or a server after that goes with the process.
        await Promise.race([Promise.all([...browsers.values()].map(async (each) => (await each).close())), sleep(15_000)]);
        await Promise.race([world?.close(), sleep(15_000)]);
      });

      for (const [what, table] of Object.entries(tables)) {
        const here = Object.entries(table).filter(([, { engines, both }]) => (engines?.includes(name) ?? true) && (backend === "ledger" || both || name === "chromium"));
        if (!here.length) continue;
        describe(what, () => {
          for (const [title, scenario] of here) {
            it(title, { timeout: 180_000 }, async () => {
              const { wasm, cookies, prerendering } = scenario;
              await world.reset();
              world.site.tag = (scenario.head ?? "") + tagOf(scenario.tag);
              const visitor = await (await browser({ wasm, cookies, prerendering })).visitor(scenario.visitor);
              try {
                const story = new Story(name, world, visitor, await visitor.page());
                await check(scenario, story, await scenario.run(story));
              } catch (error) {
                // A failed test prints the stack, which keeps the message that the error was made with.
                error.stack += `\n${trace(world.network)}`;
                throw error;
              } finally {
                world.network.calm();
                await visitor.leave();
                await world.network.quiet();
              }
            });
          }
        });
      }
    });
  }
}
