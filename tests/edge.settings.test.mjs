// Settings, health, limits and static files, from outside.
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT, startEdge } from "./harness/edge.mjs";
import { API_KEY, BARE_WEBSITE, BROWSER, FALLBACK, WEBSITE, forBothBackends, only, page, startWorld } from "./harness/world.mjs";
import { earlyInAMinute, until } from "./harness/wait.mjs";

/** Starts an edge with nothing set but `vars`, calls `check` and ends it. */
async function withEdge(vars, check) {
  const edge = await startEdge({ bare: true, vars, origin: "https://edge.shop.test" });
  try {
    await check(edge);
  } finally {
    await edge.close();
  }
}

const OPERATOR_KEY = "an-operators-key-of-thirty-two-characters";

/** The settings that AdTarget's guide names, and one of ours. */
const GUIDE = { ADTARGET_WEBSITE_ID: "atid_guide", ADTARGET_CHANNEL_ID: "ch_guide", ADTARGET_API_KEY: API_KEY, SITE_DOMAINS: "shop.test", TELEGRAM_INVITE: "https://t.me/+Guide0000001" };

describe("settings", () => {
  it("under the names of AdTarget's guide are enough", () =>
    withEdge({ ...GUIDE, SITE_ORIGIN: "https://origin.shop.test" }, async (edge) => {
      const health = await edge.request("/healthz");
      assert.equal(health.status, 200, health.text);
      const told = page({ websiteId: "atid_guide" });
      assert.equal((await edge.request("/e/init", { method: "POST", body: told, headers: { "content-type": "text/plain" } })).status, 200);
      assert.equal((await edge.request("/e/invite?websiteId=atid_guide&channelId=ch_guide")).location, "https://t.me/+Guide0000001");
      await edge.drained();
      assert.equal(only(await edge.rows("SELECT href FROM visits")).href, told.href);
    }));

  it("may be booleans, numbers and JSON, as wrangler's [vars] can hold them", async () => {
    const site = { websiteId: "atid_json", domains: ["shop.test"], channels: [{ slug: "json", invite: "https://t.me/+Json00000001" }], platforms: [{ platform: "meta", pixelId: "1", token: "ASSETS" }] };
    await withEdge({ SITES: [site], SITE_ORIGIN: "https://origin.shop.test", RESPECT_GPC: true, EDGE_CAPTURE: false, RETENTION_DAYS: 0, PURCHASE_WINDOW_H: 12 }, async (edge) => {
      const { settings, problems } = (await edge.request("/healthz")).json();
      assert.deepEqual([settings.respectGpc, settings.edgeCapture], [true, false]);
      assert.deepEqual(problems.map(({ setting }) => setting), ["RETENTION_DAYS", "SITES"], "a number out of its range, and a binding that is no secret");
      assert.equal((await edge.request("/c/json")).location, "https://t.me/+Json00000001");
    });
  });

  it("of another prefix add its routes", () =>
    withEdge({ ...GUIDE, PREFIX: "/go-9" }, async (edge) => {
      const send = (path) => edge.request(path, { method: "POST", body: page({ websiteId: "atid_guide" }), headers: { "content-type": "text/plain" } });
      assert.equal((await send("/go-9/init")).status, 200);
      assert.equal((await send("/track/init")).status, 200);
      // The tracker that came from the root knows no other.
      assert.equal((await send("/e/init")).status, 200);
      assert.equal((await edge.request("/go-9/c/telegram")).status, 302);
      assert.equal((await edge.request("/go-9/t.js")).status, 200);
    }));

  it("that are wrong in one site lose no click, there or elsewhere", async () => {
    const to = encodeURIComponent("https://t.me/shopnews");
    const good = { websiteId: "atid_good", channels: [{ slug: "good", invite: "https://t.me/+Good00000001" }, { slug: "bad", mode: "personel" }] };
    await withEdge({ SITES: JSON.stringify([{ websiteId: "atid_bad", eventTyp: "Lead" }, good]) }, async (edge) => {
      const { problems } = (await edge.request("/healthz")).json();
      assert.deepEqual(problems.map(({ setting, message }) => `${setting} ${message.split(",")[0]}`).slice(0, 2), ["SITES [0] not the documented JSON: unknown field `eventTyp`", "SITES [1].channels[1] not the documented JSON: unknown variant `personel`"]);
      assert.equal((await edge.request("/c/good")).location, "https://t.me/+Good00000001");
      assert.equal((await edge.request(`/e/invite?websiteId=atid_bad&to=${to}`)).location, "https://t.me/shopnews");
      // As a page has it that the edge has decorated.
      for (const link of ["https://t.me/shopnews", "https://t.me/+Shop00000001"]) {
        assert.equal((await edge.request(`/c/bad?to=${link.replace("+", "%2B")}`)).location, link);
      }
      const nowhere = await edge.request("/c/bad", { headers: { accept: "text/html", "accept-language": "de" } });
      assert.equal(nowhere.status, 404);
      assert.match(nowhere.text, /<html lang="de"/);
    });
  });

  it("that switch an ad platform on without its secret say which one is missing", async () => {
    const problems = async (vars) => {
      let found;
      await withEdge(vars, async (edge) => (found = (await edge.request("/healthz")).json().problems));
      return found.map(({ setting, message }) => `${setting}: ${message}`);
    };
    assert.deepEqual(await problems({ ...GUIDE, META_PIXEL_ID: "1234" }), ["META_ACCESS_TOKEN: atid_guide: not set, and META_PIXEL_ID is: this secret goes with it"]);
    const site = { websiteId: "atid_good", channels: [{ slug: "good", invite: "https://t.me/+Good00000001" }], platforms: [{ platform: "meta", pixelId: "1234", token: "META_EU_TOKEN" }] };
    assert.deepEqual(await problems({ SITES: JSON.stringify([site]) }), ["SITES: atid_good: token: the secret META_EU_TOKEN, which meta is called with, is not set"]);
    // The account's secret by default is another account's.
    const numbered = { ...site, platforms: [{ platform: "meta", pixelId: "1234", token: 5 }] };
    assert.deepEqual(await problems({ SITES: JSON.stringify([numbered]), META_ACCESS_TOKEN: "another" }), ["SITES: atid_good: token: expected a text"]);
  });

  const wrong = {
    BACKEND: "postgres", PREFIX: "/a/b", SITES: "[{}", SITE_ORIGIN: "origin.shop.test/path", SITE_DOMAINS: "https://shop.test", COOKIE_DOMAIN: ".shop.test/",
    TELEGRAM_INVITE: "https://evil.test/+x", EDGE_CAPTURE: "perhaps", RESPECT_GPC: "perhaps", RESPECT_DNT: "perhaps", CHANNEL_SLUG: "a/b",
    CLICK_ID_PARAMETERS: "gc=gcl",
  };
  const wrongOfAdTarget = { ADTARGET_BASE_URL: "adtarget.io", ADTARGET_TIMEOUT_MS: "soon", DEFER_VISITS: "perhaps" };
  it("that are wrong are named at start and in /healthz, each, and the rest still works", async () => {
    for (const [vars, bad] of [[{}, wrong], [{ BACKEND: "adtarget" }, wrongOfAdTarget]]) {
      // EDGE_CAPTURE matters only where there is a site to capture.
      const rest = "SITE_ORIGIN" in bad ? Object.keys(bad).filter((name) => !["SITES", "EDGE_CAPTURE"].includes(name)) : Object.keys(bad);
      const settings = Object.fromEntries(rest.map((name) => [name, bad[name]]));
      await withEdge({ ...GUIDE, ...vars, ...settings }, async (edge) => {
        const health = await edge.request("/healthz");
        assert.equal(health.status, 503);
        const named = health.json().problems.map(({ setting }) => setting);
        for (const name of rest) {
          assert.ok(named.includes(name), `${name} in /healthz: ${named}`);
          assert.ok(edge.logs.some(({ message }) => message.includes(name)), `${name} in the log`);
        }
      });
    }
    for (const name of ["SITES", "EDGE_CAPTURE"]) {
      await withEdge({ ...GUIDE, SITE_ORIGIN: "https://origin.shop.test", [name]: wrong[name] }, async (edge) => {
        const health = await edge.request("/healthz");
        assert.equal(health.status, 503);
        assert.ok(health.text.includes(name), health.text);
      });
    }
  });

  it("are right where the edge is on another domain than the site's own server", () =>
    withEdge({ ...GUIDE, SITE_DOMAINS: "", SITE_ORIGIN: "https://myshop.pages.test", COOKIE_DOMAIN: "example.test" }, async (edge) => {
      assert.deepEqual((await edge.request("/healthz")).json().problems, []);
    }));

  it("that leave a channel without an invite name it, and its links lead where they led", async () => {
    const channels = [{ slug: "a", invite: "https://t.me/+a" }, { slug: "b", links: ["bchan"] }];
    await withEdge({ SITES: JSON.stringify([{ websiteId: "s", domains: ["s.test"], channels }]) }, async (edge) => {
      const { problems } = (await edge.request("/healthz")).json();
      assert.deepEqual(problems, [{ setting: "SITES", message: "invite: b of s has none: its clicks find no channel" }]);
      for (const path of ["/c/b?to=https://t.me/bchan", "/e/invite?to=https://t.me/bchan"]) {
        assert.equal((await edge.request(path, { headers: { referer: "https://s.test/" } })).location, "https://t.me/bchan", path);
        assert.equal((await edge.request(path, { headers: { referer: "https://evil.test/", "sec-fetch-site": "cross-site" } })).status, 404, "a link of nobody's page");
      }
      assert.equal((await edge.request("/c/b", { headers: { accept: "text/html" } })).status, 404);
    });
  });

  it("that go wrong together are named, in the log without being asked, and what can be served is", async () => {
    const site = (websiteId, domain, ...slugs) => ({ websiteId, domains: [domain], cookieDomain: "a.test", channels: slugs.map((slug, at) => ({ slug, invite: `https://t.me/+${slug}${at}` })) });
    const named = [
      "SITES: a: slug: expected one of its own, two channels are called x",
      "SITES: websiteId: expected one of its own, two sites are called a",
      "COOKIE_DOMAIN: a.test: expected a domain that one of the pages' is on, b.test",
    ];
    await withEdge({ SITES: JSON.stringify([site("a", "www.a.test", "x", "x"), site("a", "b.test", "y")]) }, async (edge) => {
      await edge.strike();
      for (const words of named) await until(() => edge.logs.some(({ message }) => message === `setting ${words}`), words);
      const health = await edge.request("/healthz");
      assert.equal(health.status, 503);
      assert.deepEqual(health.json().problems.map(({ setting, message }) => `${setting}: ${message}`), named);
      assert.deepEqual([(await edge.request("/c/x")).location, (await edge.request("/c/y")).location], ["https://t.me/+x0", "https://t.me/+y0"]);
    });
    await withEdge({ SITES: "[]" }, async (edge) => {
      assert.match((await edge.request("/healthz")).text, /SITES","message":"expected at least one site/);
      assert.equal((await edge.request(`/e/invite?websiteId=a&to=${encodeURIComponent("https://t.me/shopnews")}`)).location, "https://t.me/shopnews");
    });
  });

  it("of domains with a dot before them are named, and hold without it", () =>
    withEdge({ ...GUIDE, SITE_DOMAINS: ".shop.test", COOKIE_DOMAIN: ".shop.test" }, async (edge) => {
      assert.deepEqual((await edge.request("/healthz")).json().problems.map(({ setting }) => setting), ["SITE_DOMAINS", "COOKIE_DOMAIN"]);
      const visit = await edge.request("/e/init", { method: "POST", body: page({ websiteId: "atid_guide" }), headers: { "content-type": "text/plain" } });
      assert.equal(visit.status, 200, visit.text);
      assert.match(visit.headers["set-cookie"][0], /; domain=shop\.test/i);
    }));

  it("of a slug on two sites: on the edge's own host the page that was tapped says which is meant", async () => {
    const site = (name) => ({ websiteId: `atid_${name}`, domains: [`${name}.test`], channels: [{ slug: "vip", invite: `https://t.me/+Channel${name}` }] });
    await withEdge({ SITES: JSON.stringify([site("a"), site("b")]) }, async (edge) => {
      const table = [["edge.workers.test", "https://www.b.test/?x=1", "b"], ["edge.workers.test", "https://a.test/", "a"], ["edge.workers.test", "https://elsewhere.test/", "a"], ["edge.workers.test", "", "a"], ["b.test", "", "b"], ["b.test", "https://a.test/", "b"]];
      for (const [host, referer, name] of table) {
        assert.equal((await edge.request(`https://${host}/c/vip`, { headers: { referer, "user-agent": BROWSER } })).location, `https://t.me/+Channel${name}`, `${host} from ${referer}`);
      }
      await edge.drained();
      assert.deepEqual((await edge.rows("SELECT website_id FROM clicks")).map((row) => row.website_id.at(-1)).sort(), table.map(([, , name]) => name).sort());
    });
  });

  it("of the site's own server are shown to the operator alone", () =>
    withEdge({ ...GUIDE, SITE_ORIGIN: "https://origin.shop.test", OPERATOR_KEY }, async (edge) => {
      const anybodys = await edge.request("/healthz");
      assert.ok(!anybodys.text.includes("origin.shop.test"), anybodys.text);
      const operators = await edge.request("/healthz", { headers: { authorization: `Bearer ${OPERATOR_KEY}` } });
      assert.equal(operators.json().settings.siteOrigin, "https://origin.shop.test");
    }));

  it("missing altogether: it says so and does not fall over", () =>
    withEdge({}, async (edge) => {
      const health = await edge.request("/healthz");
      assert.equal(health.status, 503);
      assert.match(health.text, /ADTARGET_WEBSITE_ID/);
      assert.equal((await edge.request("/")).status, 200);
      assert.ok([400, 404].includes((await edge.request("/e/invite")).status));
    }));
});

forBothBackends("/healthz", (backend) => {
  let world;
  before(async () => (world = await startWorld({ backend, vars: { SITES: JSON.stringify([{ websiteId: WEBSITE, domains: ["shop.test"], channels: [{ slug: "main", invite: FALLBACK.main }] }]) } })));
  after(() => world.close());
  afterEach(() => world.reset());

  it("says what is configured and reachable, without a secret", async () => {
    const health = await world.edge.request("/healthz");
    assert.equal(health.status, 200, health.text);
    assert.match(health.headers["cache-control"] ?? "", /no-store/);
    const { backend: found, status, sites } = health.json();
    assert.deepEqual(found, { name: backend, reachable: true });
    assert.equal(status, "ok");
    assert.equal(only(sites).websiteId, WEBSITE);
    assert.ok(!health.text.includes("atk_live_") && !health.text.includes("MainFallback01"));
  });

  it("says what is not", async () => {
    await world.edge.fail({ d1: "fail" });
    world.adtarget.misbehave({ times: 5, cut: "arrival" });
    const health = await world.edge.request("/healthz");
    assert.equal(health.status, 503, health.text);
    assert.equal(health.json().backend.reachable, false);
  });

  it("takes GET and HEAD alone", async () => {
    assert.equal((await world.edge.request("/healthz", { method: "HEAD" })).status, 200);
    assert.equal((await world.edge.request("/healthz", { method: "POST" })).status, 405);
  });
});

describe("limits", () => {
  let world;
  before(async () => (world = await startWorld({ backend: "ledger", front: true, limits: { RATE_LIMIT_ADDRESS: 6, RATE_LIMIT_VISITOR: 3 } })));
  after(() => world.close());
  beforeEach(earlyInAMinute);

  const limited = (answer) => {
    assert.equal(answer.status, 429, answer.text);
    assert.equal(answer.json().error.code, "RATE_LIMITED");
    assert.match(answer.headers["retry-after"], /^[1-9]\d*$/);
    assert.equal(answer.headers["access-control-allow-origin"], "https://www.shop.test");
  };

  it("hold for an address, and for that one alone", async () => {
    const answers = [];
    for (let call = 0; call < 8; call++) answers.push(await world.init({}, { ip: "198.51.100.1" }));
    assert.deepEqual(answers.slice(0, 6).map(({ status }) => status), [200, 200, 200, 200, 200, 200]);
    answers.slice(6).forEach(limited);
    assert.equal((await world.init({}, { ip: "198.51.100.2" })).status, 200);
    assert.equal((await world.visits()).length, 7, "what was refused is not kept");
  });

  it("hold for a line by IPv6, whose addresses are all its owner's", async () => {
    const answers = [];
    for (let call = 0; call < 8; call++) answers.push(await world.init({}, { ip: `2001:db8:5:6:${call}::${call}` }));
    answers.slice(6).forEach(limited);
    assert.equal((await world.init({}, { ip: "2001:db8:5:7::1" })).status, 200);
    await world.edge.drained();
    await world.edge.clear();
  });

  it("hold for pages, which are served all the same, and whose tracker then tells of the visit", async () => {
    const open = () => world.edge.request("https://www.shop.test/plain.html", {
      ip: "198.51.100.3", headers: { "user-agent": BROWSER, accept: "text/html", "sec-fetch-dest": "document" },
    });
    const before = (await world.visits()).length;
    const pages = [];
    for (let page = 0; page < 8; page++) pages.push(await open());
    assert.ok(pages.every(({ status }) => status === 200));
    assert.deepEqual(pages.map(({ text }) => /data-visit=/.test(text)), [true, true, true, true, true, true, false, false]);
    assert.ok(pages.every(({ text }) => /data-website-id=/.test(text)));
    assert.equal(pages.at(-1).cookies.adtarget_temp_id, undefined);
    assert.equal((await world.visits()).length - before, 6);
  });

  it("hold for pages that a dead server is to have, whose visitors are told so all the same", async () => {
    await world.reset();
    world.site.pages["/dead"] = { status: 522, headers: {}, body: "error code: 522" };
    for (let page = 0; page < 8; page++) {
      const headers = { "user-agent": BROWSER, accept: "text/html", "sec-fetch-dest": "document" };
      assert.equal((await world.edge.request("https://www.shop.test/dead", { ip: "198.51.100.4", headers })).status, 502);
    }
    assert.equal((await world.visits()).length, 6);
  });

  it("hold for a visitor, wherever from", async () => {
    const tempId = randomUUID();
    const answers = [];
    for (let call = 0; call < 5; call++) answers.push(await world.init({ tempId }, { ip: `198.51.100.${20 + call}` }));
    assert.deepEqual(answers.slice(0, 3).map(({ status }) => status), [200, 200, 200]);
    answers.slice(3).forEach(limited);
  });

  it("can't be slipped by headers of one's own", async () => {
    for (let call = 0; call < 6; call++) await world.init({}, { ip: "198.51.100.50", headers: { "x-forwarded-for": `10.0.0.${call}`, "x-real-ip": `10.0.0.${call}` } });
    limited(await world.init({}, { ip: "198.51.100.50", headers: { "x-forwarded-for": "10.0.0.99" } }));
  });

  it("never keep a visitor from the channel", async () => {
    await world.reset();
    const tempId = randomUUID();
    for (let click = 0; click < 12; click++) {
      const answer = await world.invite({ tempId }, { ip: "198.51.100.77" });
      assert.equal(answer.status, 302);
      assert.equal(answer.location, FALLBACK.main);
    }
    assert.equal((await world.clicks()).length, 3, "those within the limit");
    const lines = () => world.edge.logs.filter(({ message }) => message.includes("a click beyond the rate limit went on to Telegram and was not kept"));
    await until(() => lines().length === 9, "each other one in the log");
  });
});

describe("files", () => {
  let world;
  let tracker;
  before(async () => {
    world = await startWorld();
    tracker = JSON.parse(await readFile(join(ROOT, "dist/www/tracker.json"), "utf8"));
  });
  after(() => world.close());
  const get = (path, origin = "https://www.shop.test") => world.edge.request(path, { headers: { origin } });

  it("of the tracker are the same under the root and the prefix, for the sites' origins", async () => {
    for (const name of ["t.js", tracker.file, tracker.core, "t.d.ts", "tracker.json", "panel.js"]) {
      const [root, prefixed] = [await get(`/${name}`), await get(`/e/${name}`)];
      assert.equal(root.status, 200, name);
      assert.equal(prefixed.text, root.text, name);
      assert.equal(root.headers["access-control-allow-origin"], "https://www.shop.test", name);
      assert.match(root.headers.vary, /origin/i);
      assert.equal((await get(`/${name}`, "https://evil.test")).headers["access-control-allow-origin"], undefined);
    }
  });

  it("are scripts by their type, and never sniffed", async () => {
    for (const name of ["t.js", tracker.file, tracker.core, "panel.js"]) {
      const { headers } = await get(`/${name}`);
      assert.match(headers["content-type"], /^(text|application)\/javascript/, name);
      assert.equal(headers["x-content-type-options"], "nosniff", name);
      assert.equal(headers["cross-origin-resource-policy"], "cross-origin", name);
    }
  });

  it("keep for good under the name of their hash, else for a while", async () => {
    for (const name of [tracker.file, tracker.core]) assert.match((await get(`/${name}`)).headers["cache-control"], /max-age=31536000.*immutable/, name);
    const { headers } = await get("/t.js");
    assert.ok(Number(/max-age=(\d+)/.exec(headers["cache-control"])[1]) <= 86_400);
    assert.doesNotMatch(headers["cache-control"], /immutable/);
    const missing = await get("/t.00000000deadbeef.core.js");
    assert.equal(missing.status, 404);
    assert.doesNotMatch(missing.headers["cache-control"] ?? "", /immutable|max-age=[1-9]/);
  });

  it("that a page names by an earlier version's hash are today's", async () => {
    const { status, text, headers } = await get("/t.00000000deadbeef.js");
    assert.deepEqual([status, text], [200, (await get("/t.js")).text]);
    assert.match(headers["cache-control"], /no-store/);
    assert.doesNotMatch(headers["cache-control"], /immutable|max-age=[1-9]/);
  });

  it("are what tracker.json says: name, hash, integrity, size", async () => {
    const { bytes } = await get(`/${tracker.file}`);
    const digest = (algorithm) => createHash(algorithm).update(bytes).digest("base64");
    assert.ok([`sha256-${digest("sha256")}`, `sha384-${digest("sha384")}`, `sha512-${digest("sha512")}`].includes(tracker.integrity), tracker.integrity);
    assert.ok(tracker.file.includes(tracker.hash));
    assert.equal(bytes.length, tracker.bytes.raw);
    assert.ok(tracker.bytes.brotli <= 8_192, `${tracker.bytes.brotli} bytes`);
    assert.equal((await get("/t.js")).text, bytes.toString("utf8"), "one file, two names");
  });

  it("answer a revalidation with 304, to be kept as long as before", async () => {
    for (const name of ["t.js", tracker.file, tracker.core, "tracker.json"]) {
      const { headers } = await get(`/${name}`);
      assert.ok(headers.etag);
      const again = await world.edge.request(`/${name}`, { headers: { "if-none-match": headers.etag } });
      assert.deepEqual([again.status, again.headers["cache-control"], again.headers.vary], [304, headers["cache-control"], headers.vary], name);
    }
  });

  it("take no POST", async () => {
    assert.equal((await world.edge.request("/t.js", { method: "POST" })).status, 405);
  });

  it("of the demo stand where no site does, and nothing else", async () => {
    const demo = await world.edge.request("/");
    assert.equal(demo.status, 200);
    assert.match(demo.headers["content-type"], /^text\/html/);
    for (const path of ["/wrangler.toml", "/migrations/0001_visits_and_clicks.sql", "/.dev.vars", "/..%2fwrangler.toml", "/nothing"]) {
      assert.equal((await world.edge.request(path)).status, 404, path);
    }
  });
});

describe("the worker", () => {
  let world;
  before(async () => (world = await startWorld({ front: true })));
  after(() => world.close());

  it("lets a site's pages read that a method is none, and caches know why", async () => {
    const headers = { origin: "https://www.shop.test" };
    for (const [method, path] of [["PUT", "/e/init"], ["POST", "/c/main"], ["POST", "/t.js"]]) {
      const answer = await world.edge.request(path, { method, headers });
      assert.deepEqual([answer.status, answer.headers["access-control-allow-origin"], answer.headers.vary], [405, headers.origin, "origin"], path);
    }
    assert.equal((await world.edge.request("/healthz", { method: "POST", headers })).headers["access-control-allow-origin"], undefined);
  });

  it("says that the page for no channel differs by language and origin", async () => {
    const answer = await world.invite({ websiteId: BARE_WEBSITE }, { headers: { accept: "text/html", "accept-language": "de; q = 0.1, fr;q=0.9", referer: "https://bare.test/", origin: "https://bare.test" } });
    assert.deepEqual([answer.status, answer.headers.vary], [404, "accept-language, origin"]);
    assert.match(answer.text, /<html lang="fr"/);
  });

  it("takes a short link with a slash behind it", async () => {
    for (const path of ["/c/vip/", "/e/c/vip/"]) assert.equal((await world.edge.request(path)).location, FALLBACK.vip, path);
  });

  it("answers malformed requests, and goes on", async () => {
    const odd = ["/%", "/%zz", "/c/%E0%A4%A", "/e/invite?%", "/e/invite?tempId=%00", "/c/main?" + "a=1&".repeat(3000), `/${"a/".repeat(2000)}`, "/c/\u00ff".normalize(), "/?fbclid=" + "x".repeat(12_000)];
    for (const path of odd) {
      const answer = await world.edge.request(`https://shop.test${encodeURI(path).replaceAll("%25", "%")}`);
      assert.ok(answer.status < 500, `${path.slice(0, 40)}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
    const cookies = ["", "=", ";;;", "adtarget_temp_id", "a=b; ".repeat(800), "edgeway_touch=%%%&&==", "\u00ff=\u00fe", "_fbc=fb.1.x; _fbp="];
    for (const cookie of cookies) {
      const answer = await world.init({}, { headers: { cookie: Buffer.from(cookie).toString("latin1") } });
      assert.equal(answer.status, 200, `${cookie.slice(0, 40)}: ${answer.text}`);
    }
    assert.equal((await world.init()).status, 200);
    assert.ok(!world.edge.logs.some(({ message }) => /panick/i.test(message)), "no panic");
  });
});
