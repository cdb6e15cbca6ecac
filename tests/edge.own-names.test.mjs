// Click ids under names of the site's own, which browsers do not know to take away: by the page's word, behind the edge, and on a click.
import { after, afterEach, before, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { OPERATOR_KEY, done } from "./harness/api.mjs";
import { BROWSER, SITES, forBothBackends, only, startWorld } from "./harness/world.mjs";

const SHOP = "https://shop.test";
const [SITE, ...OTHERS] = SITES;

forBothBackends("click ids under names of the site's own", (backend) => {
  let world;
  before(async () => {
    const vars = { SITES: JSON.stringify([{ ...SITE, clickIdParameters: ["gc=gclid", "tt=ttclid", "fb=fbclid", "sc=ScCid", "zz=msclkid"] }, ...OTHERS]) };
    world = await startWorld({ backend, front: true, vars: { ...vars, OPERATOR_KEY } });
  });
  after(() => world.close());
  afterEach(() => world.reset());

  it("are the visit's, and win over what the page's cookies have of an earlier click", async () => {
    const href = `${SHOP}/?gc=New%2FG&tt=__CLICKID__&fb=NewF`;
    const answer = await world.init({ href, landingPage: href, gclid: "Old", ttclid: "OldT", fbc: "fb.1.1700000000000.OldF" });
    assert.equal(answer.status, 200, answer.text);
    const visit = only(await world.visits());
    assert.deepEqual([visit.href, visit.landingPage, visit.gclid, visit.ttclid], [href, href, "New/G", "OldT"]);
    assert.match(visit.fbc, /^fb\.1\.\d{13}\.NewF$/);
  });

  it("are the visit's that a page request is, with Meta's cookie made of them", async () => {
    const { cookies } = await world.edge.request(`${SHOP}/plain.html?fb=PageF&sc=Snap&utm_source=ad`, {
      ip: "203.0.113.7", headers: { "user-agent": BROWSER, accept: "text/html", "sec-fetch-dest": "document", "sec-fetch-mode": "navigate" },
    });
    const visit = only(await world.visits());
    assert.match(visit.fbc, /^fb\.1\.\d{13}\.PageF$/);
    assert.deepEqual([cookies._fbc.value, visit.sccid, visit.utmSource, visit.landingPage], [visit.fbc, "Snap", "ad", `${SHOP}/plain.html?fb=PageF&sc=Snap&utm_source=ad`]);
  });

  // AdTarget knows them by the visit.
  if (backend === "ledger") {
    it("are the click's that comes from the page without a script", async () => {
      const headers = { referer: `${SHOP}/offer?gc=Referred`, "user-agent": BROWSER };
      assert.equal((await world.edge.request("/c/main", { headers, ip: "203.0.113.7" })).status, 302);
      assert.equal(only(await world.clicks()).gclid, "Referred");
    });

    it("give way to what a server tells outright", async () => {
      const call = (path, key, body) => world.edge.request(`/api/v1/${path}`, { method: "POST", headers: { authorization: `Bearer ${key}` }, body });
      const { key } = done(await call("keys", OPERATOR_KEY, { name: "test" }), 201);
      done(await call("events/visit", key, { href: `${SHOP}/?gc=Address&tt=Kept`, gclid: "Told", tempId: randomUUID(), siteId: SITE.websiteId }));
      const visit = only(await world.visits());
      assert.deepEqual([visit.gclid, visit.ttclid], ["Told", "Kept"]);
    });
  }

  it("leave a platform's own name its place", async () => {
    await world.init({ href: `${SHOP}/?gc=Mine&gclid=Theirs` });
    assert.equal(only(await world.visits()).gclid, "Theirs");
  });

  it("of no platform are named in /healthz, and the others stand", async () => {
    const { problems } = (await world.edge.request("/healthz")).json();
    assert.deepEqual(problems.filter(({ setting }) => setting === "CLICK_ID_PARAMETERS").map(({ message }) => message), [
      "zz=msclkid: expected one of fbclid, ttclid, gclid, gbraid, wbraid, sccid and tgclid",
    ]);
  });
});
