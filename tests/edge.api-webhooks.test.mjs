// What signed webhooks brought, by the keyed API: seen, tried again, forgotten with the person.
import { after, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash, createHmac, randomUUID } from "node:crypto";
import { until } from "./harness/wait.mjs";
import { CHANNELS, WEBSITE, only } from "./harness/world.mjs";
import { OPERATOR_KEY, OTHER_CHANNEL, OTHER_SITE, done, refused, startApi } from "./harness/api.mjs";

const USER = 1234567890;
const DAY = 86_400_000;
const SECRET = "the-secret-of-the-tests";
const source = (source, websiteId, channelId) => ({
  source, scheme: "hmac", secret: "HOOK_SECRET", websiteId, channelId, eventId: "/id", hmac: { signatureHeader: "X-Signature", encoding: "hex" }, when: { "/type": ["paid"] },
  map: { reference: "/user", eventType: { const: "Purchase" }, value: "/total", currency: "/currency", email: "/email" },
});
const WEBHOOKS = [source("shop", WEBSITE, CHANNELS[0]), source("other", OTHER_SITE, OTHER_CHANNEL)];
const vars = { WEBHOOKS: JSON.stringify(WEBHOOKS), HOOK_SECRET: SECRET };
const paid = (fields = {}) => ({ id: `e-${randomUUID()}`, type: "paid", user: USER, total: 19.9, currency: "EUR", email: "ada@example.com", ...fields });

for (const backend of ["ledger", "adtarget"]) {
  describe(`events of webhooks (${backend})`, () => {
    let api;
    before(async () => (api = await startApi({ backend, vars })));
    after(() => api.close());
    beforeEach(() => api.reset());

    const send = async (name, body) => {
      const text = JSON.stringify(body);
      const headers = { "content-type": "application/json", "x-signature": createHmac("sha256", SECRET).update(text).digest("hex") };
      return done(await api.edge.request(`/hooks/${name}`, { method: "POST", body: Buffer.from(text), headers }));
    };
    const list = async (query = "", options) => done(await api.get(`webhook-events${query && `?${query}`}`, options)).events;
    const replay = (name, id, options) => api.post(`webhook-events/${name}/${encodeURIComponent(id)}/replay`, undefined, options);
    /** Puts the event of that id to that time. */
    const dated = (id, at) => api.edge.rows("UPDATE webhook_events SET at_ms = ? WHERE event_id = ?", at, id);
    const keyOf = async (websiteId) => {
      const { key, prefix } = await api.createKey();
      await api.edge.rows("UPDATE api_keys SET website_id = ? WHERE prefix = ?", websiteId, prefix);
      return key;
    };

    it("are listed with what came of them, the latest first", async () => {
      const good = await send("shop", paid({ id: "good" }));
      await send("shop", paid({ id: "bad", currency: "QQQ" }));
      await send("other", paid({ id: "odd", type: "created" }));
      for (const [at, id] of ["good", "bad", "odd"].entries()) await dated(id, 1_000 + at);
      const shown = await list();
      assert.deepEqual(shown, [
        { source: "other", eventId: "odd", receivedAt: 1_002, status: "ignored" },
        {
          source: "shop", eventId: "bad", receivedAt: 1_001, status: "failed", reason: "currency: not a currency code of ISO 4217",
          payload: { id: "bad", type: "paid", user: USER, total: 19.9, currency: "QQQ", email: "[removed]" },
        },
        { source: "shop", eventId: "good", receivedAt: 1_000, status: "converted", conversionId: good.conversionId },
      ]);
      const ids = async (query) => (await list(query)).map(({ eventId }) => eventId);
      assert.deepEqual(await ids("status=failed"), ["bad"]);
      assert.deepEqual(await ids("status=converted&source=other"), []);
      assert.deepEqual(await ids("source=shop"), ["bad", "good"]);
      assert.deepEqual(await ids("limit=1"), ["odd"]);
      assert.deepEqual(await ids("before=1001"), ["good"]);
      assert.equal((await api.call("HEAD", "webhook-events")).status, 200);
    });

    it("that failed in the last day are the operator's to look at, but for those that wait for a visitor", async () => {
      const cautions = async () => (await api.edge.request("/healthz", { headers: { authorization: `Bearer ${OPERATOR_KEY}` } })).json().cautions.filter(({ about }) => about === "webhook");
      await send("shop", paid({ id: "waits", user: randomUUID() }));
      // AdTarget knows no visitor of ours: for it there is nobody to wait for.
      await api.edge.rows("DELETE FROM webhook_events WHERE temp_id IS NULL");
      await send("shop", paid({ id: "good" }));
      assert.deepEqual(await cautions(), []);
      for (const [id, currency] of [["bad", "QQQ"], ["worse", ""]]) await send("shop", paid({ id, currency }));
      await dated("bad", Date.now() - 1_000);
      const worst = only(await list("status=failed&limit=1")).reason;
      assert.deepEqual(await cautions(), [{ about: "webhook", websiteId: WEBSITE, name: "shop", state: "failed", why: `2 in a day, the latest: ${worst}` }]);
      await send("shop", paid({ id: "worse" }));
      await dated("bad", Date.now() - DAY);
      assert.deepEqual(await cautions(), []);
    });

    it("are listed page by page, none left out that came in one ms", async () => {
      for (let at = 0; at < 7; at += 1) {
        await send("shop", paid({ id: `e${at}`, type: "created" }));
        await dated(`e${at}`, [1, 2, 2, 2, 3, 3, 4][at]);
      }
      const pages = [];
      for (let query = "limit=2"; ; query = `limit=2&before=${pages.at(-1).at(-1).receivedAt}`) {
        const page = await list(query);
        if (!page.length) break;
        pages.push(page);
      }
      assert.deepEqual(pages.map((page) => page.map(({ eventId }) => eventId)), [["e6", "e4", "e5"], ["e1", "e2", "e3"], ["e0"]]);
    });

    it("are asked for in words that are understood", async () => {
      for (const [query, name] of [["status=done", "status"], ["source=nobody", "source"], ["limit=0", "limit"], ["limit=101", "limit"], ["limit=x", "limit"], ["before=-1", "before"], ["before=1.5", "before"]]) {
        refused(await api.get(`webhook-events?${query}`), 400, "INVALID_PAYLOAD", `${name}: `);
      }
      refused(await api.get("webhook-events", { key: "" }), 401, "AUTH_REQUIRED");
      refused(await replay("shop", "e", { key: "" }), 401, "AUTH_REQUIRED");
      refused(await api.post("webhook-events", {}), 405, "METHOD_NOT_ALLOWED");
      refused(await api.get("webhook-events/shop/e/replay"), 405, "METHOD_NOT_ALLOWED");
      refused(await api.get("webhook-events/shop/e"), 404, "NOT_FOUND");
    });

    it("of a site are its own key's affair, and no other's", async () => {
      await send("shop", paid({ id: "mine", currency: "QQQ" }));
      await send("other", paid({ id: "theirs", currency: "QQQ" }));
      const key = await keyOf(WEBSITE);
      assert.deepEqual((await list("", { key })).map(({ eventId }) => eventId), ["mine"]);
      refused(await api.get("webhook-events?source=other", { key }), 400, "INVALID_PAYLOAD", "source: no such source");
      refused(await replay("other", "theirs", { key }), 404, "NOT_FOUND");
      assert.equal(done(await replay("shop", "mine", { key })).status, "failed");
      assert.equal(done(await replay("other", "theirs")).status, "failed");
    });

    it("that failed are tried again, and only those", async () => {
      const { conversionId } = await send("shop", paid({ id: "good" }));
      await send("shop", paid({ id: "odd", type: "created" }));
      await send("shop", paid({ id: "a/b+c%", currency: "QQQ" }));
      for (const id of ["good", "odd", "unknown", "%"]) refused(await replay("shop", id), 404, "NOT_FOUND");
      refused(await api.post("webhook-events/shop/%E0%A4/replay"), 404, "NOT_FOUND");
      refused(await replay("nobody", "good"), 404, "NOT_FOUND");
      const again = done(await replay("shop", "a/b+c%"));
      assert.deepEqual(again, { status: "failed", reason: "currency: not a currency code of ISO 4217", repeated: true });

      // As if the setting had been mended.
      await api.edge.rows("UPDATE webhook_events SET payload = replace(payload, 'QQQ', 'USD') WHERE event_id = 'a/b+c%'");
      const first = await replay("shop", "a/b+c%", { idempotencyKey: "again" });
      const { status, conversionId: made, repeated } = done(first);
      assert.deepEqual([status, repeated], ["converted", true]);
      assert.notEqual(made, conversionId);
      assert.equal((await replay("shop", "a/b+c%", { idempotencyKey: "again" })).text, first.text);
      refused(await replay("shop", "a/b+c%"), 404, "NOT_FOUND");
      const { status: now, payload, conversionId: kept } = only((await list()).filter(({ eventId }) => eventId === "a/b+c%"));
      assert.deepEqual([now, payload, kept], ["converted", undefined, made]);
      const known = backend === "ledger" ? (await api.edge.rows("SELECT currency FROM conversions")).map(({ currency }) => currency) : api.world.adtarget.conversions.map(({ currency }) => currency);
      assert.deepEqual(known.sort(), ["EUR", "USD"]);
    });

    if (backend === "ledger") {
      it("are forgotten with the person, by conversion and by browser, and no one else's", async () => {
        const [mine, theirs] = [randomUUID(), randomUUID()];
        for (const tempId of [mine, theirs]) done(await api.post("events/invite", { tempId, channelId: CHANNELS[0] }));
        await api.edge.drained();
        await send("shop", paid({ id: "mine" }));
        await send("other", paid({ id: "mine" }));
        await send("shop", paid({ id: "theirs", user: 6 }));
        for (const [id, user] of [["waits", mine], ["waits too", theirs]]) await send("shop", paid({ id: id.replace(" ", "-"), user }));
        await send("other", paid({ id: "waits", user: mine }));
        await api.edge.rows("UPDATE conversions SET click_id = (SELECT click_id FROM clicks WHERE temp_id = ?) WHERE telegram_user_id = ? AND website_id = ?", mine, USER, WEBSITE);
        const left = async () => (await api.edge.rows("SELECT source, event_id FROM webhook_events ORDER BY 1, 2")).map(({ source, event_id }) => `${source} ${event_id}`);

        done(await api.call("DELETE", `leads/${USER}`, { key: await keyOf(OTHER_SITE) }));
        assert.deepEqual(await left(), ["other waits", "shop mine", "shop theirs", "shop waits", "shop waits-too"], "what another site knows stays");
        done(await api.call("DELETE", `leads/${USER}`));
        assert.deepEqual(await left(), ["shop theirs", "shop waits-too"]);
      });

      it("that failed are forgotten with the person whom they are of, known or not, and no one else's", async () => {
        for (const [id, user] of [["mine", USER], ["theirs", 6]]) for (const source of ["shop", "other"]) {
          await send(source, paid({ id, user, currency: "QQQ" }));
        }
        const left = async () => (await api.edge.rows("SELECT source, event_id FROM webhook_events ORDER BY 1, 2")).map(({ source, event_id }) => `${source} ${event_id}`);
        done(await api.call("DELETE", `leads/${USER}`, { key: await keyOf(OTHER_SITE) }));
        assert.deepEqual(await left(), ["other theirs", "shop mine", "shop theirs"], "what another site knows stays");
        done(await api.call("DELETE", `leads/${USER}`));
        assert.deepEqual(await left(), ["other theirs", "shop theirs"]);
        refused(await api.call("DELETE", `leads/${USER}`), 404, "LEAD_NOT_FOUND");
      });

      it("that failed are forgotten with the person who has their id of the site's own, by a key of that site", async () => {
        done(await api.post("events/conversion", { telegramUserId: USER, eventType: "Lead", channelId: CHANNELS[0], externalUserId: "cust-9" }));
        const externalId = createHash("sha256").update("cust-9").digest("hex");
        for (const [source, id] of [["shop", externalId], ["shop", "0".repeat(64)], ["other", externalId]]) {
          await api.edge.rows("INSERT INTO webhook_events (source, event_id, at_ms, status, person) VALUES (?, ?, 1, 'failed', ?)", source, id.slice(0, 4), JSON.stringify({ externalId: id }));
        }
        done(await api.call("DELETE", `leads/${USER}`, { key: await keyOf(WEBSITE) }));
        const left = await api.edge.rows("SELECT source, event_id FROM webhook_events ORDER BY 1, 2");
        assert.deepEqual(left.map(({ source, event_id }) => `${source} ${event_id}`), [`other ${externalId.slice(0, 4)}`, "shop 0000"]);
      });

      it("that wait for a browser stay with another site when one forgets the person", async () => {
        const tempId = randomUUID();
        done(await api.post("events/invite", { tempId, channelId: CHANNELS[0] }));
        await api.edge.drained();
        await send("shop", paid({ id: "mine" }));
        for (const name of ["shop", "other"]) await send(name, paid({ id: "waits", user: tempId }));
        await api.edge.rows("UPDATE conversions SET click_id = (SELECT click_id FROM clicks)");
        done(await api.call("DELETE", `leads/${USER}`, { key: await keyOf(WEBSITE) }));
        assert.deepEqual((await list()).map(({ source, eventId }) => [source, eventId]), [["other", "waits"]]);
      });
    } else {
      it("are forgotten with the person, told to AdTarget or still owed", async () => {
        await send("shop", paid({ id: "told" }));
        await send("shop", paid({ id: "theirs", user: 6 }));
        api.world.adtarget.misbehave({ path: "events/conversion", times: 1_000, status: 500 });
        await send("shop", paid({ id: "owed", total: 5 }));
        assert.equal((await list()).length, 3);
        // AdTarget's contract has no such call; what is known here is forgotten all the same.
        assert.equal(done(await api.call("DELETE", `leads/${USER}`)).success, true);
        assert.deepEqual((await list()).map(({ eventId }) => eventId), ["theirs"]);
        api.world.adtarget.reset();
        await api.edge.drained();
        assert.deepEqual(api.world.adtarget.conversions, []);
      });

      it("that are owed show what they say until AdTarget has them", async () => {
        api.world.adtarget.misbehave({ path: "events/conversion", status: 500 });
        const { conversionId } = await send("shop", paid({ id: "owed" }));
        const payload = async () => only(await list()).payload;
        assert.equal(only(await list()).conversionId, conversionId);
        await until(async () => (await payload()) === undefined, "delivered");
        done(await api.post(`leads/${USER}/conversions/${conversionId}/value`, { value: 5, currency: "USD" }));
        assert.deepEqual(only(api.world.adtarget.conversions).submitted, { value: 5, currency: "USD" }, "by the id that was told here");
      });
    }
  });
}
