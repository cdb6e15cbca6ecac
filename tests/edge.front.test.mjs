// The landing page with the edge in front of it: what the page becomes, and the visit that the page request itself is.
import { after, afterEach, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { deflateSync } from "node:zlib";
import { NONCE } from "./standins/site.mjs";
import { OPERATOR_KEY } from "./harness/api.mjs";
import { until } from "./harness/wait.mjs";
import { API_KEY, BROWSER, FALLBACK, SITES, WEBSITE, forBothBackends, only, startWorld } from "./harness/world.mjs";

/** What a browser sends with a page request. */
const NAVIGATION = {
  "user-agent": BROWSER,
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "sec-fetch-dest": "document", "sec-fetch-mode": "navigate", "sec-fetch-site": "cross-site", "sec-fetch-user": "?1",
};
const SHOP = "https://shop.test";
const link = (html, id) => new RegExp(`<a id="${id}"[^>]*href="([^"]*)"`).exec(html)?.[1];
const tags = (html) => [...html.matchAll(/<script[^>]*\bdata-website-id=[^>]*>/g)].map(([tag]) => tag);
const JOIN = `<a id="join" href="https://t.me/shopchannel">Join</a>`;
/** Where it leads at the edge: what the page's own scripts and styles know a link to Telegram by is still in it. */
const LED = "/c/main?to=https://t.me/shopchannel";
const PAGE = `<!doctype html><title>Given</title>${JOIN}`;
const attribute = (tag, name) => new RegExp(`\\b${name}="?([^"\\s>]*)`).exec(tag)?.[1];

forBothBackends("a page behind the edge", (backend) => {
  let world;
  before(async () => (world = await startWorld({ backend, front: true, vars: { OPERATOR_KEY } })));
  after(() => world.close());
  afterEach(() => world.reset());

  const open = (path, { headers = {}, ...options } = {}) =>
    world.edge.request(SHOP + path, { headers: { ...NAVIGATION, ...headers }, ip: "203.0.113.7", ...options });
  /** Opens pages as one browser does, with the cookies that it was given. */
  const browser = () => {
    const jar = {};
    return async (path, headers = {}) => {
      const cookie = Object.entries(jar).map(([name, { value }]) => `${name}=${value}`).join("; ");
      const answer = await open(path, { headers: { cookie, ...headers } });
      Object.assign(jar, answer.cookies);
      return answer;
    };
  };
  /** Opens a page that the site answers with so. */
  const given = ({ path = "/given", ...answer }, options) => {
    world.site.pages[path.split("?")[0]] = { body: PAGE, ...answer };
    return open(path, options);
  };

  it("leads to the channel first-party, and leaves other links alone", async () => {
    const { status, text, headers } = await open("/plain.html");
    assert.equal(status, 200);
    assert.match(headers["content-type"], /^text\/html; charset=utf-8$/i);
    assert.equal(link(text, "join"), LED);
    assert.equal(link(text, "start"), `${LED}&start=promo_1`);
    assert.equal(link(text, "vip"), "/c/vip?to=tg://resolve");
    assert.equal(link(text, "blank"), "/c/main?to=https://telegram.me/shopchannel");
    assert.equal(link(text, "share"), "https://t.me/share/url?url=https%3A%2F%2Fshop.test%2F");
    assert.equal(link(text, "elsewhere"), "/plain.html?second");
    assert.equal(text.split('target="_blank"').length, 2, "a link opens where the page wants it");
  });

  it("keeps its WebSockets to its origin, which are no visits", async () => {
    const { hostname, port } = new URL(world.edge.url);
    const asked = http.request({
      hostname, port, path: "/live?room=1",
      headers: { host: "shop.test", origin: SHOP, connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "c2l4dGVlbi1ieXRlcyE=" },
    }).end();
    const [, socket] = await once(asked, "upgrade", { signal: AbortSignal.timeout(10_000) });
    const said = Buffer.from("hello");
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | said.length, 0, 0, 0, 0]), said]));
    const [[, length, ...heard]] = await once(socket, "data", { signal: AbortSignal.timeout(10_000) });
    socket.destroy();
    assert.equal(Buffer.from(heard.slice(0, length)).toString(), "hello");
    assert.equal(only(world.site.requests).path, "/live?room=1");
    assert.deepEqual(await world.visits(), []);
  });

  it("gets the tag once, with the visit it is", async () => {
    const { text } = await open("/plain.html");
    const tag = only(tags(text));
    assert.equal(attribute(tag, "data-website-id"), WEBSITE);
    assert.match(attribute(tag, "src"), /^\/e\/t(\.\w+)?\.js$/);
    assert.match(tag, /\basync\b/);
    assert.match(tag, / data-cfasync="false".* src=/, "Rocket Loader would hold it back");
    const visit = only(await world.visits());
    const eventId = backend === "ledger" ? visit.visitId : visit.eventId;
    assert.equal(attribute(tag, "data-visit"), eventId);
    assert.equal(attribute(/<html[^>]*>/.exec(text)[0], "data-edgeway-visit"), eventId, "so does the page, for a tag that its scripts put in");
  });

  it("is a visit by itself, with all that its request carries", async () => {
    const cookie = "_fbc=fb.1.1700000000000.Before; theme=dark";
    const { cookies } = await open("/plain.html?fbclid=PageClick&ttclid=T1&utm_source=ad", { headers: { referer: "https://l.facebook.com/", cookie } });
    const visit = only(await world.visits());
    assert.equal(visit.href, `${SHOP}/plain.html?fbclid=PageClick&ttclid=T1&utm_source=ad`);
    assert.match(visit.fbc, /^fb\.1\.\d{13}\.PageClick$/);
    assert.equal(visit.ttclid, "T1");
    assert.equal(visit.utmSource, "ad");
    assert.equal(visit.referrer, "https://l.facebook.com/");
    assert.equal(cookies.adtarget_temp_id.value, visit.tempId);
    assert.equal(cookies.adtarget_session_id.value, visit.clientSessionId);
    assert.equal(cookies._fbc.value, visit.fbc);
    assert.ok(cookies.adtarget_temp_id.secure && cookies.adtarget_temp_id.domain === "shop.test");
    assert.ok(!JSON.stringify(visit).includes("theme"));
    assert.equal(backend === "ledger" ? visit.ip : visit.headers["x-adtarget-client-ip"], "203.0.113.7");
    assert.equal(backend === "ledger" ? visit.userAgent : visit.headers["user-agent"], BROWSER);
  });

  it("and the page's own word are one visit", async () => {
    const page = await open("/plain.html?fbclid=Both");
    const eventId = attribute(only(tags(page.text)), "data-visit");
    const cookie = Object.entries(page.cookies).map(([name, { value }]) => `${name}=${value}`).join("; ");
    await world.visits();
    const told = { eventId, capturedBy: "edge", href: `${SHOP}/plain.html?fbclid=Both`, fbp: "fb.1.1700000000001.44", externalUserId: "customer-1", consent: "granted" };
    const answer = await world.init(told, { path: `${SHOP}/e/init`, headers: { cookie, origin: SHOP } });
    assert.equal(answer.status, 200, answer.text);
    const visit = only(await world.visits());
    assert.equal(visit.fbp, "fb.1.1700000000001.44");
    assert.equal(answer.json().tempId, visit.tempId);
    if (backend === "ledger") {
      assert.equal(visit.externalUserId, "customer-1");
      assert.equal(visit.consent, "granted");
    }
  });

  it("without a script: the click on its link belongs to its visit", async () => {
    const page = await open("/plain.html?fbclid=NoScript");
    const cookie = Object.entries(page.cookies).map(([name, { value }]) => `${name}=${value}`).join("; ");
    const click = await world.edge.request(SHOP + link(page.text, "join"), { headers: { ...NAVIGATION, cookie, referer: `${SHOP}/plain.html?fbclid=NoScript` } });
    assert.equal(click.status, 302);
    const [visit, kept] = [only(await world.visits()), only(await world.clicks())];
    assert.equal(kept.tempId, visit.tempId);
    assert.equal(kept.clientSessionId, visit.clientSessionId);
  });

  describe("is no visit when it is", () => {
    const cases = {
      "a script": ["/script.js", {}],
      "data": ["/data.json", { headers: { "sec-fetch-dest": "empty" } }],
      "fetched by a script": ["/plain.html", { headers: { accept: "*/*", "sec-fetch-dest": "empty", "sec-fetch-mode": "cors" } }],
      "fetched ahead by a link": ["/plain.html", { headers: { "sec-fetch-dest": "empty", "sec-fetch-mode": "no-cors", "sec-purpose": "prefetch" } }],
      "in a frame": ["/plain.html", { headers: { "sec-fetch-dest": "iframe" } }],
      "prefetched": ["/plain.html", { headers: { "sec-purpose": "prefetch" } }],
      "prerendered": ["/plain.html", { headers: { "sec-purpose": "prefetch;prerender" } }],
      "fetched ahead by Facebook's app": ["/plain.html", { headers: { "x-purpose": "preview", "x-fb-http-engine": "Liger" } }],
      "a HEAD": ["/plain.html", { method: "HEAD" }],
      "a POST": ["/form", { method: "POST", body: "a=1", headers: { "content-type": "application/x-www-form-urlencoded" } }],
      "a redirect": ["/moved", {}],
      "missing": ["/nothing-here", {}],
      "ill": ["/error", {}],
    };
    for (const [what, [path, options]] of Object.entries(cases)) {
      it(what, async () => {
        const answer = await open(path, options);
        assert.ok(!answer.text.includes("data-visit"));
        assert.equal(answer.cookies.adtarget_temp_id, undefined);
        assert.deepEqual(await world.visits(), []);
      });
    }
  });

  describe("goes on as it is, and is a visit, when the platform can't read it:", () => {
    const types = ["'utf-8'", "utf-16", "utf-8mb4", "utf-7", "none", "en-US", "ansi"].map((charset) => ({ "content-type": `text/html; charset=${charset}` }));
    for (const headers of [...types, { "content-encoding": "deflate" }, { "content-encoding": "zstd" }]) {
      it(Object.values(headers)[0], async () => {
        const body = headers["content-encoding"] === "deflate" ? deflateSync(PAGE) : Buffer.from(PAGE);
        const [other, page] = await Promise.all([open("/plain.html?slow=300"), given({ headers, body })]);
        assert.equal(page.status, 200, page.text);
        assert.deepEqual(page.bytes, body);
        assert.deepEqual(await world.visits().then((visits) => visits.map(({ tempId }) => tempId).sort()), [page, other].map(({ cookies }) => cookies.adtarget_temp_id.value).sort());
        assert.equal(other.status, 200, "what is under way beside it goes on");
        assert.ok(!world.logged("panicked"));
      });
    }
  });

  describe("passes untouched where there is no page in it:", () => {
    const cases = [
      [204, {}, ""],
      [205, {}, ""],
      [206, { "content-range": "bytes 0-99/900" }, PAGE],
      [304, { etag: '"v1"' }, ""],
      [302, { location: "/plain.html" }, PAGE],
    ];
    for (const [status, headers, body] of cases) {
      it(String(status), async () => {
        const answer = await given({ status, headers, body });
        assert.deepEqual([answer.status, answer.text, answer.cookies], [status, body, {}]);
        assert.deepEqual(await world.visits(), []);
      });
    }
  });

  it("is decorated where it is looked at: links wherever that is, the tag not in a frame", async () => {
    const cases = [
      ["document", "*/*", 1, 1],
      ["iframe", "text/html", 1, 0],
      ["object", "text/html", 1, 0],
      ["", NAVIGATION.accept, 1, 1],
      // Turbo's fetch in browsers that say no destination.
      ["", "text/html, application/xhtml+xml", 0, 0],
      ["", "*/*", 0, 0],
      ["empty", "text/html", 0, 0],
      // Of a service worker that hands on what the page asked for: in Chromium, Firefox and Safari alike.
      ["empty", NAVIGATION.accept, 1, 1],
      ["script", "*/*", 0, 0],
    ];
    for (const [destination, accept, links, tagged] of cases) {
      const { text, headers } = await given({}, { headers: { accept, "sec-fetch-dest": destination } });
      assert.deepEqual([link(text, "join") === LED ? 1 : 0, tags(text).length], [links, tagged], `${destination}, ${accept}`);
      if (!links) assert.equal(text, PAGE);
      if (!links || !tagged) assert.match(headers.vary, /sec-fetch-dest/, "what a script has read, or a frame shown, is not shown from the browser's cache");
    }
  });

  it("answered to a form leads to the channel, and is counted by its script", async () => {
    const { text, cookies } = await given({}, { method: "POST", body: "a=1", headers: { "content-type": "application/x-www-form-urlencoded" } });
    assert.equal(link(text, "join"), LED);
    assert.equal(attribute(only(tags(text)), "data-visit"), undefined);
    assert.deepEqual(cookies, {});
    assert.deepEqual(await world.visits(), []);
  });

  it("is asked for anew, whatever copy the browser has; what belongs to it is not", async () => {
    const validators = { "if-none-match": '"v1"', "if-modified-since": "Wed, 01 Apr 2026 00:00:00 GMT" };
    const page = await given({ headers: { etag: '"v1"' } }, { headers: validators });
    assert.equal(page.status, 200);
    assert.ok(tags(page.text)[0].includes("data-visit"));
    const script = await open("/given", { headers: { ...validators, "sec-fetch-dest": "script" } });
    assert.equal(script.status, 304);
    assert.deepEqual(world.site.requests.map(({ headers }) => headers["if-modified-since"]), [undefined, validators["if-modified-since"]]);
  });

  it("is asked for without a body, though there is one", async () => {
    for (const [method, body] of [["GET", ""], ["GET", "a=1"], ["HEAD", ""]]) {
      const { status } = await given({}, { method, body, headers: { "content-length": String(body.length) } });
      assert.equal(status, 200, `${method} ${body}`);
    }
    assert.deepEqual(world.site.requests.map(({ body }) => body), ["", "", ""]);
  });

  it("passes the origin's own word through: status, headers, cookies, body, method", async () => {
    const login = await open("/login");
    assert.deepEqual(Object.keys(login.cookies).filter((name) => ["sid", "theme"].includes(name)), ["sid", "theme"]);
    assert.equal(login.cookies.sid.httponly, true);
    assert.ok(login.cookies.adtarget_temp_id);
    assert.equal((await open("/nothing-here")).status, 404);
    assert.equal((await open("/error")).status, 500);
    assert.equal((await open("/moved")).location, "/plain.html?moved=1");
    assert.equal((await open("/moved-here")).location, `${SHOP}/plain.html`, "the origin's own address stays hidden");
    const form = await open("/form", { method: "POST", body: "a=1&b=é", headers: { "content-type": "application/x-www-form-urlencoded" } });
    assert.equal(form.text, "POST a=1&b=é");
  });

  it("is moved along the edge where the origin names itself, however it spells that", async () => {
    const { url } = world.site;
    const cases = [
      [`${url}/x?y#z`, `${SHOP}/x?y#z`],
      [`${url}`, `${SHOP}/`],
      [`${url}?y`, `${SHOP}/?y`],
      [`${url.replace("http", "HTTP")}/x`, `${SHOP}/x`],
      [`${url.replace("http:", "https:")}/x`, `${SHOP}/x`],
      [`${url.replace("http:", "")}/x`, `${SHOP}/x`],
      ...[`${url}0/x`, `${url}@evil.test/x`, `${url}.evil.test/x`, "/en/?a=1", "https://elsewhere.test/", `${url.replace("http:", "https:")}/given`].map((same) => [same, same]),
    ];
    for (const [location, there] of cases) {
      const answer = await given({ status: 302, headers: { location }, body: "" });
      assert.deepEqual([answer.status, answer.location], [302, there], location);
    }
  });

  it("leads to the channel first-party where the origin itself leads to Telegram, be it after a form", async () => {
    const form = { method: "POST", body: "name=Ann", headers: { "content-type": "application/x-www-form-urlencoded" } };
    const cases = [
      [302, "https://t.me/shopchannel", LED],
      [301, "//t.me/shopchannel?start=promo_1", `${LED}&start=promo_1`],
      [307, "tg://resolve?domain=shopvip", "/c/vip?to=tg://resolve"],
      [303, "https://t.me/shopchannel", LED, form],
      // The browser would go on with the form.
      [307, "https://t.me/shopchannel", "https://t.me/shopchannel", form],
      [302, "https://t.me/share/url?url=x", "https://t.me/share/url?url=x"],
      [302, "https://t.me/shopchannel", "https://t.me/shopchannel", { headers: { "sec-fetch-dest": "image" } }],
    ];
    for (const [status, location, there, options] of cases) {
      const answer = await given({ path: "/go?utm_source=fb", status, headers: { location }, body: "" }, options);
      assert.deepEqual([answer.status, answer.location], [status, there], location);
    }
  });

  it("leads to the channel first-party where it leads on by itself", async () => {
    const refresh = (content, name = "refresh") => `<meta http-equiv="${name}" content="${content}">`;
    const cases = [
      ["0; url=https://t.me/shopchannel", `0; url=${LED}`],
      ["3;URL='https://t.me/shopchannel'", `3;URL=${LED}`],
      [" 1.5 , tg://resolve?domain=shopvip&amp;start=a", "1.5 , /c/vip?to=tg://resolve&start=a"],
      ["0;https://t.me/+AbC?x=1", "0;/c/main?to=https://t.me/%2BAbC"],
      ["5", "5"],
      ["0; url=/next?from=t.me", "0; url=/next?from=t.me"],
      ["0; url=https://t.me/share/url?url=x", "0; url=https://t.me/share/url?url=x"],
    ];
    for (const [content, there = content] of cases) {
      const { text } = await given({ body: `${refresh(content)}<noscript>${refresh(content, "Refresh")}</noscript>` });
      assert.ok(text.startsWith(`${refresh(there)}<noscript>${refresh(there, "Refresh")}</noscript>`), text);
    }
    const others = `${refresh("0; url=https://t.me/shopchannel", "other")}<meta http-equiv="refresh"><meta id="later" http-equiv="refresh" content>${JOIN}`;
    const { text } = await given({ body: others });
    assert.ok(text.startsWith(others.slice(0, others.indexOf("<a "))), text);
    assert.equal(link(text, "join"), LED, "one whose script has yet to say where");
  });

  it("that is moved without its query keeps what brought the visitor", async () => {
    const referer = "https://l.facebook.com/";
    const moved = { path: "/lang?fbclid=Moved&utm_source=fb&tgclid=tg_1", status: 301, headers: { location: "/given", "cache-control": "max-age=600" }, body: "" };
    const { cookies, headers } = await given(moved, { headers: { referer } });
    assert.deepEqual(Object.keys(cookies).sort(), ["_fbc", "_fbp", "_tgclid", "edgeway_touch"]);
    assert.match(headers["cache-control"], /private, no-cache/);
    assert.deepEqual(await world.visits(), []);
    await given({}, { headers: { referer, cookie: Object.entries(cookies).map(([name, { value }]) => `${name}=${value}`).join("; ") } });
    const visit = only(await world.visits());
    assert.deepEqual([visit.fbc, visit.fbp, visit.tgclid], [cookies._fbc.value, cookies._fbp.value, "tg_1"]);
    assert.match(visit.fbc, /\.Moved$/);
    const passedBy = [
      [{ path: "/lang" }, {}],
      [{}, { headers: { accept: "*/*", "sec-fetch-dest": "empty" } }],
      [{}, { headers: { "sec-fetch-dest": "iframe" } }],
      [{}, { headers: { "sec-purpose": "prefetch" } }],
      [{}, { method: "POST", body: "" }],
    ];
    for (const [answer, options] of passedBy) {
      const { cookies, headers } = await given({ ...moved, ...answer }, options);
      assert.deepEqual([cookies, headers["cache-control"]], [{}, "max-age=600"], JSON.stringify([answer, options]));
    }
  });

  it("has its links followed by the browser, not fetched by its scripts", async () => {
    const { text } = await given({ body: `${JOIN}<a id="blank" href="https://t.me/shopvip" target="_blank">VIP</a><a id="other" href="/other">Other</a>` });
    assert.ok(text.startsWith(`<a id="join" href="${LED}" target="_TOP">Join</a><a id="blank" href="/c/vip?to=https://t.me/shopvip" target="_blank">VIP</a><a id="other" href="/other">Other</a>`), text);
    const based = await given({ body: `<base target="_blank">${JOIN}` });
    assert.ok(based.text.startsWith(`<base target="_blank"><a id="join" href="${LED}">Join</a>`), based.text);
  });

  it("of AMP's kind gets no tag, and is a visit with links all the same", async () => {
    for (const mark of ["amp", "\u26a1", 'lang="en" amp=""']) {
      const { text, cookies } = await given({ body: `<!doctype html><html ${mark}><body>${JOIN}</body></html>` });
      assert.deepEqual([tags(text), link(text, "join")], [[], LED], mark);
      assert.match(text, / target="_top"/, "AMP's validator knows it by small letters alone");
      const framed = await given({ body: `<!doctype html><html ${mark}><body>${JOIN}</body></html>` }, { headers: { "sec-fetch-dest": "iframe" } });
      assert.match(framed.text, / target="_top"/);
      assert.ok(cookies.adtarget_temp_id);
    }
    assert.equal((await world.visits()).length, 3);
  });

  it("touches nothing but HTML that is looked at", async () => {
    const file = { body: PAGE, headers: { "content-type": "text/html; charset=utf-8", "content-disposition": "Attachment; filename=invoice.html" } };
    const { text, cookies } = await given(file);
    assert.deepEqual([text, cookies], [PAGE, {}]);
    assert.deepEqual(await world.visits(), []);
    assert.equal((await open("/script.js")).text, `document.title = "scripted"; // https://t.me/shopchannel`);
    assert.equal((await open("/data.json")).text, `{"link":"https://t.me/shopchannel"}`);
  });

  it("tells the origin what the visitor's browser said, and nothing that it could forge", async () => {
    const forged = ["x-forwarded-for", "x-adtarget-client-ip", "forwarded", "x-real-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip", "fastly-client-ip", "x-original-url", "x-rewrite-url"];
    await open("/plain.html?a=1&b=%2F", { headers: { cookie: "sid=1", "accept-language": "uk", ...Object.fromEntries(forged.map((name) => [name, "9.9.9.9"])) } });
    const [{ path, headers }] = world.site.requests;
    assert.equal(path, "/plain.html?a=1&b=%2F");
    assert.equal(headers.cookie, "sid=1");
    assert.equal(headers["accept-language"], "uk");
    assert.equal(headers["user-agent"], BROWSER);
    assert.ok(!JSON.stringify(headers).includes("9.9.9.9"));
  });

  it("tells the origin the visitor's address, for Cloudflare, too, who makes CF-Connecting-IP of it for an origin of the same zone", async () => {
    await open("/plain.html", { ip: "203.0.113.77" });
    const [{ headers }] = world.site.requests;
    assert.deepEqual([headers["x-forwarded-for"], headers["x-real-ip"]], ["203.0.113.77", "203.0.113.77"]);
  });

  it("is let in by its origin as the visitor is, but with no key of the edge's", async () => {
    const told = async (authorization) => {
      await open("/data.json", { headers: { authorization, "sec-fetch-dest": "empty" } });
      return world.site.requests.at(-1).headers.authorization;
    };
    for (const own of ["Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "Basic c3RhZ2luZzpvcGVu"]) assert.equal(await told(own), own);
    for (const key of [API_KEY, OPERATOR_KEY]) assert.equal(await told(`Bearer ${key}`), undefined);
  });

  it("leads to the channel that its tag names, from there on", async () => {
    const body = `${JOIN}<script async src="https://edge.shop.test/t.js" data-website-id="${WEBSITE}" data-channel="vip"></script>${JOIN.replace("join", "named")}`;
    const { text } = await given({ body });
    assert.deepEqual([link(text, "join"), link(text, "named")], [LED, LED.replace("/main", "/vip")]);
    const unknown = await given({ body: body.replace('"vip"', '"nobody"') });
    assert.equal(link(unknown.text, "named"), LED);
  });

  it("that is moved without its query is the visit of the click all the same, from a search engine, too", async () => {
    for (const referer of ["https://www.google.com/", ""]) {
      await world.reset();
      const headers = referer ? { referer } : {};
      const moved = { path: "/lang?gclid=Moved&utm_source=g", status: 302, headers: { location: "/given" }, body: "" };
      const jar = ({ cookies }) => Object.entries(cookies).map(([name, { value }]) => `${name}=${value}`).join("; ");
      const first = await given(moved, { headers });
      const page = await given({}, { headers: { ...headers, cookie: jar(first) } });
      const visit = only(await world.visits());
      assert.deepEqual([visit.gclid, visit.utmSource], ["Moved", "g"], referer);
      const cookie = `${jar(first)}; ${jar(page)}`;
      await world.edge.request(`${SHOP}/c/main`, { headers: { ...NAVIGATION, cookie, referer: `${SHOP}/given` } });
      const click = only(await world.clicks());
      assert.equal(click.tempId, visit.tempId);
      if (backend === "ledger") assert.deepEqual([click.gclid, click.utmSource], ["Moved", "g"], referer);
      // The next page is no landing of that click, also of a site that tells no Referer.
      for (const headers of [{ referer: `${SHOP}/given` }, { "sec-fetch-site": "same-origin" }]) await given({}, { headers: { cookie, ...headers } });
      assert.deepEqual((await world.visits()).map(({ gclid }) => gclid).sort(), ["Moved", undefined, undefined]);
    }
  });

  it("comes zipped from its origin all the same", async () => {
    const { text } = await open("/gzip", { headers: { "accept-encoding": "gzip, br" } });
    assert.match(text, /<title>é<\/title>/);
    assert.equal(link(text, "join"), LED);
  });

  it("is one visit each time it is asked for, and no cache shares it", async () => {
    const first = await open("/cached");
    assert.match(first.headers["cache-control"], /private|no-store/);
    assert.match(first.headers["cache-control"], /no-cache|no-store|max-age=0/);
    assert.equal(first.headers.etag, undefined, "a page that names its visit must not be revalidated into another");
    await open("/cached", { headers: { "if-none-match": '"v1"' } });
    assert.equal((await world.visits()).length, 2);
  });

  it("gives the tag the page's own nonce", async () => {
    const { text, headers } = await open("/plain.html?csp=nonce");
    assert.match(headers["content-security-policy"], /nonce-/);
    assert.equal(attribute(only(tags(text)), "nonce"), NONCE);
  });

  it("gives the tag the nonce that scripts run by", async () => {
    const cases = [
      ["style-src 'nonce-STYLE'; script-src 'nonce-SCRIPT' 'strict-dynamic'", "SCRIPT"],
      ["script-src 'nonce-SCRIPT'; script-src-elem 'self' 'nonce-ELEM'", "ELEM"],
      ["Default-Src 'self' 'nonce-ANY'; img-src 'nonce-IMG'", "ANY"],
      ["default-src 'nonce-ANY'; script-src 'self'", undefined],
      [["img-src 'nonce-IMG'", "script-src 'nonce-SECOND'"], "SECOND"],
    ];
    for (const [policy, nonce] of cases) {
      const { text } = await given({ headers: { "content-security-policy": policy } });
      assert.equal(attribute(only(tags(text)), "nonce"), nonce, String(policy));
    }
  });

  it("leads to the channel by every link that a browser would follow there", async () => {
    const cases = [
      ...["HTTPS://T.ME/shopchannel", "//t.me/shopchannel", " https://t.me/shopchannel", "\n  https://t.me/\nshopchannel\t", "https://t.me/shopchannel/", "https://shopchannel.t.me"].map((href) => [href, "main?to=https://t.me/shopchannel"]),
      ...["https&#58;//t.me/shopchannel", "https&colon;//t.me/shopchannel", "https:&#x2F;&#x2f;t.me&#X2F;shopchannel", "https:&sol;&sol;t.me&sol;shopchannel"].map((href) => [href, "main?to=https://t.me/shopchannel"]),
      ...["https://t.me/&#x2B;VipFallback0001", "https://t.me/&#43VipFallback0001", "https://t.me/&plus;VipFallback0001", "https://t.me/%2BVipFallback0001"].map((href) => [href, "vip?to=https://t.me/%2BVipFallback0001"]),
      [" tg://join?invite=VipFallback0001", "vip?to=tg://join"],
      ...["&amp;", "&AMP;", "&#38;", "&#x26;", "&"].map((and) => [`https://t.me/shopchannel?a=1${and}start=promo`, "main?to=https://t.me/shopchannel&start=promo"]),
      // What is none stays as it was written.
      ...["https://t.me/shopchannel&#x110000;", "https://first.media/shopchannel", "https://shopchannel.t.me.shop.test/", "https://www.t.me/", "https://t.me/share/url?url=a&#38;b"].map((href) => [href]),
    ];
    const body = cases.map(([href], at) => `<a id="a${at}" href="${href}">x</a><area id="b${at}" href='${href}'>`).join("");
    const { text } = await given({ body });
    cases.forEach(([href, to], at) => {
      const links = [`<a id="a${at}" href="`, `<area id="b${at}" href=`].map((begin) => text.split(begin)[1].replace(/^['"]/, "").split(/['"]/)[0]);
      assert.deepEqual(links, Array(2).fill(to ? `/c/${to}` : href), JSON.stringify(href));
    });
  });

  it("of the site's own at a path like a short link's is the site's", async () => {
    assert.equal((await given({ path: "/c/shoes", body: `<p>shoes</p>${JOIN}` })).text.slice(0, 12), "<p>shoes</p>");
    assert.equal((await open("/c/nothing")).status, 404);
    assert.equal((await open("/c/echo", { method: "POST", body: "a=1" })).status, 404, "what the site's server says");
    assert.equal((await open("/c/main", { method: "POST", body: "a=1" })).status, 405);
    assert.equal((await open("/c/main", { redirect: "manual" })).status, 302);
  });

  it("leads to the channel without scripts, too", async () => {
    const other = `<img src="https://www.facebook.com/tr?id=1&amp;noscript=1">`;
    const off = `<a data-edgeway="off" href="https://t.me/shopchannel">é</a>`;
    const body = (one, link) => `<noscript>${one}</noscript><p>é</p><noscript>${other} é ${link} ${off}</noscript>`;
    const chunks = [...body(other, JOIN)];
    world.site.pages["/given"] = { chunks };
    const { text } = await open("/given");
    assert.ok(text.startsWith(body(other, `<a id="join" href="${LED}" target="_TOP">Join</a>`)), text);
  });

  it("with a base of its own leads to the edge's host all the same", async () => {
    const { text } = await given({ body: `<!doctype html><base target="_top"><base href="https://cdn.test/x/">${JOIN}<noscript>${JOIN}</noscript>` });
    assert.equal(text.split(`href="${SHOP}${LED}"`).length, 3, text);
    assert.match(attribute(only(tags(text)), "src"), /^https:\/\/shop\.test\/e\/t(\.\w+)?\.js$/);
  });

  it("that has another script's attribute gets the tag, and that script is left alone", async () => {
    const umami = `<script defer src="https://cloud.umami.is/script.js" data-website-id="b59e9c65-ae32-47f1-8400-119fcf4861c4"></script>`;
    const { text } = await given({ body: umami + JOIN });
    assert.ok(text.startsWith(umami), text);
    assert.equal(attribute(tags(text)[1], "data-website-id"), WEBSITE);
  });

  it("that has a tag of its own gets no second", async () => {
    world.site.tag = `<script async src="https://edge.shop.test/t.js" data-website-id="${WEBSITE}"></script>`;
    const { text } = await open("/plain.html");
    world.site.tag = "";
    assert.equal(tags(text).length, 1, text);
  });

  it("streams: the head is here before the origin has sent the end, and every link is found", async () => {
    const { first, end, text } = await stream(world.edge.url, `${SHOP}/large`);
    assert.ok(first < end - 300, `first bytes after ${first} ms, the end after ${end} ms`);
    const more = [...text.matchAll(/<a class="more" href="([^"]*)"/g)].map(([, href]) => href);
    assert.equal(more.length, 16);
    assert.ok(more.every((href, part) => href === `${LED}&start=p${part}`), more[0]);
    assert.equal(text.match(/é/g).length, 16 * 512 * 60);
    assert.equal(link(text, "last"), LED);
    assert.equal(tags(text).length, 1);
  });

  it("waits for nothing: not for AdTarget, not for the queue, not for D1", async () => {
    world.adtarget.misbehave({ path: "init", delay: 8_000 });
    await world.edge.fail({ d1: 8_000, queue: 8_000 });
    const answer = await open("/plain.html");
    assert.equal(answer.status, 200);
    assert.ok(answer.ms < 6_000, `${answer.ms} ms`);
  });

  it("is delivered once though AdTarget fails first", { skip: backend === "ledger" }, async () => {
    world.adtarget.misbehave({ path: "init", times: 3, status: 503 });
    const { cookies } = await open("/plain.html");
    await until(() => world.adtarget.visits.length, "delivered");
    assert.equal(only(await world.visits()).tempId, cookies.adtarget_temp_id.value);
  });

  it("that AdTarget refuses stands in the log, with its ids", { skip: backend === "ledger" }, async () => {
    world.adtarget.misbehave({ path: "init", status: 400 });
    const { text } = await open("/plain.html");
    await until(() => world.logged("AdTarget refused", attribute(only(tags(text)), "data-visit")), "a line in the log");
    assert.deepEqual(await world.visits(), []);
  });

  it("whose origin is down is a clear error, not a hanging one", async () => {
    const answer = await open("/broken");
    assert.equal(answer.status, 502);
    assert.ok(!answer.text.includes("127.0.0.1"), "no internals");
  });

  it("whose origin is down says so in the visitor's language, with the way to the channel, and keeps what the ad carried", async () => {
    const { status, headers, text, cookies } = await open("/broken?gclid=Glost&utm_source=ad", { headers: { "accept-language": "de" } });
    assert.equal(status, 502);
    assert.match(`${headers["content-type"]} ${headers["cache-control"]}`, /^text\/html; charset=utf-8 no-store$/i);
    assert.match(text, /<html lang="de">.*<h1>Diese Seite kann gerade nicht angezeigt werden<\/h1><p><a href="\/c\/main">Den Kanal in Telegram öffnen<\/a>/);
    const { gclid, tempId } = only(await world.visits());
    assert.deepEqual([gclid, tempId], ["Glost", cookies.adtarget_temp_id.value]);
    for (const other of [{ accept: "*/*", "sec-fetch-dest": "image" }, { accept: "application/json", "sec-fetch-dest": "empty" }]) {
      const { json, status } = await open("/broken?gclid=Gnone", { headers: other });
      assert.deepEqual([status, json().error.code], [502, "BAD_GATEWAY"]);
    }
    assert.equal((await world.visits()).length, 1);
  });

  it("whose origin Cloudflare can't reach, and answers for itself, is such a one", async () => {
    const dead = (status) => given({ path: `/dead?gclid=G${status}`, status, headers: { "content-type": "text/plain; charset=UTF-8" }, body: `error code: ${status}` });
    for (const status of [520, 522, 527, 530]) {
      const { status: told, text } = await dead(status);
      assert.equal(told, 502);
      assert.match(text, /<h1>This page can’t be shown right now<\/h1><p><a href="\/c\/main">/);
    }
    assert.deepEqual((await world.visits()).map(({ gclid }) => gclid).sort(), ["G520", "G522", "G527", "G530"]);
    assert.equal((await dead(528)).text, "error code: 528");
  });

  it("come back to from where the visitor has paid, within the session of the ad, is still of that ad", async () => {
    const go = browser();
    await go("/plain.html?sccid=Snap-1&utm_source=snap");
    await world.visits();
    const { text } = await go("/plain.html", { referer: "https://checkout.example/" });
    await world.visits();
    await go("/plain.html?utm_source=snap", { referer: `${SHOP}/plain.html`, "sec-fetch-site": "same-origin" });
    await world.visits();
    await go(link(text, "join"), { referer: `${SHOP}/plain.html`, "sec-fetch-site": "same-origin" });
    const click = only(await world.clicks());
    if (backend === "adtarget") return;
    assert.equal(click.sccid, "Snap-1");
    assert.deepEqual((await world.visits()).sort((a, b) => a.atMs - b.atMs).map(({ sourced }) => sourced), [1, 0, 0]);
    assert.equal(only(await world.edge.rows("SELECT * FROM click_origins")).source, "snap");
  });

  it("by a redirect that drops the query is of the link's source, each time that it is tapped within a session", { skip: backend === "adtarget" }, async () => {
    world.site.pages["/blog"] = { status: 302, headers: { location: "/plain.html" } };
    const go = browser();
    for (const from of [{}, {}, { referer: "https://l.instagram.com/" }]) {
      for (const path of ["/blog?utm_source=blog", "/plain.html"]) await go(path, from);
      await world.edge.advance(60_000);
    }
    assert.deepEqual((await world.visits()).map(({ utmSource }) => utmSource), ["blog", "blog", "blog"]);
  });

  it("is nobody else's to keep, whichever cache asks", async () => {
    const lifetimes = ["cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "x-accel-expires"];
    const { headers } = await given({ headers: Object.fromEntries(lifetimes.map((name) => [name, "max-age=600"])) });
    assert.deepEqual(lifetimes.filter((name) => name in headers), []);
    assert.equal(headers["cache-control"], "private, no-cache");
    // Or by the browser itself, where the origin has forbidden that: an account's page must not come back after logging out.
    for (const rules of ["no-store", "No-Cache, NO-STORE, must-revalidate"]) {
      const secret = { headers: { "cache-control": rules } };
      assert.equal((await given(secret)).headers["cache-control"], "private, no-store");
      const moved = { path: "/lang?utm_source=fb", status: 302, headers: { ...secret.headers, location: "/given" }, body: "" };
      assert.equal((await given(moved)).headers["cache-control"], "private, no-store");
    }
  });

  it("leads on to the channel first-party, where a header says so", async () => {
    const { headers } = await given({ headers: { refresh: "0; url=https://t.me/shopchannel" } });
    assert.equal(headers.refresh, `0; url=${LED}`);
    assert.equal((await given({ headers: { refresh: "5; url=/next" } })).headers.refresh, "5; url=/next");
  });

  it("leads where a redirect of its server's own leads, letter for letter", async () => {
    const location = Buffer.from("/caf\u00e9/", "latin1").toString("latin1");
    world.site.pages["/old"] = { status: 301, headers: { location } };
    const { headers } = await open("/old?gclid=G1");
    assert.equal(headers.location, location);
  });
});

/** The times of the first bytes and of the end, and the text between. */
function stream(at, url) {
  const started = performance.now();
  const { host, pathname } = new URL(url);
  const { hostname, port } = new URL(at);
  return new Promise((resolve, reject) => {
    http
      .get({ host: hostname, port, path: pathname, agent: false, headers: { ...NAVIGATION, host, "MF-Original-URL": url } }, async (answer) => {
        const chunks = [];
        let first;
        for await (const chunk of answer) {
          first ??= performance.now() - started;
          chunks.push(chunk);
        }
        resolve({ first, end: performance.now() - started, text: Buffer.concat(chunks).toString("utf8") });
      })
      .on("error", reject);
  });
}

describe("a page behind the edge, with capture off", () => {
  let world;
  before(async () => (world = await startWorld({ front: true, vars: { EDGE_CAPTURE: "off" } })));
  after(() => world.close());

  it("is no visit until its script says so, but leads to the channel first-party", async () => {
    const { text, cookies } = await world.edge.request(`${SHOP}/plain.html`, { headers: NAVIGATION });
    const tag = only(tags(text));
    assert.equal(attribute(tag, "data-visit"), undefined);
    assert.equal(cookies.adtarget_temp_id, undefined);
    assert.equal(link(text, "join"), LED);
    assert.deepEqual(await world.visits(), []);
  });
});

describe("a page behind the edge, where consent is required", () => {
  let world;
  before(async () => (world = await startWorld({ front: true, vars: { REQUIRE_CONSENT: "on" } })));
  after(() => world.close());

  it("is no visit, and the edge's tag waits", async () => {
    const { text, cookies } = await world.edge.request(`${SHOP}/plain.html?notag`, { headers: NAVIGATION });
    assert.equal(attribute(only(tags(text)), "data-consent"), "required");
    assert.deepEqual(cookies, {});
    assert.deepEqual(await world.visits(), []);
  });
});

const SIGNALS = [
  ["Global Privacy Control", { setting: "RESPECT_GPC", header: "sec-gpc", mark: "data-gpc" }],
  ["Do Not Track", { setting: "RESPECT_DNT", header: "dnt", mark: "data-dnt" }],
];
for (const [name, { setting, header, mark }] of SIGNALS) {
  describe(`${name} at the edge`, () => {
    let world;
    before(async () => (world = await startWorld({ front: true, vars: { [setting]: "on" } })));
    after(() => world.close());

    it("respected, it leads a tap on to the channel, keeps nothing of it and sets no cookie", async () => {
      const tap = (headers) => world.edge.request(`${SHOP}/c/main`, { headers: { ...NAVIGATION, cookie: "_fbc=fb.1.1790000000000.Click-1", ...headers } });
      const { status, location, cookies } = await tap({ [header]: "1" });
      assert.deepEqual([status, location], [302, FALLBACK.main]);
      assert.deepEqual(cookies, {});
      assert.deepEqual(await world.clicks(), []);
      assert.ok((await tap({})).cookies.adtarget_temp_id, "without the signal it is a click");
      assert.equal((await world.clicks()).length, 1);
    });

    it("respected, it is not told to a bot either, where the invite would tell it which click it was", async () => {
      const channels = [{ ...SITES[0].channels[0], invite: "https://t.me/shop_bot?start={clickId}" }];
      const own = await startWorld({ vars: { [setting]: "on", SITES: JSON.stringify([{ ...SITES[0], channels }]) } });
      try {
        const tap = async (headers) => (await own.invite({ to: "https://t.me/shop_bot" }, { headers: { referer: "https://www.shop.test/", ...headers } })).location;
        assert.equal(await tap({ [header]: "1" }), "https://t.me/shop_bot");
        assert.deepEqual(await own.clicks(), []);
        assert.match(await tap({}), /^https:\/\/t\.me\/shop_bot\?start=[0-9a-f]{32}$/);
      } finally {
        await own.close();
      }
    });

    it("respected, it keeps the page request to itself", async () => {
      const { text, cookies } = await world.edge.request(`${SHOP}/plain.html`, { headers: { ...NAVIGATION, [header]: "1" } });
      assert.equal(cookies.adtarget_temp_id, undefined);
      assert.equal(attribute(only(tags(text)), mark), "respect");
      assert.deepEqual(await world.visits(), []);
      await world.edge.request(`${SHOP}/plain.html`, { headers: NAVIGATION });
      assert.equal((await world.visits()).length, 1, "without the signal it is a visit");
    });
  });
}
