// GET invite and GET /c/{slug}, from outside: where a click leads, and what is kept of it.
import { after, afterEach, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { NOT_TELEGRAM } from "./harness/links.mjs";
import { BARE_WEBSITE, BROWSER, CHANNELS, FALLBACK, WEBSITE, forBothBackends, only, startWorld } from "./harness/world.mjs";

const TELEGRAM = /^(https:\/\/(t\.me|telegram\.me|telegram\.dog)\/|tg:)/;

/** Asserts a redirect into Telegram as it has to be, and gives its target. */
function leads(answer) {
  assert.equal(answer.status, 302, answer.text);
  assert.match(answer.location, TELEGRAM);
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.equal(answer.headers["referrer-policy"], "no-referrer");
  return answer.location;
}

forBothBackends("a click", (backend) => {
  let world;
  before(async () => (world = await startWorld({ backend })));
  after(() => world.close());
  afterEach(() => world.reset());

  /** Where a click has to lead: to the link AdTarget made for it, or to the channel's own. */
  const target = (slug) => (backend === "adtarget" ? world.adtarget.clicks.at(-1).inviteLink : FALLBACK[slug]);
  const channelOf = (click) => (backend === "adtarget" ? { [CHANNELS[0]]: "main", [CHANNELS[1]]: "vip" }[click.channelId] : click.channel);

  for (const path of ["/backend/track/invite", "/track/invite", "/e/invite"]) {
    it(`by ${path} leads to the channel and is kept`, async () => {
      const ids = { tempId: randomUUID(), clientSessionId: randomUUID() };
      const answer = await world.invite(ids, { path });
      assert.equal(leads(answer), target("main"));
      const click = only(await world.clicks());
      assert.equal(click.tempId, ids.tempId);
      assert.equal(click.clientSessionId, ids.clientSessionId);
      assert.equal(channelOf(click), "main");
      assert.deepEqual(await world.visits(), []);
    });
  }

  it("reads what the page's address carries, where the page tells it, and no other site's", async () => {
    for (const [page, ttclid] of [["https://www.shop.test/offer?ttclid=T1#top", "T1"], ["https://evil.test/?ttclid=T2", undefined], ["?ttclid=T3", undefined]]) {
      leads(await world.invite({ page }));
      const click = only(await world.clicks());
      if (backend === "ledger") assert.equal(click.ttclid, ttclid, page);
      else assert.equal("page" in click, false, "it is the edge's alone");
      await world.reset();
    }
  });

  for (const path of ["/c/vip", "/e/c/vip"]) {
    it(`by ${path} needs no script: ids come from cookies, click ids from cookies and the landing page`, async () => {
      const [tempId, clientSessionId] = [randomUUID(), randomUUID()];
      const answer = await world.edge.request(path, {
        ip: "203.0.113.9",
        headers: {
          "user-agent": BROWSER,
          referer: "https://www.shop.test/offer?fbclid=FromReferer&gclid=G1&utm_source=ad",
          cookie: `_fbp=fb.1.1700000000001.12; adtarget_temp_id=${tempId}; adtarget_session_id=${clientSessionId}`,
        },
      });
      assert.equal(leads(answer), target("vip"));
      assert.equal(answer.cookies.adtarget_session_id.value, clientSessionId, "the session slides");
      assert.equal(answer.cookies.adtarget_session_id["max-age"], "1800");
      const click = only(await world.clicks());
      assert.equal(click.tempId, tempId);
      assert.equal(click.clientSessionId, clientSessionId);
      assert.equal(channelOf(click), "vip");
      if (backend === "adtarget") return assert.equal(click.headers.referer, "https://www.shop.test/offer?fbclid=FromReferer&gclid=G1&utm_source=ad");
      assert.match(click.fbc, /^fb\.1\.\d{13}\.FromReferer$/);
      assert.equal(click.fbp, "fb.1.1700000000001.12");
      assert.equal(click.gclid, "G1");
      assert.equal(click.utmSource, "ad");
      assert.equal(click.ip, "203.0.113.9");
      assert.equal(click.userAgent, BROWSER);
    });
  }

  it("of somebody new gets ids", async () => {
    const answer = await world.edge.request("/c/main");
    leads(answer);
    const click = only(await world.clicks());
    assert.equal(answer.cookies.adtarget_temp_id.value, click.tempId);
    assert.equal(answer.cookies.adtarget_session_id.value, click.clientSessionId);
  });

  it("on a link that the page had goes to the channel that the link meant", async () => {
    const cases = {
      "https://t.me/shopvip": "vip", "https://T.ME/ShopVIP": "vip", "http://telegram.me/shopvip?start=x": "vip", "tg://resolve?domain=shopvip": "vip",
      "https://t.me/shopchannel/12": "main", "https://telegram.dog/shopchannel": "main", "https://t.me/+VipFallback0001": "vip", "tg://join?invite=VipFallback0001": "vip",
      "https://t.me/somebodyelse": "main",
    };
    for (const [to, slug] of Object.entries(cases)) {
      assert.equal(leads(await world.invite({ to })), target(slug), to);
      const clicks = await world.clicks();
      assert.equal(channelOf(clicks.at(-1)), slug, to);
    }
  });

  it("goes to the channel it names, by id or by slug", async () => {
    assert.equal(leads(await world.invite({ channelId: CHANNELS[1] })), target("vip"));
    assert.equal(leads(await world.invite({ channelId: "vip" })), target("vip"));
    assert.equal(channelOf((await world.clicks())[0]), "vip");
  });

  it("goes where its link led, though its page calls the channel by a name that is not there", { skip: backend === "adtarget" }, async () => {
    const headers = { "sec-fetch-site": "same-site" };
    for (const [to, there] of [["https://t.me/shopvip", target("vip")], ["https://t.me/+Elsewhere01", "https://t.me/+Elsewhere01"]]) {
      assert.equal(leads(await world.invite({ channelId: "vpi", to }, { headers })), there);
      assert.equal(leads(await world.edge.request(`/c/vpi?to=${encodeURIComponent(to)}`, { headers })), there);
    }
    assert.deepEqual((await world.clicks()).map(channelOf), ["vip", "vip", undefined, undefined]);
    for (const path of ["/e/invite?channelId=vpi", "/c/vpi", "/c/vpi?to=https://evil.test/"]) assert.equal((await world.edge.request(path, { headers })).json().error.code, "CHANNEL_NOT_FOUND", path);
    for (const path of ["/e/invite?channelId=vpi&to=https://t.me/shopvip", "/c/vpi?to=https://t.me/shopvip"]) assert.equal((await world.edge.request(path)).json().error.code, "CHANNEL_NOT_FOUND", "a link of nobody's page");
  });

  it("on a page that hides its address is not the ad that its link's own words make of it", { skip: backend === "adtarget" }, async () => {
    const cookie = "ttclid=Tt1";
    await world.edge.request("/c/main?utm_source=button", { headers: { cookie, "sec-fetch-site": "same-origin" } });
    await world.edge.request("/c/main?utm_source=ad", { headers: { cookie, "sec-fetch-site": "cross-site" } });
    assert.deepEqual((await world.clicks()).map(({ ttclid, direct }) => [ttclid, direct]), [["Tt1", 0], [undefined, 1]]);
  });

  it("by an ad that leads right to it keeps what the ad said", async () => {
    leads(await world.edge.request("/c/main?fbclid=Direct&gclid=G1&utm_source=ad", { headers: { referer: "https://l.facebook.com/" } }));
    const { fbc, fbclid, gclid, utmSource, utm_source, landingPage, referrer } = only(await world.clicks());
    if (backend === "adtarget") return assert.deepEqual([fbclid, gclid, utm_source], ["Direct", "G1", "ad"]);
    assert.match(fbc, /\.Direct$/);
    assert.deepEqual([gclid, utmSource, landingPage, referrer], ["G1", "ad", undefined, "https://l.facebook.com/"]);
  });

  if (backend === "adtarget") {
    it("goes to a channel that AdTarget alone knows", async () => {
      world.adtarget.websites[WEBSITE].channels.push("chan_new");
      try {
        assert.equal(leads(await world.invite({ channelId: "chan_new" })), world.adtarget.clicks[0].inviteLink);
        assert.equal(world.adtarget.clicks[0].channelId, "chan_new");
        world.adtarget.misbehave({ path: "invite", status: 503 });
        assert.equal(leads(await world.invite({ channelId: "chan_new", to: FALLBACK.vip })), FALLBACK.vip, "else by the page's own link");
        world.adtarget.misbehave({ path: "invite", status: 503 });
        const { location } = await world.edge.request(`/e/invite?websiteId=${WEBSITE}&channelId=chan_new&to=https://t.me/anybodys`, { headers: { referer: "https://evil.test/", "sec-fetch-site": "cross-site" } });
        assert.equal(location, undefined, "not by a link of nobody's page");
        world.adtarget.misbehave({ path: "invite", status: 503 });
        assert.equal((await world.invite({ channelId: "chan_new", to: "tg://resolve" })).status, 404, "never by one that leads nowhere");
      } finally {
        world.adtarget.websites[WEBSITE].channels.pop();
      }
    });
  }

  it("told twice is one click and one link", async () => {
    const query = { eventId: randomUUID(), tempId: randomUUID(), clientSessionId: randomUUID() };
    const [first, second] = [leads(await world.invite(query)), leads(await world.invite(query))];
    assert.equal(first, second);
    only(await world.clicks());
  });

  it("twice by one visitor is two clicks", async () => {
    const tempId = randomUUID();
    leads(await world.invite({ tempId }));
    leads(await world.invite({ tempId }));
    assert.equal((await world.clicks()).length, 2);
  });

  it("is none when a browser only prepares for it or a program looks at the link", async () => {
    for (const headers of [{ "sec-purpose": "prefetch" }, { "sec-purpose": "prefetch;prerender" }, { purpose: "prefetch" }, { "x-moz": "prefetch" }, { purpose: "preview" }, { "x-purpose": "preview" }]) {
      await world.invite({}, { headers });
    }
    // What a `<link>` prefetches says nothing in the console; nobody goes to it by a click, as they do to what the browser itself prepares.
    const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for (const [destination, status] of [["empty", 204], ["document", 503]]) {
      const answer = await world.invite({}, { headers: { accept, "sec-purpose": "prefetch", "sec-fetch-dest": destination } });
      assert.deepEqual([answer.status, answer.headers["cache-control"]], [status, "no-store"]);
    }
    // What a script of the page fetches, ahead of a tap or in place of one.
    for (const accept of ["*/*", "text/html, application/xhtml+xml", "text/html,application/xhtml+xml,application/xml"]) {
      assert.equal((await world.invite({}, { headers: { accept, "sec-fetch-dest": "empty" } })).status, 503);
    }
    // What a page is made of, be it somebody else's.
    for (const destination of ["image", "script", "style", "font", "track", "video", "iframe", "frame", "object", "embed", "worker"]) {
      const answer = await world.invite({}, { headers: { accept, "sec-fetch-dest": destination, "sec-fetch-site": "cross-site", "sec-ch-ua": '"Chromium";v="150"' } });
      assert.deepEqual([answer.status, answer.headers["cache-control"]], [503, "no-store"], destination);
    }
    leads(await world.invite({}, { method: "HEAD" }));
    for (const agent of ["facebookexternalhit/1.1", "TelegramBot (like TwitterBot)", "Mozilla/5.0 (compatible; Googlebot/2.1)", "WhatsApp/2.24.6.77 A", "Viber/21.0.0"]) leads(await world.invite({}, { headers: { "user-agent": agent } }));
    assert.deepEqual(await world.clicks(), []);
    leads(await world.invite({}, { headers: { "user-agent": "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36" } }));
    assert.equal((await world.clicks()).length, 1, "a phone");
    leads(await world.invite({}, { headers: { accept, "sec-fetch-dest": "empty" } }));
    assert.equal((await world.clicks()).length, 2, "handed on by the page's service worker");
    leads(await world.invite({}, { headers: { accept, "sec-fetch-dest": "iframe", "sec-fetch-user": "?1", "sec-ch-ua": '"Chromium";v="150"' } }));
    leads(await world.invite({}, { headers: { accept, "sec-fetch-dest": "iframe" } }));
    assert.equal((await world.clicks()).length, 4, "tapped in a frame, as far as the browser says");
  });

  it("never leads anywhere but to Telegram, whatever `to` says", async () => {
    for (const to of NOT_TELEGRAM) {
      const answer = await world.invite({ to });
      assert.equal(leads(answer), target("main"), JSON.stringify(to));
      assert.equal(answer.cookies.evil, undefined);
    }
    for (const name of ["url", "redirect", "redirect_uri", "next", "inviteLink", "link", "start"]) {
      assert.equal(leads(await world.invite({ [name]: "https://evil.test/" })), target("main"), name);
      assert.equal(leads(await world.edge.request(`/c/main?${name}=https://evil.test/`)), target("main"), name);
    }
  });

  it("is not moved by tricks with the path", async () => {
    for (const path of ["/c/main/../../evil.test", "/c//evil.test", "/c/%2f%2fevil.test", "/c/main%0d%0aLocation:%20https://evil.test", "/c/main\\@evil.test", "//evil.test/c/main", "/c/https://evil.test"]) {
      const answer = await world.edge.request(`https://edge.shop.test${path}`);
      assert.ok(!answer.location || TELEGRAM.test(answer.location) || answer.location.startsWith("/"), `${path} → ${answer.location}`);
      assert.ok(!answer.location?.includes("evil"), `${path} → ${answer.location}`);
    }
  });

  it("of a visit that is called by no id is a click all the same", async () => {
    assert.equal(leads(await world.invite({ visit: "1" })), backend === "adtarget" ? world.adtarget.clicks[0].inviteLink : FALLBACK.main);
    assert.equal((await world.clicks()).length, 1);
  });

  it("names its site and visitor once, however their names are written", { skip: backend === "ledger" }, async () => {
    const tempId = randomUUID();
    await world.edge.request(`/e/invite?websiteId=${WEBSITE}&tempId=${tempId}&%77ebsiteId=atid_bare&%74empId=evil&x%79=1`);
    const { query } = only(world.adtarget.calls);
    assert.deepEqual([query.websiteId, query.tempId, query.xy], [WEBSITE, tempId, "1"]);
  });

  describe("is refused as AdTarget would, and nothing kept:", () => {
    const cases = {
      "an unknown slug": [(w) => w.edge.request("/c/nothing"), 404, "CHANNEL_NOT_FOUND"],
      "an unknown channel": [(w) => w.invite({ channelId: "chan_nothing" }), 404, "CHANNEL_NOT_FOUND"],
      "an unknown website": [(w) => w.invite({ websiteId: "atid_nobody" }), 404, "WEBSITE_NOT_FOUND"],
      "a forged tempId": [(w) => w.invite({ tempId: "1;DROP TABLE clicks" }), 400, "INVALID_PAYLOAD"],
      "a forged clientSessionId": [(w) => w.invite({ clientSessionId: "x;y" }), 400, "INVALID_PAYLOAD"],
      "a forged eventId": [(w) => w.invite({ eventId: "x" }), 400, "INVALID_PAYLOAD"],
      "another domain": [(w) => w.invite({}, { headers: { origin: "https://evil.test" } }), 403, "FORBIDDEN_DOMAIN"],
      "another method": [(w) => w.invite({}, { method: "POST", body: "{}" }), 405, "METHOD_NOT_ALLOWED"],
    };
    for (const [what, [send, status, code]] of Object.entries(cases)) {
      it(what, async () => {
        const answer = await send(world);
        assert.equal(answer.status, status, answer.text);
        assert.equal(answer.json().error.code, code);
        assert.equal(answer.location, undefined);
        assert.deepEqual(await world.clicks(), []);
      });
    }
  });

  describe("where no channel is configured", () => {
    const WORDS = { en: "lang=\"en", es: "lang=\"es", pt: "lang=\"pt", de: "lang=\"de", fr: "lang=\"fr", it: "lang=\"it", ru: "lang=\"ru", uk: "lang=\"uk" };
    const ask = (language) =>
      world.invite({ websiteId: BARE_WEBSITE }, { headers: { accept: "text/html,*/*;q=0.8", referer: "https://bare.test/", ...(language === undefined ? {} : { "accept-language": language }) } });

    it("gets a clear page in the visitor's language, and is kept", async () => {
      const pages = new Set();
      for (const [language, mark] of Object.entries(WORDS)) {
        const answer = await ask(`${language}-XX,${language};q=0.9,en;q=0.1`);
        assert.equal(answer.status, 404, language);
        assert.match(answer.headers["content-type"], /^text\/html/);
        assert.ok(answer.text.includes(mark), `${language}: ${answer.text.slice(0, 200)}`);
        assert.equal(answer.headers["content-language"] ?? language, language);
        assert.match(answer.headers["cache-control"] ?? "", /no-store/);
        pages.add(answer.text);
      }
      assert.equal(pages.size, 8);
      if (backend === "ledger") assert.equal((await world.clicks()).length, 8);
      else assert.equal(world.adtarget.calls.filter((call) => call.path === "invite").length, 8, "AdTarget was asked");
    });

    it("weighs the languages by their q and falls back to English", async () => {
      const cases = { "ja,de;q=0.3,fr;q=0.8": "fr", "xx": "en", "": "en", "*": "en", "de;q=0,it;q=0.1": "it", "pt-BR": "pt", "zh, RU;q=0.5": "ru", "ukx,es;q=0.2": "es", ";;;q=,": "en" };
      for (const [header, language] of Object.entries(cases)) {
        const { text } = await ask(header);
        assert.ok(text.includes(WORDS[language]), `${header}: ${text.slice(0, 120)}`);
      }
      assert.ok((await ask()).text.includes(WORDS.en));
    });

    it("gets AdTarget's error where no page is wanted", async () => {
      const answer = await world.invite({ websiteId: BARE_WEBSITE }, { headers: { accept: "application/json", referer: "https://bare.test/" } });
      assert.equal(answer.status, 404);
      assert.equal(answer.json().error.code, "CHANNEL_NOT_FOUND");
    });
  });
});

describe("a click by way of AdTarget", () => {
  let world;
  before(async () => (world = await startWorld({ backend: "adtarget" })));
  after(() => world.close());
  afterEach(() => world.reset());

  it("gets a link of its own each time, as a redirect or as JSON", async () => {
    for (const kind of ["redirect", "json"]) {
      world.adtarget.inviteAs = kind;
      const links = [leads(await world.invite()), leads(await world.invite())];
      assert.notEqual(links[0], links[1]);
      assert.deepEqual(world.adtarget.clicks.slice(-2).map((click) => click.inviteLink), links);
    }
  });

  for (const status of [301, 303, 307, 308]) {
    it(`takes a ${status} as well, and answers 302`, async () => {
      world.adtarget.misbehave({ path: "invite", redirect: status });
      assert.equal(leads(await world.invite()), only(world.adtarget.clicks).inviteLink);
    });
  }

  it("never follows it out of Telegram", async () => {
    // What cannot stand in a header can stand in JSON.
    for (const link of NOT_TELEGRAM) {
      world.adtarget.misbehave({ path: "invite", body: JSON.stringify({ inviteLink: link }) });
      assert.equal(leads(await world.invite()), FALLBACK.main, JSON.stringify(link));
      await world.edge.drained();
      if (!/^[\x21-\x7e]+$/.test(link)) continue;
      world.adtarget.misbehave({ path: "invite", location: link });
      assert.equal(leads(await world.invite()), FALLBACK.main, `Location: ${JSON.stringify(link)}`);
      await world.edge.drained();
    }
  });

  it("passes the page's own query on, and not what is the edge's", async () => {
    await world.invite({ experiment: "b & c", to: "https://t.me/shopchannel", eventId: randomUUID(), visit: randomUUID() });
    const { query } = only(world.adtarget.calls);
    assert.equal(query.experiment, "b & c");
    assert.equal(query.websiteId, WEBSITE);
    assert.equal(query.to, undefined);
  });
});
