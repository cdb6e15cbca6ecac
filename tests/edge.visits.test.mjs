// POST init and update-fbp, from outside: what is answered, what is kept, what is refused.
import { after, afterEach, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { API_KEY, BROWSER, CHANNELS, WEBSITE, forBothBackends, only, page, startWorld } from "./harness/world.mjs";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const INIT_PATHS = ["/backend/track/init", "/track/init", "/e/init"];
const FBP_PATHS = ["/backend/track/update-fbp", "/track/update-fbp", "/e/update-fbp"];

/** Asserts a refusal in AdTarget's form. */
function refused(answer, status, code, word = "") {
  assert.equal(answer.status, status, answer.text);
  const { error } = answer.json();
  assert.equal(error.code, code, answer.text);
  assert.ok(error.message.includes(word), error.message);
  assert.match(answer.headers["content-type"], /^application\/json/);
}

forBothBackends("a visit", (backend) => {
  let world;
  before(async () => (world = await startWorld({ backend })));
  after(() => world.close());
  afterEach(() => world.reset());

  for (const path of INIT_PATHS) {
    for (const type of ["application/json", "text/plain", "text/plain;charset=UTF-8", "Application/JSON; charset=utf-8"]) {
      it(`is taken by ${path} as ${type}`, async () => {
        const eventId = randomUUID();
        const answer = await world.init({ eventId }, { path, headers: { "content-type": type } });
        assert.equal(answer.status, 200, answer.text);
        const ids = answer.json();
        assert.match(ids.tempId, UUID);
        assert.match(ids.clientSessionId, UUID);
        assert.ok(ids.visitId && ids.sessionId);
        assert.deepEqual(ids.cookies.tempId, { name: "adtarget_temp_id", value: ids.tempId, maxAge: 31_536_000, sameSite: "Lax" });
        assert.deepEqual(ids.cookies.session, { name: "adtarget_session_id", value: ids.clientSessionId, maxAge: 1_800, sameSite: "Lax" });
        const visit = only(await world.visits());
        assert.equal(visit.tempId, ids.tempId);
        assert.equal(visit.clientSessionId, ids.clientSessionId);
        assert.equal(visit.websiteId, WEBSITE);
      });
    }
  }

  it("keeps what the address carries when the page tells nothing else", async () => {
    const href =
      "https://www.shop.test/offer?utm_source=fb&utm_medium=cpc&utm_campaign=%D0%9B%D0%B5%D1%82%D0%BE&utm_content=a+b&utm_term=x" +
      "&fbclid=IwAR0_AbC-dEf&gclid=Gg1&gbraid=Gb1&wbraid=Wb1&ttclid=E.C.P.tt&ScCid=Sc-1&tgclid=Tg1#part";
    const before = Date.now();
    assert.equal((await world.init({ href, referrer: "https://l.facebook.com/" })).status, 200);
    const visit = only(await world.visits());
    assert.equal(visit.href, href);
    assert.equal(visit.landingPage, href.split("#")[0]);
    assert.equal(visit.referrer, "https://l.facebook.com/");
    assert.match(visit.fbc, /^fb\.1\.\d{13}\.IwAR0_AbC-dEf$/);
    const at = Number(visit.fbc.split(".")[2]);
    assert.ok(at >= before - 1000 && at <= Date.now() + 1000, "fbc carries the click's own time");
    const { gclid, gbraid, wbraid, ttclid, sccid, tgclid, utmSource, utmMedium, utmCampaign, utmContent, utmTerm } = visit;
    assert.deepEqual(
      { gclid, gbraid, wbraid, ttclid, sccid, tgclid, utmSource, utmMedium, utmCampaign, utmContent, utmTerm },
      {
        gclid: "Gg1", gbraid: "Gb1", wbraid: "Wb1", ttclid: "E.C.P.tt", sccid: "Sc-1", tgclid: "Tg1",
        utmSource: "fb", utmMedium: "cpc", utmCampaign: "Лето", utmContent: "a b", utmTerm: "x",
      },
    );
  });

  it("believes the page before the address", async () => {
    const told = { fbc: "fb.1.1700000000000.FromPage", fbp: "fb.1.1700000000001.123", gclid: "page", utmSource: "page", landingPage: "https://www.shop.test/first" };
    await world.init({ href: "https://www.shop.test/?fbclid=x&gclid=url&utm_source=url", ...told });
    const visit = only(await world.visits());
    for (const [name, value] of Object.entries(told)) assert.equal(visit[name], value, name);
  });

  it("is parsed at the edge where the page could only send raw cookies", async () => {
    const cookie = "_fbp=fb.1.1700000000001.77; _fbc=fb.1.1700000000000.Kept; _ttp=TTP; _scid=SCID; _gcl_aw=GCL.1700000000.GadId; _ga=GA1.1.1234567890.1700000000; other=1";
    await world.init({ href: "https://www.shop.test/", cookie });
    const visit = only(await world.visits());
    assert.equal(visit.fbp, "fb.1.1700000000001.77");
    assert.equal(visit.fbc, "fb.1.1700000000000.Kept");
    assert.equal(visit.ttp, "TTP");
    assert.equal(visit.scid, "SCID");
    assert.equal(visit.ga, "GA1.1.1234567890.1700000000");
    assert.equal(visit.gclid, "GadId");
    assert.ok(!JSON.stringify(visit).includes("other=1"), "the site's own cookies stay out");
  });

  it("is of the click that Google names by a braid, not of the one that a cookie remembers", async () => {
    const cookie = "_gcl_aw=GCL.1700000000.GadId";
    for (const told of [{ cookie }, { cookie, gclid: "GadId", gbraid: "Gb1" }]) {
      await world.reset();
      await world.init({ href: "https://www.shop.test/?gbraid=Gb1", ...told });
      const { gclid, gbraid } = only(await world.visits());
      assert.deepEqual([gclid, gbraid], [undefined, "Gb1"]);
    }
  });

  it("is of that click on the next page, too, and so is a tap", { skip: backend === "adtarget" }, async () => {
    const tempId = randomUUID();
    const { cookies } = await world.init({ href: "https://www.shop.test/?gbraid=Gb1", tempId });
    const cookie = `_gcl_aw=GCL.1700000000.GadId; edgeway_touch=${cookies.edgeway_touch.value}`;
    await world.init({ href: "https://www.shop.test/next", tempId, gclid: "GadId" }, { headers: { cookie } });
    await world.invite({ tempId }, { headers: { cookie } });
    assert.deepEqual((await world.visits()).map(({ gclid }) => gclid), [undefined, undefined]);
    const { gclid, gbraid } = only(await world.clicks());
    assert.deepEqual([gclid, gbraid], [undefined, "Gb1"]);
    await world.init({ href: "https://www.shop.test/?gclid=New", tempId, gclid: "New" }, { headers: { cookie } });
    assert.equal((await world.visits()).filter(({ gclid }) => gclid === "New").length, 1);
  });

  it("is of what brought the visitor on the page that a redirect led to, whose address no longer says", { skip: backend === "adtarget" }, async () => {
    const [tempId, referrer] = [randomUUID(), "https://blog.example/"];
    const { cookies } = await world.init({ href: "https://www.shop.test/go?utm_source=blog&ttclid=Tt1", referrer, tempId });
    const cookie = `edgeway_touch=${cookies.edgeway_touch.value}`;
    await world.reset();
    for (const told of [{ href: "https://www.shop.test/landing", referrer }, { href: "https://www.shop.test/next", referrer: "https://www.shop.test/landing" }]) {
      await world.init({ tempId, ...told }, { headers: { cookie } });
    }
    const visits = (await world.visits()).map(({ href, utmSource, ttclid, sourced, adPlatform }) => [new URL(href).pathname, utmSource, ttclid, sourced, adPlatform]);
    assert.deepEqual(visits.sort(), [["/landing", "blog", "Tt1", 1, "tiktok"], ["/next", undefined, undefined, 0, ""]]);
  });

  it("dates a click by the edge's clock where the page's runs ahead", async () => {
    const href = "https://www.shop.test/?fbclid=Ahead";
    await world.init({ href, fbc: `fb.1.${Date.now() + 3 * 86_400_000}.Ahead` });
    const { fbc } = only(await world.visits());
    assert.match(fbc, /^fb\.1\.\d+\.Ahead$/);
    assert.ok(fbc.split(".")[2] <= Date.now());
  });

  it("takes ids from the body, then from cookies, then makes them", async () => {
    const [temp, session, temp2, session2] = Array.from({ length: 4 }, () => randomUUID());
    const cookie = `x=1; adtarget_temp_id=${temp}; adtarget_session_id=${session}`;
    const fromCookie = (await world.init({}, { headers: { cookie } })).json();
    assert.deepEqual([fromCookie.tempId, fromCookie.clientSessionId], [temp, session]);
    const fromBody = (await world.init({ tempId: temp2, clientSessionId: session2 }, { headers: { cookie } })).json();
    assert.deepEqual([fromBody.tempId, fromBody.clientSessionId], [temp2, session2]);
    const forged = (await world.init({}, { headers: { cookie: "adtarget_temp_id=%00'; adtarget_session_id=../../x" } })).json();
    assert.match(forged.tempId, UUID);
    assert.notEqual(forged.tempId, temp);
  });

  it("passes unknown fields on untouched", async () => {
    const body = `{"websiteId":"${WEBSITE}","href":"https://www.shop.test/","eventId":"${randomUUID()}","plan":{"b":[1,1.50,-0.0,12345678901234567890],"a":null},"emoji":"\\ud83d\\ude00","ünï":"é","empty":""}`;
    assert.equal((await world.init(body)).status, 200);
    const visit = only(await world.visits());
    const extra = backend === "ledger" ? JSON.parse(visit.extra) : visit;
    assert.deepEqual(extra.plan, { b: [1, 1.5, -0, 12345678901234567890], a: null });
    assert.equal(extra.emoji, "😀");
    assert.equal(extra["ünï"], "é");
    assert.equal(extra.empty, "");
    const kept = backend === "ledger" ? visit.extra : only(world.adtarget.calls).text;
    assert.ok(kept.includes("12345678901234567890") && kept.includes("1.50"), "numbers keep their digits");
  });

  it("with an unknown field nested as deep as a body can be is kept or refused, not answered and lost", async () => {
    for (const depth of [100, 200, 7000]) {
      const answer = await world.init(`{"websiteId":"${WEBSITE}","href":"https://www.shop.test/","deep":${"[".repeat(depth)}${"]".repeat(depth)}}`);
      assert.ok([200, 400].includes(answer.status), answer.text);
      assert.equal((await world.visits()).length, answer.status === 200 ? 1 : 0, `${depth} deep, answered ${answer.status}`);
      await world.reset();
    }
  });

  it("is one visit however often it is told", async () => {
    const told = { eventId: randomUUID(), tempId: randomUUID(), clientSessionId: randomUUID() };
    const answers = await Promise.all([world.init(told), world.init(told), world.init(told)]);
    for (const answer of answers) assert.equal(answer.status, 200, answer.text);
    await world.init(told);
    only(await world.visits());
  });

  if (backend === "ledger") {
    it("told again is filled in with what the first telling lacked, and counted as it stands then", async () => {
      const ids = { eventId: randomUUID(), tempId: randomUUID(), clientSessionId: randomUUID() };
      const address = "https://www.shop.test/?utm_source=fb";
      await world.init({ ...ids, href: address });
      await world.init({ ...ids, href: `${address}&utm_source=other#/offer?gclid=G&utm_campaign=spring`, externalUserId: "u", plan: [1.50] });
      await world.init({ ...ids, href: address, plan: [2] });
      const { href, utmSource, utmCampaign, gclid, externalUserId, extra } = only(await world.visits());
      assert.deepEqual([href, utmSource, utmCampaign, gclid, externalUserId, extra], [address, "fb", "spring", "G", "u", '{"plan":[1.5]}']);
      assert.deepEqual(await world.edge.rows("SELECT source, campaign, visits FROM traffic WHERE visits > 0"), [{ source: "fb", campaign: "spring", visits: 1 }]);
    });
  }

  it("of the same visitor twice is two visits", async () => {
    const tempId = randomUUID();
    await world.init({ tempId });
    await world.init({ tempId });
    assert.equal((await world.visits()).length, 2);
  });

  it("keeps who came, by the platform's own word", async () => {
    const spoof = { clientIp: "9.9.9.9", userAgent: "Spoofed/1.0", country: "ZZ" };
    await world.init(spoof, {
      ip: "198.51.100.23",
      headers: { "x-forwarded-for": "9.9.9.8", "x-real-ip": "9.9.9.7", "true-client-ip": "9.9.9.6", forwarded: "for=9.9.9.5", "x-adtarget-client-ip": "9.9.9.4", "x-adtarget-client-user-agent": "Spoofed/2.0" },
    });
    const visit = only(await world.visits());
    assert.ok(!JSON.stringify(visit).match(/9\.9\.9\.\d|Spoofed/), `a spoofed client came through: ${JSON.stringify(visit)}`);
    if (backend === "ledger") {
      assert.equal(visit.ip, "198.51.100.23");
      assert.equal(visit.userAgent, BROWSER);
    } else {
      assert.equal(visit.headers["x-adtarget-client-ip"], "198.51.100.23");
      assert.equal(visit.headers["x-adtarget-client-user-agent"], BROWSER);
    }
  });

  it("keeps no address where it is that of all Cloudflare Workers of other zones", async () => {
    await world.init({}, { ip: "2a06:98c0:3600::103" });
    const visit = only(await world.visits());
    assert.ok(!JSON.stringify(visit).includes("2a06:98c0:3600::103"), JSON.stringify(visit));
  });

  it("takes IPv6, long and non-ASCII header values", async () => {
    const answer = await world.init({}, { ip: "2001:db8::17", headers: { "user-agent": `Mozilla/5.0 ${"x".repeat(3000)} \u00e9` } });
    assert.equal(answer.status, 200, answer.text);
    const visit = only(await world.visits());
    assert.equal(backend === "ledger" ? visit.ip : visit.headers["x-adtarget-client-ip"], "2001:db8::17");
  });

  it("keeps header values that are sent as UTF-8 as they are meant", async () => {
    const agent = "Mozilla/5.0 (iPhone) [FBAN/FBIOS;FBCR/Київстар]";
    await world.init({}, { headers: { "user-agent": Buffer.from(agent).toString("latin1") } });
    const visit = only(await world.visits());
    const kept = backend === "ledger" ? visit.userAgent : Buffer.from(visit.headers["x-adtarget-client-user-agent"], "latin1").toString();
    assert.equal(kept, agent);
  });

  it("is taken where the browser hides the page's origin", async () => {
    const answer = await world.init({}, { headers: { origin: "null" } });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
    only(await world.visits());
  });

  it("bears consent, the bot's flag and the site's own id of the person", async () => {
    await world.init({ consent: "denied", bot: true, externalUserId: "customer-42" });
    const visit = only(await world.visits());
    assert.equal(visit.consent, "denied");
    assert.equal(visit.externalUserId, "customer-42");
    assert.equal(Boolean(visit.bot), true);
  });

  describe("is refused, and nothing kept:", () => {
    const bodies = {
      "no body": ["", 400, "INVALID_PAYLOAD"],
      "no JSON": ["{oops", 400, "INVALID_PAYLOAD"],
      "an array": ["[1]", 400, "INVALID_PAYLOAD"],
      "null": ["null", 400, "INVALID_PAYLOAD"],
      "a string": ['"x"', 400, "INVALID_PAYLOAD"],
      "not UTF-8": [Buffer.from(JSON.stringify(page({ utmSource: "Z" })).replace("Z", "\xff"), "latin1"), 400, "INVALID_PAYLOAD"],
      "two values": [`${JSON.stringify(page())}{}`, 400, "INVALID_PAYLOAD"],
      "no websiteId": [page({ websiteId: undefined }), 400, "INVALID_PAYLOAD"],
      "websiteId a number": [page({ websiteId: 7 }), 400, "INVALID_PAYLOAD"],
      "unknown websiteId": [page({ websiteId: "atid_nobody" }), 404, "WEBSITE_NOT_FOUND"],
      "no href": [page({ href: undefined }), 400, "INVALID_PAYLOAD"],
      "href an object": [page({ href: {} }), 400, "INVALID_PAYLOAD"],
      "href no address": [page({ href: "shop" }), 400, "INVALID_PAYLOAD"],
      "href a script": [page({ href: "javascript:alert(1)//shop.test" }), 400, "INVALID_PAYLOAD"],
      "tempId no UUID": [page({ tempId: "1 OR 1=1" }), 400, "INVALID_PAYLOAD"],
      "clientSessionId nothing for a cookie": [page({ clientSessionId: "a;b" }), 400, "INVALID_PAYLOAD"],
      "clientSessionId too long": [page({ clientSessionId: "x".repeat(129) }), 400, "INVALID_PAYLOAD"],
      "eventId no UUID": [page({ eventId: "1" }), 400, "INVALID_PAYLOAD"],
      "utmSource a number": [page({ utmSource: 5 }), 400, "INVALID_PAYLOAD"],
      "consent a guess": [page({ consent: "maybe" }), 400, "INVALID_PAYLOAD"],
      "another domain": [page({ href: "https://evil.test/?shop.test" }), 403, "FORBIDDEN_DOMAIN"],
      "a look-alike before": [page({ href: "https://evilshop.test/" }), 403, "FORBIDDEN_DOMAIN"],
      "a look-alike behind": [page({ href: "https://shop.test.evil.test/" }), 403, "FORBIDDEN_DOMAIN"],
      "a domain as userinfo": [page({ href: "https://shop.test@evil.test/" }), 403, "FORBIDDEN_DOMAIN"],
      "a domain before a backslash": [page({ href: "https://evil.test\\@shop.test/" }), 403, "FORBIDDEN_DOMAIN"],
    };
    for (const [what, [body, status, code]] of Object.entries(bodies)) {
      it(what, async () => {
        refused(await world.init(body), status, code);
        assert.deepEqual(await world.visits(), []);
      });
    }

    it("a foreign Origin", async () => {
      refused(await world.init({}, { headers: { origin: "https://evil.test" } }), 403, "FORBIDDEN_DOMAIN");
      refused(await world.init({}, { headers: { origin: "https://shop.test.evil.test" } }), 403, "FORBIDDEN_DOMAIN");
      assert.deepEqual(await world.visits(), []);
    });

    for (const type of ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/html", "application/xml"]) {
      it(`a body as ${type}`, async () => {
        refused(await world.init({}, { headers: { "content-type": type } }), 400, "INVALID_PAYLOAD");
        assert.deepEqual(await world.visits(), []);
      });
    }

    it("a compressed body", async () => {
      const body = gzipSync(JSON.stringify(page()));
      refused(await world.init(body, { headers: { "content-encoding": "gzip" } }), 400, "INVALID_PAYLOAD", "gzip");
      assert.deepEqual(await world.visits(), []);
    });

    const filled = (bytes) => {
      const bare = JSON.stringify(page({ pad: "" }));
      return bare.replace('"pad":""', `"pad":"${"x".repeat(bytes - bare.length)}"`);
    };
    it("more than 16 KB, but not 16 KB", async () => {
      refused(await world.init(filled(16_385)), 413, "PAYLOAD_TOO_LARGE");
      refused(await world.init(filled(16_385), { headers: { "transfer-encoding": "chunked" } }), 413, "PAYLOAD_TOO_LARGE");
      // An answer that comes before the body is through may cut the line on it, and is lost then.
      const huge = () => world.init(filled(3_000_000));
      refused(await huge().catch(huge).catch(huge), 413, "PAYLOAD_TOO_LARGE");
      assert.deepEqual(await world.visits(), []);
      const whole = filled(16_384);
      assert.equal(Buffer.byteLength(whole), 16_384);
      assert.equal((await world.init(whole)).status, 200);
      only(await world.visits());
    });

    for (const method of ["GET", "PUT", "DELETE", "PATCH"]) {
      it(`the method ${method}`, async () => {
        for (const path of [...INIT_PATHS, ...FBP_PATHS]) {
          const answer = await world.edge.request(path, { method, headers: { origin: "https://www.shop.test" } });
          refused(answer, 405, "METHOD_NOT_ALLOWED");
          assert.match(answer.headers.allow, /POST/);
        }
        assert.deepEqual(await world.visits(), []);
      });
    }
  });

  describe("leaves cookies", () => {
    it("but none with one who has refused", async () => {
      const { status, cookies } = await world.init({ consent: "denied" });
      assert.deepEqual([status, cookies], [200, {}]);
    });

    it("of the visitor for a year and of the session for 30 minutes, on the registrable domain, by the server", async () => {
      const answer = await world.init();
      const { adtarget_temp_id: temp, adtarget_session_id: session } = answer.cookies;
      const ids = answer.json();
      assert.deepEqual(temp, { value: ids.tempId, "max-age": "31536000", path: "/", samesite: "Lax", secure: true, domain: "shop.test" });
      assert.deepEqual(session, { value: ids.clientSessionId, "max-age": "1800", path: "/", samesite: "Lax", secure: true, domain: "shop.test" });
      assert.equal(answer.headers["cache-control"], "no-store");
    });

    it("not Secure on http", async () => {
      const answer = await world.init({ href: "http://www.shop.test/" }, { path: "http://edge.shop.test/e/init", headers: { origin: "http://www.shop.test" } });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.cookies.adtarget_temp_id.secure, undefined);
    });

    it("on its own host alone where the configured domain is another's", async () => {
      const answer = await world.init({}, { path: "https://edge.workers.test/e/init" });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.cookies.adtarget_temp_id.domain, undefined);
    });

    it("again with each visit, so that the session slides", async () => {
      const { tempId, clientSessionId } = (await world.init()).json();
      const cookie = `adtarget_temp_id=${tempId}; adtarget_session_id=${clientSessionId}`;
      const { cookies } = await world.init({}, { headers: { cookie } });
      assert.equal(cookies.adtarget_session_id.value, clientSessionId);
      assert.equal(cookies.adtarget_session_id["max-age"], "1800");
      assert.equal(cookies.adtarget_temp_id.value, tempId);
    });

    it("of Meta's on first sight, for 90 days, and leaves a kept click its own time", async () => {
      const { cookies } = await world.init({ fbp: "fb.1.1700000000001.77" });
      assert.match(cookies._fbc.value, /^fb\.1\.\d{13}\.Click1$/);
      assert.equal(cookies._fbc["max-age"], "7776000");
      assert.equal(cookies._fbc.domain, "shop.test");
      assert.equal(cookies._fbp.value, "fb.1.1700000000001.77");
      const kept = "fb.1.1700000000000.Click1";
      await world.reset();
      const again = await world.init({}, { headers: { cookie: `_fbc=${kept}` } });
      assert.ok([undefined, kept].includes(again.cookies._fbc?.value), "the same click: time kept");
      assert.equal(only(await world.visits()).fbc, kept);
      const other = await world.init({ href: "https://www.shop.test/?fbclid=click1" }, { headers: { cookie: `_fbc=${kept}` } });
      assert.match(other.cookies._fbc.value, /^fb\.1\.\d{13}\.click1$/, "another click, case and all");
    });

    it("of first and last touch, that hold the first and move the last", async () => {
      const first = await world.init({ href: "https://www.shop.test/?utm_source=first" });
      const touch = (answer) => answer.cookies.edgeway_touch;
      assert.ok(touch(first), "edgeway_touch is set");
      assert.ok(touch(first).value.length <= 1_800);
      const cookie = `edgeway_touch=${touch(first).value}`;
      const second = await world.init({ href: "https://www.shop.test/?utm_source=second" }, { headers: { cookie } });
      assert.match(decodeURIComponent(touch(second).value), /first/);
      assert.match(decodeURIComponent(touch(second).value), /second/);
    });

    it("of the click that came last, though an earlier visit is told again behind it", async () => {
      const tempId = randomUUID();
      const ofClick = (name) => ({ tempId, clientSessionId: randomUUID(), href: `https://www.shop.test/?fbclid=${name}&gclid=${name}` });
      const later = await world.init(ofClick("Later"));
      const cookie = Object.entries(later.cookies).map(([name, { value }]) => `${name}=${value}`).join("; ");
      const earlier = await world.init(ofClick("Earlier"), { headers: { cookie } });
      assert.equal(earlier.status, 200);
      assert.deepEqual(earlier.cookies, {});
      assert.deepEqual((await world.visits()).map(({ gclid }) => gclid).sort(), ["Earlier", "Later"]);
      // The visit that the edge has of the page's own request is the same click.
      assert.ok((await world.init(ofClick("Later"), { headers: { cookie } })).cookies.edgeway_touch);
    });

    it("that a page can't read stand where it tells of the others", async () => {
      const first = await world.init({ href: "https://www.shop.test/?utm_source=first" });
      const { value } = first.cookies.edgeway_touch;
      const again = await world.init({ href: "https://www.shop.test/", cookie: "_fbp=fb.1.1700000000001.77" }, { headers: { cookie: `edgeway_touch=${value}` } });
      assert.deepEqual([first.status, again.status], [200, 200]);
      assert.match(decodeURIComponent(again.cookies.edgeway_touch.value), /first/);
    });

    it("of nobody's making by a body that holds line breaks or semicolons", async () => {
      const answer = await world.init({ fbc: "fb.1.1.x\r\nSet-Cookie: evil=1", fbp: "fb.1.1.1; Domain=evil.test", gclid: "a\r\nb" });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.cookies.evil, undefined);
      assert.ok(!JSON.stringify(answer.headers["set-cookie"] ?? []).includes("evil"));
    });
  });

  describe("across origins", () => {
    it("is allowed to the site's own origins, with credentials, and says so for caches", async () => {
      for (const origin of ["https://shop.test", "https://www.shop.test", "https://landing.test", "http://www.shop.test:8080"]) {
        const { headers, status } = await world.init({}, { headers: { origin } });
        assert.equal(status, 200);
        assert.equal(headers["access-control-allow-origin"], origin);
        assert.equal(headers["access-control-allow-credentials"], "true");
        assert.match(headers.vary, /origin/i);
      }
    });

    it("answers preflights of those, and of nobody else", async () => {
      const ask = (origin) =>
        world.edge.request("/e/init", { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" } });
      const own = await ask("https://www.shop.test");
      assert.ok([200, 204].includes(own.status), String(own.status));
      assert.equal(own.headers["access-control-allow-origin"], "https://www.shop.test");
      assert.match(own.headers["access-control-allow-methods"], /POST/);
      assert.match(own.headers["access-control-allow-headers"], /content-type/i);
      for (const origin of ["https://evil.test", "https://evilshop.test", "https://shop.test.evil.test", "null"]) {
        const foreign = await ask(origin);
        assert.equal(foreign.headers["access-control-allow-origin"], undefined, origin);
        assert.match(foreign.headers.vary ?? "", /origin/i);
      }
      assert.deepEqual(await world.visits(), []);
    });

    it("lets the page read errors too", async () => {
      const { headers } = await world.init({ tempId: "x" });
      assert.equal(headers["access-control-allow-origin"], "https://www.shop.test");
    });
  });

  describe("gets its late _fbp", () => {
    const update = (body, { path = FBP_PATHS[2], ...options } = {}) => world.init(JSON.stringify({ websiteId: WEBSITE, ...body }), { path, ...options });

    for (const path of FBP_PATHS) {
      it(`by ${path}`, async () => {
        const eventId = randomUUID();
        const { tempId } = (await world.init({ eventId })).json();
        await world.visits();
        const answer = await update({ tempId, fbp: "fb.1.1700000000001.991", eventId }, { path });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.json().success, true, answer.text);
        assert.equal(answer.cookies._fbp.value, "fb.1.1700000000001.991");
        assert.equal(only(await world.visits()).fbp, "fb.1.1700000000001.991");
      });
    }

    it("on the latest visit of the visitor alone", async () => {
      const tempId = randomUUID();
      await world.init({ tempId, href: "https://www.shop.test/one" });
      await world.visits();
      await world.init({ tempId, href: "https://www.shop.test/two" });
      await world.init({ href: "https://www.shop.test/else" });
      await world.visits();
      await update({ tempId, fbp: "fb.1.1700000000001.5" });
      const fbps = Object.fromEntries((await world.visits()).map((visit) => [new URL(visit.href).pathname, visit.fbp]));
      assert.deepEqual(fbps, { "/one": undefined, "/two": "fb.1.1700000000001.5", "/else": undefined });
    });

    it("when it comes together with the visit", async () => {
      const tempId = randomUUID();
      const eventId = randomUUID();
      const answers = await Promise.all([world.init({ tempId, eventId }), update({ tempId, fbp: "fb.1.1700000000001.6", eventId })]);
      assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
      // To AdTarget both go on, and what it makes of them is its own.
      const { fbp } = backend === "ledger" ? only(await world.visits()) : only(world.adtarget.fbps);
      assert.equal(fbp, "fb.1.1700000000001.6");
    });

    it("or an error that says what is wrong", async () => {
      refused(await update({ tempId: "x", fbp: "fb.1.1.1" }), 400, "INVALID_PAYLOAD");
      refused(await update({ tempId: randomUUID() }), 400, "INVALID_PAYLOAD");
      refused(await update({ tempId: randomUUID(), fbp: "whatever" }), 400, "INVALID_PAYLOAD");
      refused(await update({ fbp: "fb.1.1.1" }), 400, "INVALID_PAYLOAD");
      refused(await update({ tempId: randomUUID(), fbp: "fb.1.1.1", websiteId: "atid_nobody" }), 404, "WEBSITE_NOT_FOUND");
      refused(await update({ tempId: randomUUID(), fbp: "fb.1.1.1" }, { headers: { origin: "https://evil.test" } }), 403, "FORBIDDEN_DOMAIN");
    });
  });
});

describe("what AdTarget is told", () => {
  let world;
  before(async () => (world = await startWorld({ backend: "adtarget" })));
  after(() => world.close());
  afterEach(() => world.reset());

  const NOISE = {
    authorization: "Bearer atk_live_deadbeef_00000000000000000000000000000000",
    "proxy-authorization": "Basic eA==",
    "x-forwarded-for": "9.9.9.9", "x-forwarded-host": "evil.test", "x-forwarded-proto": "http", forwarded: "for=9.9.9.9", via: "1.1 evil",
    "x-adtarget-client-ip": "9.9.9.9", "x-adtarget-anything": "x", "x-api-key": "k",
    connection: "close, x-hop", "x-hop": "1", te: "trailers", "keep-alive": "timeout=5", upgrade: "h2c",
    cookie: "adtarget_temp_id=6e1f0d1c-0000-4000-8000-000000000001; shop_login=secret",
  };
  const DROPPED = Object.keys(NOISE).filter((name) => !["connection", "cookie", "x-adtarget-client-ip"].includes(name));

  for (const [what, send] of [["a visit", (headers) => world.init({}, { headers })], ["a click", (headers) => world.invite({}, { headers })]]) {
    it(`of ${what}: the client's true headers, none that a client could forge, and no key`, async () => {
      const answer = await send({ ...NOISE, origin: "https://www.shop.test", referer: "https://www.shop.test/?fbclid=Click1" });
      assert.ok([200, 302].includes(answer.status), `${answer.status} ${answer.text}`);
      const { headers } = only(world.adtarget.calls);
      assert.equal(headers["user-agent"], BROWSER);
      assert.equal(headers["x-adtarget-client-user-agent"], BROWSER);
      assert.equal(headers["x-adtarget-client-ip"], "203.0.113.7");
      assert.equal(headers.referer, "https://www.shop.test/?fbclid=Click1");
      assert.equal(headers.origin, "https://www.shop.test");
      assert.deepEqual(DROPPED.filter((name) => name in headers && name !== "authorization"), []);
      assert.ok(!JSON.stringify(headers).includes("shop_login"), "the site's own cookies are none of AdTarget's business");
      assert.deepEqual(world.adtarget.violations, []);
      assert.ok(!`${answer.text}${JSON.stringify(answer.headers)}`.includes(API_KEY));
    });
  }

  it("passes AdTarget's answer on, with its cookies set", async () => {
    const answer = await world.init();
    const visit = only(world.adtarget.visits);
    assert.equal(answer.json().visitId, visit.visitId);
    assert.equal(answer.cookies.adtarget_temp_id.value, visit.tempId);
    assert.equal(answer.cookies.adtarget_session_id.value, visit.clientSessionId);
  });

  it("sends its own event id as Idempotency-Key, of a late _fbp another one than of the visit", async () => {
    const eventId = randomUUID();
    const { tempId } = (await world.init({ eventId })).json();
    await world.init(JSON.stringify({ websiteId: WEBSITE, tempId, fbp: "fb.1.1700000000001.7", eventId }), { path: "/e/update-fbp" });
    await world.invite({ tempId, visit: eventId });
    await world.edge.drained();
    const keys = world.adtarget.calls.map((call) => call.headers["idempotency-key"]);
    assert.equal(keys.length, 3);
    assert.ok(keys.every((key) => key && key.length <= 128));
    assert.equal(new Set(keys).size, 3, "AdTarget's documents scope a key to the account, not to the endpoint");
    assert.equal(only(world.adtarget.fbps).fbp, "fb.1.1700000000001.7");
  });

  it("passes AdTarget's refusals on as they are", async () => {
    world.adtarget.misbehave({ path: "init", status: 403 });
    const answer = await world.init();
    assert.equal(answer.status, 403);
    assert.equal(answer.json().error.message, "on demand");
    await world.edge.drained();
    assert.deepEqual(world.adtarget.visits, []);
  });

  it("names the channel", async () => {
    await world.invite({ channelId: CHANNELS[1] });
    assert.equal(only(world.adtarget.clicks).channelId, CHANNELS[1]);
  });
});
