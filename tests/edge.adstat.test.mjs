// AdStat through the edge, from outside: every call, each documented error, tokens, orders that are bought once, and who is let in.
import { after, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { startAccess } from "./harness/access.mjs";
import { AD, JPEG, WEEK, numbers, startShop } from "./harness/adstat.mjs";
import { OPERATOR_KEY, done, refused } from "./harness/api.mjs";
import { until } from "./harness/wait.mjs";
import { only, startWorld } from "./harness/world.mjs";
import { ACCOUNT, CAMPAIGN, KKTU, OTHER_ACCOUNT, PASSWORD, USERNAME } from "./standins/adstat.mjs";

const DAY = 86_400_000;

/** A multipart body, as a browser's FormData makes it. */
async function multipart(parts) {
  const data = new FormData();
  for (const [name, value] of Object.entries(parts)) typeof value === "string" ? data.append(name, value) : data.append(name, new Blob([value.bytes], { type: value.type }), value.file);
  const made = new Response(data);
  return { body: Buffer.from(await made.arrayBuffer()), headers: { "content-type": made.headers.get("content-type") } };
}

/** Asserts an error of the edge's own, in both tongues. */
function refusedHere(answer, status, code, ...words) {
  refused(answer, status, code, ...words);
  const { error, detail, status_code } = answer.json();
  assert.deepEqual([detail, status_code], [error.message, status]);
}

/** Asserts an error of AdStat's, as it came. */
function refusedThere(answer, status, detail) {
  assert.equal(answer.status, status, answer.text);
  assert.deepEqual(answer.json(), { detail, status_code: status });
}

describe("AdStat through the edge", () => {
  let shop;
  let adstat;
  before(async () => {
    shop = await startShop();
    ({ adstat } = shop);
  });
  after(() => shop.close());
  beforeEach(async () => {
    await shop.reset();
    // What is kept of the last test's tokens is dead, and what it did wrong forgiven.
    await shop.advance(61_000);
    done(await shop.get("accounts/telegram/names"));
    adstat.calls.length = 0;
    [adstat.logins, adstat.renewals] = [0, 0];
  });
  const sound = () => assert.deepEqual(adstat.violations, []);

  describe("every call", () => {
    it("of cabinets and campaigns", async () => {
      const names = done(await shop.get("accounts/telegram/names"));
      assert.deepEqual(names[0], { account_uid: ACCOUNT, name: "Shop", balance: 400.5, mode: "default", is_audience_allowed: true });
      assert.equal(done(await shop.get("accounts/telegram/?account_name=oth&limit=5&offset=0")).items[0].account_id, OTHER_ACCOUNT);
      assert.equal(done(await shop.get(`accounts/telegram/${ACCOUNT}`)).legal_name, "Shop LLC");
      const { items, count } = done(await shop.get("campaigns/?period=all&is_active=true&campaign_name=Spr"));
      assert.deepEqual([only(items).id, count], [CAMPAIGN, 1]);
      sound();
    });

    it("of ads, by either form of their paths", async () => {
      const { ad_id } = done(await shop.create({ schedule: WEEK, kktu_ids: [KKTU.third], tg_event_id: "JuKiaLISFD", not_documented_yet: { a: 1 } }));
      const shown = done(await shop.get(`advertisement/telegram/${ad_id}`));
      assert.deepEqual([shown.title, shown.schedule, shown.not_documented_yet], ["Spring", WEEK, { a: 1 }]);
      assert.equal(only(done(await shop.get("v2/advertisement?period=today&limit=500")).data).id, ad_id);
      done(await shop.call("PUT", `api/advertisement/telegram/${ad_id}/`, { body: { ...AD, budget: undefined, campaign_id: undefined, ad_type: undefined, cpm: 3 } }));
      assert.equal(adstat.ads[0].cpm, 3);
      const { bots, errors } = done(await shop.get(`advertisement/bots/validate?bots=bot_1&bots=small_bot&account_id=${ACCOUNT}`));
      assert.deepEqual([only(bots).url, only(errors).code], ["t.me/bot_1", "advertisement__target_bot_daily_users_limit_error"]);
      sound();
    });

    it("of media, streamed on as it comes", async () => {
      const sent = await multipart({ media: { file: "ad.jpg", type: "image/jpeg", bytes: JPEG } });
      const { media_token, content_type, error } = done(await shop.call("POST", `api/v1/advertising/telegram/upload_media?account_id=${ACCOUNT}`, sent));
      assert.deepEqual([content_type, error, adstat.media.get(media_token)], ["image/jpeg", null, "image/jpeg"]);
      assert.ok(only(adstat.named("upload")).parts.media.bytes.equals(JPEG));
      assert.ok(only(adstat.named("upload")).bytes.equals(sent.body));
      done(await shop.create({ media_token }));
      const gif = await multipart({ media: { file: "ad.gif", type: "image/gif", bytes: Buffer.from("GIF89a") } });
      assert.equal(done(await shop.call("POST", `api/v1/advertising/telegram/upload_media?account_id=${ACCOUNT}`, gif)).error, "Unsupported media type");
      sound();
    });

    it("of KKTU and pixel events", async () => {
      assert.equal(done(await shop.get("kktu/")).items[0].id, KKTU.first);
      assert.deepEqual(done(await shop.get("pixel_events/types")).items.map(({ type }) => type), ["page_view", "purchase", "custom"]);
      const made = done(await shop.call("POST", "api/pixel_events/", { body: { account_id: ACCOUNT, title: "Lead", type: "custom" } }));
      assert.equal(done(await shop.get(`pixel_events/?account_id=${ACCOUNT}`)).items.length, 2);
      assert.equal(done(await shop.call("PATCH", `api/pixel_events/${made.id}`, { body: { account_id: ACCOUNT, title: "Заявка" } })).title, "Заявка");
      assert.match(done(await shop.get(`pixel_events/${ACCOUNT}/code_snippet`)).code_snippet, /tgp\("init"/);
      const gone = await shop.call("DELETE", `api/pixel_events/${ACCOUNT}/events/${made.id}`);
      assert.deepEqual([gone.status, gone.text], [200, ""]);
      sound();
    });

    it("of audiences", async () => {
      const sent = await multipart({ title: "VIP", audience: { file: "vip.csv", type: "text/csv", bytes: numbers(1_000) } });
      const made = done(await shop.call("POST", `api/advertisement/telegram/${ACCOUNT}/audiences`, sent));
      assert.deepEqual(done(await shop.get(`advertisement/telegram/${ACCOUNT}/audiences/`)), [made]);
      assert.ok(only(adstat.named("audience.create")).bytes.equals(sent.body));
      sound();
    });

    it("of statistics", async () => {
      adstat.stats = Array.from({ length: 3 }, (_, day) => ({ at_ms: Date.parse("2026-09-01") + day * DAY, account_id: ACCOUNT, campaign_id: CAMPAIGN, ad_object: "t.me/x", ad_id: 1, impressions: 1000, clicks: 10, goals: 1, spent: 2 }));
      const page = async (cursor) => done(await shop.call("POST", "api/v1/stats/page", { body: { period_from: "2026-09-01", period_to: "2026-09-03", period_grouping_unit: "day", grouping: ["ad"], limit: 2, cursor } }));
      const first = await page(null);
      assert.deepEqual(first.items.map(({ period }) => period), ["2026-09-01", "2026-09-02"]);
      const second = await page(first.cursor);
      assert.deepEqual([only(second.items).spent, second.cursor], [2, null]);
      sound();
    });

    it("of logging in, for scripts that do: the operator's key is all that they see", async () => {
      const login = (password) => shop.call("POST", "api/v2/login", { key: "", headers: { "content-type": "application/x-www-form-urlencoded" }, body: new URLSearchParams({ username: "any", password }).toString() });
      const { access_token, refresh_token } = done(await login(OPERATOR_KEY));
      done(await shop.get("accounts/telegram/names", { key: access_token }));
      const renewed = done(await shop.get("v2/access-token", { key: "", headers: { refresh_token } }));
      assert.deepEqual(renewed, { access_token: OPERATOR_KEY, token_type: "bearer" });
      for (const wrong of ["", PASSWORD, `${OPERATOR_KEY} `]) refusedHere(await login(wrong), 401, "INVALID_KEY");
      refusedHere(await shop.get("v2/access-token", { key: "", headers: { refresh_token: "x" } }), 401, "INVALID_KEY");
      assert.equal(adstat.logins, 0);
    });
  });

  describe("what breaks a rule is refused here", () => {
    const upload = (options) => shop.call("POST", `api/v1/advertising/telegram/upload_media?account_id=${ACCOUNT}`, options);
    const audience = async (parts, path = `api/advertisement/telegram/${ACCOUNT}/audiences`) => shop.call("POST", path, await multipart(parts));
    const file = (count, name = "a.csv") => ({ file: name, type: "text/csv", bytes: numbers(count) });
    const cases = {
      "an ad without its price": [() => shop.create({ cpm: undefined }), "cpm: missing"],
      "an ad with several faults, each named": [() => shop.create({ cpm: "2", schedule: { ...WEEK, mon: [24] } }), "cpm: expected", "schedule.mon: expected"],
      "an invite without its channel": [() => shop.create({ promote_url: "t.me/+AbC" }), "ad_object: required"],
      "a bot's ad without bots": [() => shop.create({ ad_type: "target_bots" }), "target_bots:"],
      "KKTU of the second level": [() => shop.create({ kktu_ids: [KKTU.second] }), "kktu_ids: expected an entry of the third level"],
      "KKTU by its code": [() => shop.create({ kktu_ids: ["1.1.1"] }), `kktu_ids: expected an id; that of 1.1.1 is ${KKTU.third}`],
      "an edit of the budget": [() => shop.call("PUT", "api/advertisement/telegram/1", { body: { budget: 5 } }), "budget: it can't be edited"],
      "too many ads a page": [() => shop.get("v2/advertisement/?limit=501"), "limit: expected 1 to 500"],
      "statistics of hours long gone": [() => shop.call("POST", "api/v1/stats/page", { body: { period_from: "2026-01-01", period_to: "2026-01-02", period_grouping_unit: "hour" } }), "period_from:"],
      "an event without a type": [() => shop.call("POST", "api/pixel_events/", { body: { account_id: ACCOUNT, title: "x" } }), "type: missing"],
      "a body that is no JSON": [() => shop.call("POST", "api/pixel_events/", { body: "{" }), "body: not JSON"],
      "a body that is no text": [() => shop.call("POST", "api/pixel_events/", { body: Buffer.from([0xff, 0xfe]) }), "body: not UTF-8"],
      "media that is no form": [() => upload({ body: JPEG, headers: { "content-type": "image/jpeg" } }), "content-type: expected multipart/form-data"],
      "999 numbers": [() => audience({ title: "x", audience: file(999) }), "audience: expected 1000 numbers at least, found 999"],
      "numbers in a PDF": [() => audience({ title: "x", audience: file(1_000, "a.pdf") }), "audience: expected a file called .csv or .txt"],
      "an audience without title and file": [() => audience({ other: "x" }), "title: missing", "audience: expected"],
      "an audience in no form": [() => shop.call("POST", `api/advertisement/telegram/${ACCOUNT}/audiences`, { body: "--x\r\nnonsense", headers: { "content-type": "multipart/form-data; boundary=x" } }), "body: not multipart"],
      "a wish that is none": [() => shop.create({}, { query: "?dry_run=yes" }), "dry_run: expected true or false"],
    };
    for (const [what, [call, ...words]] of Object.entries(cases)) {
      it(what, async () => {
        refusedHere(await call(), 400, "INVALID_PAYLOAD", ...words);
        assert.deepEqual(adstat.calls.filter(({ name }) => name !== "kktu"), []);
      });
    }

    it("a file over 10 MB, a body over its limit, a path and a method that are not AdStat's", async () => {
      refusedHere(await audience({ title: "x", audience: { ...file(0), bytes: Buffer.alloc(10 * 1024 * 1024 + 100_000, "998900000000,") } }), 413, "PAYLOAD_TOO_LARGE");
      refusedHere(await audience({ title: "x", audience: { ...file(0), bytes: Buffer.alloc(10 * 1024 * 1024 + 1, "998900000000,") } }), 400, "INVALID_PAYLOAD", "at most 10 MB");
      refusedHere(await shop.create({ text: "x".repeat(300_000) }), 413, "PAYLOAD_TOO_LARGE");
      for (const path of ["api/nothing", "nothing", "api", "api/v2/advertisement/1"]) refusedHere(await shop.call("GET", path), 404, "NOT_FOUND");
      const answer = await shop.call("DELETE", "api/kktu");
      refusedHere(answer, 405, "METHOD_NOT_ALLOWED", "GET");
      assert.equal(answer.headers.allow, "GET");
      assert.deepEqual(adstat.calls, []);
    });
  });

  describe("what AdStat refuses comes in its own words", () => {
    const event = (fields) => shop.call("POST", "api/pixel_events/", { body: { account_id: ACCOUNT, title: "x", type: "custom", ...fields } });
    const rename = (id, account_id) => shop.call("PATCH", `api/pixel_events/${id}`, { body: { account_id, title: "x" } });
    const documented = {
      "404 of an ad": [() => shop.get("advertisement/telegram/999"), 404, "Advertisement not found"],
      "404 of a cabinet": [() => shop.get("accounts/telegram/ACC1"), 404, "Account not found"],
      "400 of an ad": [() => shop.create({ campaign_id: 1 }), 400, "Campaign not found"],
      "400 of a cabinet that needs KKTU": [() => shop.create({ campaign_id: 4_567_124 }), 400, "KKTU is required for this account"],
      "403 of a new event": [() => event({ account_id: "ACC1" }), 403, "Insufficient permissions to create an event"],
      "422 of a new event": [() => event({ type: "lead" }), 422, "Unsupported event type"],
      "404 of a renaming": [() => rename("none", ACCOUNT), 404, "Event not found"],
      "403 of a renaming": [() => rename(adstat.events[0].id, OTHER_ACCOUNT), 403, "Insufficient permissions to edit the event"],
      "404 of a deletion": [() => shop.call("DELETE", `api/pixel_events/${ACCOUNT}/events/none`), 404, "Event or account not found"],
      "403 of a deletion": [() => shop.call("DELETE", `api/pixel_events/${OTHER_ACCOUNT}/events/${adstat.events[0].id}`), 403, "Insufficient permissions to delete the event"],
      "403 of an audience": [async () => shop.call("POST", `api/advertisement/telegram/${OTHER_ACCOUNT}/audiences`, await multipart({ title: "x", audience: { file: "a.txt", type: "text/plain", bytes: numbers(1_000) } })), 403, "Audiences are available for accounts in Uzbekistan only"],
    };
    for (const [what, [call, status, detail]] of Object.entries(documented)) it(what, async () => refusedThere(await call(), status, detail));

    it("a rush, with its time to come back", async () => {
      adstat.misbehave({ call: "kktu", status: 429, retryAfter: 7, detail: "Too many requests" });
      const answer = await shop.get("kktu");
      refusedThere(answer, 429, "Too many requests");
      assert.equal(answer.headers["retry-after"], "7");
    });

    for (const [status, detail] of [[429, "Too many requests"], [403, "AdStat refuses this with 403, and does not say why"]]) {
      it(`a page of what stands before it, with ${status}`, async () => {
        const fault = { status, retryAfter: 7, body: "<html><title>nginx</title></html>", type: "text/html" };
        adstat.misbehave({ call: "kktu", ...fault });
        const answer = await shop.get("kktu");
        refusedThere(answer, status, detail);
        assert.equal(answer.headers["retry-after"], "7");
        adstat.misbehave({ call: "ad.create", ...fault });
        refusedThere(await shop.create(), status, detail);
        assert.equal(only(await shop.orders()).outcome, "refused", "it is known that nothing was bought");
      });
    }

    it("a failure of its own", async () => {
      adstat.misbehave({ call: "campaigns", status: 500, detail: "Internal server error" });
      refusedThere(await shop.get("campaigns/"), 500, "Internal server error");
    });
  });

  describe("an answer that is none is 502", () => {
    const faults = {
      // The platform asks once more by itself where a GET's connection ends.
      "cut before anything": { cut: "arrival", times: 9 },
      "cut after": { cut: "headers", times: 9 },
      "cut halfway": { cut: "body" },
      "another's page": { body: "<html>", type: "text/html" },
      "JSON of another form": { body: '{"data":[]}' },
      "nothing": { body: "" },
    };
    for (const [what, fault] of Object.entries(faults)) {
      it(what, async () => {
        adstat.misbehave({ call: "kktu", ...fault });
        refusedHere(await shop.get("kktu"), 502, "BAD_GATEWAY", "AdStat does not answer as it should");
      });
    }
  });

  describe("tokens", () => {
    const names = (options) => shop.get("accounts/telegram/names", options);

    it("are renewed once for 20 calls at once, before they end", async () => {
      await shop.advance(900_000 - 59_000);
      const answers = await Promise.all(Array.from({ length: 20 }, () => names()));
      for (const answer of answers) done(answer);
      assert.deepEqual([adstat.renewals, adstat.logins], [1, 0]);
      assert.equal(adstat.calls.filter(({ status }) => status === 401).length, 0);
      sound();
    });

    it("are renewed once when AdStat ends them before their time", async () => {
      adstat.revoke();
      const answers = await Promise.all(Array.from({ length: 20 }, () => names()));
      for (const answer of answers) done(answer);
      assert.deepEqual([adstat.renewals, adstat.logins], [1, 0]);
      sound();
    });

    it("are fetched anew with the credentials when the refresh token is dead, which is warned of", async () => {
      const warning = async (ms) => {
        await shop.advance(ms);
        const { adstat: health } = (await shop.edge.request("/healthz")).json();
        return [health.warning, health];
      };
      assert.equal((await warning(0))[0], null);
      assert.equal((await names()).headers["x-edgeway-warning"], undefined);
      const [words, health] = await warning(27 * DAY + 3_600_000);
      assert.match(words, /^AdStat's refresh token dies in 7\d h/);
      assert.ok(health.refreshTokenExpiresAt > health.tokenExpiresAt);
      assert.ok(!JSON.stringify(health).includes("ey"), "no token is shown");
      assert.equal((await names()).headers["x-edgeway-warning"], words);
      assert.deepEqual([adstat.renewals, adstat.logins], [1, 0]);
      assert.match((await warning(3 * DAY))[0], /is dead/);
      const answer = await names();
      done(answer);
      assert.equal(answer.headers["x-edgeway-warning"], undefined);
      assert.deepEqual([adstat.renewals, adstat.logins], [1, 1]);
      sound();
    });

    it("are fetched anew when AdStat calls the refresh token dead before its time", async () => {
      adstat.revoke();
      adstat.refresh.clear();
      done(await names());
      assert.deepEqual([adstat.renewals, adstat.logins], [1, 1]);
    });

    it("need not say when they end", async () => {
      Object.assign(adstat, { tokens: "opaque" });
      adstat.revoke();
      done(await names());
      await shop.advance(15 * 60_000 - 59_000);
      done(await names());
      assert.deepEqual([adstat.renewals, adstat.logins], [2, 0]);
    });

    it("are not asked for again at once where AdStat refuses the credentials", async () => {
      adstat.revoke();
      adstat.refresh.clear();
      adstat.misbehave({ call: "login", status: 401, detail: "Incorrect username or password", times: 99 });
      for (const answer of await Promise.all(Array.from({ length: 5 }, () => names()))) {
        refusedHere(answer, 502, "BAD_GATEWAY", "AdStat refuses ADSTAT_USERNAME and ADSTAT_PASSWORD: Incorrect username or password");
      }
      assert.equal(adstat.logins, 0, "a fault answers in the stand-in's place");
      assert.equal(adstat.named("login").length, 1);
      const health = await shop.edge.request("/healthz");
      assert.equal(health.json().adstat.lastError, "Incorrect username or password");
      adstat.behave();
      await shop.advance(61_000);
      done(await names());
    });

    it("are to be had again after a panic in their keeper", async () => {
      adstat.revoke();
      await shop.edge.fail({ panic: "in the keeper" });
      const lost = await names();
      assert.ok(lost.status >= 500, lost.text);
      await until(() => shop.world.logged("panicked"), "a line in the log");
      for (const answer of await Promise.all(Array.from({ length: 3 }, () => names()))) done(answer);
      assert.deepEqual([adstat.renewals, adstat.logins], [1, 0]);
    });

    it("go on serving while AdStat can't renew them", async () => {
      adstat.misbehave({ call: "renew", status: 500, times: 9 });
      await shop.advance(900_000 - 30_000);
      done(await names());
      done(await names());
      assert.equal(adstat.named("renew").length, 1);
    });

    it("lost halfway through an upload: it says to send it again", async () => {
      adstat.revoke();
      const send = async () => shop.call("POST", `api/v1/advertising/telegram/upload_media?account_id=${ACCOUNT}`, await multipart({ media: { file: "a.jpg", type: "image/jpeg", bytes: JPEG } }));
      refusedHere(await send(), 502, "BAD_GATEWAY", "send the file again");
      done(await send());
    });

    it("and credentials are in no answer and no log", async () => {
      adstat.misbehave({ call: "login", body: "{" });
      adstat.revoke();
      adstat.refresh.clear();
      const told = [await names(), await shop.edge.request("/healthz")].map(({ text, headers }) => text + JSON.stringify(headers)).join();
      const tokens = [...adstat.access.keys(), ...adstat.refresh.keys()];
      for (const secret of [USERNAME, PASSWORD, OPERATOR_KEY, ...tokens]) {
        assert.ok(!told.includes(secret));
        assert.ok(!shop.world.logged(secret));
      }
    });
  });

  describe("orders", () => {
    const key = () => randomUUID();
    const hour = 3_600_000;

    it("are written down: who, what, when, and the answer", async () => {
      const answer = await shop.create({}, { idempotencyKey: key() });
      const { ad_id } = done(answer);
      const row = only(await shop.orders());
      assert.deepEqual([row.order_id, row.who, row.action, row.outcome, row.status, row.ad_id], [answer.headers["x-edgeway-order"], "operator", "create", "done", 200, ad_id]);
      assert.deepEqual(JSON.parse(row.request), AD);
      assert.deepEqual(JSON.parse(row.answer), answer.json());
      const { orders } = done(await shop.call("GET", "orders"));
      assert.deepEqual([only(orders).orderId, only(orders).adId, only(orders).request.title], [row.order_id, ad_id, "Spring"]);
    });

    it("told again get the first answer, by their key or by what they are, and are bought once", async () => {
      const named = key();
      for (const idempotencyKey of [named, undefined]) {
        const fields = { title: idempotencyKey ? "By key" : "By itself" };
        const first = await shop.create(fields, { idempotencyKey });
        const second = await shop.create(fields, { idempotencyKey });
        assert.deepEqual([done(second), second.headers["x-idempotent-replay"]], [done(first), "true"]);
      }
      assert.equal(adstat.ads.length, 2);
      refusedHere(await shop.create({ title: "Other" }, { idempotencyKey: named }), 422, "IDEMPOTENCY_MISMATCH");
      assert.equal(adstat.ads.length, 2);
      await shop.advance(DAY + 1);
      done(await shop.create({ title: "By itself" }));
      assert.equal(adstat.ads.length, 3, "a day later it is another order");
    });

    it("at the same time are bought once", async () => {
      adstat.misbehave({ call: "ad.create", delay: 3_000 });
      const answers = await Promise.all(Array.from({ length: 10 }, () => shop.create()));
      const statuses = answers.map(({ status }) => status).sort();
      assert.equal(adstat.ads.length, 1);
      assert.deepEqual([...new Set(statuses)], [200, 429]);
    });

    it("at the same time are bought once, however long the first takes", async () => {
      const idempotencyKey = key();
      adstat.misbehave({ call: "ads", delay: 6_000, times: 2 });
      const first = shop.create({}, { idempotencyKey });
      await until(() => adstat.named("ads").length);
      await shop.advance(61_000);
      const answers = await Promise.all([first, shop.create({}, { idempotencyKey })]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 429]);
      assert.equal(adstat.ads.length, 1);
      assert.equal((await shop.create({}, { idempotencyKey })).json().ad_id, adstat.ads[0].ad_id);
    });

    const LOST = {
      "cut off after it was done": { cut: "headers" },
      "cut off halfway": { cut: "body" },
      "of another form": { body: "<html>", type: "text/html" },
    };
    for (const [what, fault] of Object.entries(LOST)) {
      it(`whose answer is ${what} are found, and not bought again`, async () => {
        // An ad like it stood there before, and is another's.
        done(await shop.create({}, { idempotencyKey: key() }));
        const idempotencyKey = key();
        adstat.misbehave({ call: "ad.create", ...fault });
        refusedHere(await shop.create({}, { idempotencyKey }), 502, "BAD_GATEWAY", "it is done once");
        assert.deepEqual((await shop.orders()).map(({ outcome }) => outcome).sort(), ["done", "sent"]);
        const again = await shop.create({}, { idempotencyKey });
        assert.equal(done(again).ad_id, adstat.ads[1].ad_id);
        assert.equal((await shop.create({}, { idempotencyKey })).headers["x-idempotent-replay"], "true");
        assert.deepEqual([adstat.ads.length, adstat.named("ad.create").length], [2, 2]);
        assert.deepEqual((await shop.orders()).map(({ outcome }) => outcome), ["done", "done"]);
      });
    }

    it("that a slow AdStat does after all are found, also a day later", async () => {
      const idempotencyKey = key();
      // Of the 25 s that the edge waits for an order, and the 40 that AdStat takes, a fifth.
      await shop.edge.fail({ haste: 5 });
      adstat.misbehave({ call: "ad.create", delay: 8_000 });
      refusedHere(await shop.create({}, { idempotencyKey }), 502, "BAD_GATEWAY", "it is done once");
      await shop.edge.fail({ haste: 1 });
      await until(() => adstat.ads.length, "AdStat does it after all");
      await shop.advance(23 * hour);
      assert.equal(done(await shop.create({}, { idempotencyKey })).ad_id, only(adstat.ads).ad_id);
    });

    it("that never came in are bought when they are told again, but not before they may have come in", async () => {
      const idempotencyKey = key();
      adstat.misbehave({ call: "ad.create", cut: "arrival" });
      refusedHere(await shop.create({}, { idempotencyKey }), 502, "BAD_GATEWAY");
      refusedHere(await shop.create({}, { idempotencyKey }), 429, "IDEMPOTENCY_IN_PROGRESS");
      assert.equal(adstat.ads.length, 0);
      await shop.advance(61_000);
      done(await shop.create({}, { idempotencyKey }));
      assert.equal(adstat.ads.length, 1);
      only(await shop.orders());
    });

    it("that never came in are not taken for an ad of the day before that was not bought here", async () => {
      const earlier = done(await shop.create({}, { idempotencyKey: key() })).ad_id;
      await shop.edge.rows("DELETE FROM ad_orders");
      await shop.advance(24 * hour);
      const idempotencyKey = key();
      adstat.misbehave({ call: "ad.create", cut: "arrival" });
      refusedHere(await shop.create({}, { idempotencyKey }), 502, "BAD_GATEWAY");
      await shop.advance(61_000);
      assert.notEqual(done(await shop.create({}, { idempotencyKey })).ad_id, earlier);
      assert.equal(adstat.ads.length, 2);
    });

    it("that were lost are found where AdStat keeps their words without stray space", async () => {
      const send = () => shop.create({ title: " Spring ", text: "Come  in\r\n" });
      adstat.misbehave({ call: "ad.create", cut: "headers" });
      refusedHere(await send(), 502, "BAD_GATEWAY");
      Object.assign(only(adstat.ads), { title: "Spring", text: "Come in" });
      assert.equal(done(await send()).ad_id, only(adstat.ads).ad_id);
    });

    it("that two buyers of the same lost are two ads", async () => {
      const keys = [key(), key()];
      adstat.misbehave({ call: "ad.create", cut: "headers", times: 2 });
      for (const idempotencyKey of keys) refusedHere(await shop.create({}, { idempotencyKey }), 502, "BAD_GATEWAY");
      const ids = [];
      for (const idempotencyKey of keys) ids.push(done(await shop.create({}, { idempotencyKey })).ad_id);
      assert.deepEqual(ids.sort(), adstat.ads.map(({ ad_id }) => ad_id));
    });

    it("that AdStat refuses can be told again", async () => {
      const campaign_id = 4_567_200;
      refusedThere(await shop.create({ campaign_id }), 400, "Campaign not found");
      assert.deepEqual((await shop.orders()).map(({ outcome, status }) => [outcome, status]), [["refused", 400]]);
      adstat.campaigns.push({ id: campaign_id, name: "New", account_id: ACCOUNT, status: "active" });
      done(await shop.create({ campaign_id }));
      assert.deepEqual(only(await shop.orders()).outcome, "done");
    });

    it("that AdStat fails at in its own words may have been done", async () => {
      const idempotencyKey = key();
      adstat.misbehave({ call: "ad.create", status: 500, detail: "Internal server error" });
      refusedThere(await shop.create({}, { idempotencyKey }), 500, "Internal server error");
      assert.equal(only(await shop.orders()).outcome, "sent");
      refusedHere(await shop.create({}, { idempotencyKey }), 429, "IDEMPOTENCY_IN_PROGRESS");
      await shop.advance(61_000);
      done(await shop.create({}, { idempotencyKey }));
      assert.equal(adstat.ads.length, 1);
    });

    it("are not sent where they can't be written down, or can't be told from others", async () => {
      await shop.edge.fail({ d1: "fail" });
      refusedHere(await shop.create(), 500, "INTERNAL_ERROR");
      await shop.edge.fail({ d1: null });
      adstat.misbehave({ call: "ads", status: 500 });
      refusedHere(await shop.create(), 502, "BAD_GATEWAY");
      assert.equal(adstat.named("ad.create").length, 0);
      done(await shop.create());
    });

    it("whose outcome can't be written down are found", async () => {
      const idempotencyKey = key();
      await shop.edge.fail({ d1Answer: { of: "UPDATE ad_orders" } });
      const first = done(await shop.create({}, { idempotencyKey }));
      await shop.edge.fail({ d1Answer: null });
      assert.equal(done(await shop.create({}, { idempotencyKey })).ad_id, first.ad_id);
      assert.equal(adstat.ads.length, 1);
    });

    it("with a token that is refused are sent again with another", async () => {
      done(await shop.get("kktu"));
      adstat.misbehave({ call: "ad.create", status: 401, detail: "Token has expired" });
      done(await shop.create());
      assert.equal(adstat.ads.length, 1);
      assert.equal(adstat.renewals, 1);
    });

    it("are checked and not bought on a dry run", async () => {
      const answer = done(await shop.create({ schedule: WEEK, kktu_ids: [KKTU.third], titel: "x" }, { query: "?dry_run=true&decorate=true" }));
      assert.equal(answer.would_send.promote_url, `https://shop.test/lp?utm_source=telegram&utm_medium=cpc&utm_campaign=${CAMPAIGN}&utm_content=order-id`);
      assert.deepEqual([answer.dry_run, answer.undocumented, answer.hours_a_week], [true, ["titel"], 21]);
      refusedHere(await shop.create({ kktu_ids: [KKTU.first] }, { query: "?dry_run=true" }), 400, "INVALID_PAYLOAD", "kktu_ids");
      assert.deepEqual(adstat.calls.filter(({ name }) => name !== "kktu"), []);
      assert.deepEqual(await shop.orders(), []);
    });

    it("name themselves in the landing link, where that is asked for", async () => {
      const answer = await shop.create({ promote_url: "https://shop.test/lp?utm_campaign=mine#x" }, { query: "?decorate=true" });
      const content = answer.headers["x-edgeway-order"].slice(0, 12);
      assert.equal(done(answer).promote_url, `https://shop.test/lp?utm_campaign=mine&utm_source=telegram&utm_medium=cpc&utm_content=${content}#x`);
      assert.equal(done(await shop.create()).promote_url, AD.promote_url);
      assert.equal(done(await shop.create({ promote_url: "t.me/channel" }, { query: "?decorate=true" })).promote_url, "t.me/channel");
    });

    it("that edit are written down, too; with a key, told again they are answered the same", async () => {
      const { ad_id } = done(await shop.create());
      const edit = (body, options = {}, query = "") => shop.call("PUT", `api/advertisement/telegram/${ad_id}${query}`, { body, ...options });
      const idempotencyKey = key();
      const first = await edit({ cpm: 3 }, { idempotencyKey });
      done(await edit({ cpm: 4 }));
      const replayed = await edit({ cpm: 3 }, { idempotencyKey });
      assert.deepEqual([done(replayed), replayed.headers["x-idempotent-replay"], adstat.ads[0].cpm], [done(first), "true", 4]);
      done(await edit({ cpm: 3 }));
      done(await edit({ cpm: 4 }));
      assert.equal(adstat.ads[0].cpm, 4, "to and fro");
      assert.deepEqual((await shop.orders()).map(({ action, ad_id }) => [action, ad_id]).sort(), [["create", ad_id], ...Array(4).fill(["edit", ad_id])]);

      adstat.misbehave({ call: "ad.edit", cut: "headers" });
      const lost = key();
      refusedHere(await edit({ cpm: 5 }, { idempotencyKey: lost }), 502, "BAD_GATEWAY");
      done(await edit({ cpm: 5 }, { idempotencyKey: lost }));
      assert.equal(adstat.ads[0].cpm, 5);
    });

    it("that amend give AdStat back what it holds, whatever the rules for new values", async () => {
      const { ad_id } = (await shop.create()).json();
      Object.assign(adstat.ads[0], { cpm: 0, kktu_ids: [KKTU.third, "another"] });
      const dry = await shop.call("PUT", `api/advertisement/telegram/${ad_id}?amend=true&dry_run=true`, { body: { title: "New" } });
      assert.equal(dry.status, 200, dry.text);
      const { would_send: sent, changes } = dry.json();
      assert.deepEqual([sent.cpm, sent.kktu_ids, only(changes).field], [0, [KKTU.third, "another"], "title"]);
      refusedHere(await shop.call("PUT", `api/advertisement/telegram/${ad_id}?amend=true`, { body: { cpm: 0 } }), 400, "INVALID_PAYLOAD", "cpm: expected");
    });

    it("that edit the landing link have it name its ad, where that is asked for", async () => {
      const { ad_id } = done(await shop.create());
      const edit = (body, query) => shop.call("PUT", `api/advertisement/telegram/${ad_id}?${query}`, { body });
      const named = `https://shop.test/new?utm_source=telegram&utm_medium=cpc&utm_campaign=${CAMPAIGN}&utm_content=${ad_id}`;
      const dry = done(await edit({ promote_url: "https://shop.test/new" }, "amend=true&decorate=true&dry_run=true"));
      assert.deepEqual(dry.changes, [{ field: "promote_url", from: AD.promote_url, to: named }]);
      done(await edit({ promote_url: "https://shop.test/new" }, "decorate=true"));
      assert.equal(only(adstat.named("ad.edit")).body.promote_url, named);
      done(await edit({ promote_url: "https://shop.test/plain" }, "amend=true"));
      assert.equal(adstat.ads[0].promote_url, "https://shop.test/plain");
      done(await edit({ cpm: 5 }, "amend=true&decorate=true"));
      assert.equal(adstat.ads[0].promote_url, "https://shop.test/plain", "who changes something else leaves the link");
    });

    it("that amend leave the rest as it is, and show what they change", async () => {
      const { ad_id } = done(await shop.create({ schedule: WEEK, tg_event_id: "JuKiaLISFD", daily_budget: 2 }));
      const amend = (body, query) => shop.call("PUT", `api/advertisement/telegram/${ad_id}?amend=true${query}`, { body });
      const dry = done(await amend({ cpm: 5, daily_budget: 2, schedule: null }, "&dry_run=true"));
      assert.deepEqual(dry.changes, [{ field: "cpm", from: 2, to: 5 }, { field: "schedule", from: WEEK, to: null }]);
      assert.deepEqual([dry.would_send.title, dry.would_send.tg_event_id], ["Spring", "JuKiaLISFD"]);
      assert.equal(adstat.named("ad.edit").length, 0);
      done(await amend({ cpm: 5 }, ""));
      const sent = only(adstat.named("ad.edit")).body;
      assert.deepEqual([sent.cpm, sent.title, sent.schedule, sent.tg_event_id], [5, "Spring", WEEK, "JuKiaLISFD"]);
      adstat.ads[0].cannot_edit_fields = ["text"];
      refusedHere(await amend({ text: "Other" }, ""), 400, "INVALID_PAYLOAD", "text: AdStat does not let it be edited now");
      refusedThere(await shop.call("PUT", "api/advertisement/telegram/5?amend=true", { body: { cpm: 1 } }), 404, "Advertisement not found");
    });
  });

  describe("who is let in", () => {
    it("only the operator's key", async () => {
      for (const key of ["", "x", `${OPERATOR_KEY}x`, PASSWORD]) refusedHere(await shop.get("kktu", { key }), 401, key ? "INVALID_KEY" : "AUTH_REQUIRED");
      refusedHere(await shop.get("kktu", { key: "", headers: { authorization: `Basic ${OPERATOR_KEY}` } }), 401, "AUTH_REQUIRED");
      refusedHere(await shop.call("GET", "orders", { key: "" }), 401, "AUTH_REQUIRED");
      assert.deepEqual(adstat.calls, []);
    });

    it("nothing of the operator's request goes along", async () => {
      const headers = { cookie: "a=b", "cf-access-jwt-assertion": "secret", "x-forwarded-for": "1.2.3.4", "cf-connecting-ip": "1.2.3.4", "user-agent": "script/1" };
      done(await shop.get("kktu", { headers }));
      const sent = await multipart({ media: { file: "a.jpg", type: "image/jpeg", bytes: JPEG } });
      done(await shop.call("POST", `api/v1/advertising/telegram/upload_media?account_id=${ACCOUNT}`, { ...sent, headers: { ...headers, ...sent.headers } }));
      for (const call of adstat.calls) {
        assert.ok(!JSON.stringify(call.headers).includes(OPERATOR_KEY));
        assert.notEqual(call.headers["user-agent"], "script/1");
      }
      sound();
    });
  });
});

describe("AdStat without a token", () => {
  it("logs in only for what breaks no rule", async () => {
    const shop = await startShop();
    try {
      refusedHere(await shop.create({ cpm: 0 }), 400, "INVALID_PAYLOAD", "cpm");
      assert.deepEqual(shop.adstat.calls, []);
    } finally {
      await shop.close();
    }
  });

  it("says what is missing", async () => {
    const world = await startWorld({ vars: { OPERATOR_KEY } });
    try {
      const call = (headers) => world.edge.request("/ops/adstat/api/kktu", { headers });
      refusedHere(await call({ authorization: `Bearer ${OPERATOR_KEY}` }), 503, "API_DISABLED", "ADSTAT_USERNAME");
      refusedHere(await call({}), 401, "AUTH_REQUIRED");
      assert.equal((await world.edge.request("/healthz")).json().adstat, undefined);
      // What asks the edge alone needs none of it.
      const asks = (path, options = {}) => world.edge.request(`/ops/adstat/${path}`, { headers: { authorization: `Bearer ${OPERATOR_KEY}`, "content-type": "application/json" }, ...options });
      assert.deepEqual(done(await asks("orders")).orders, []);
      const checked = (ad) => asks("api/advertisement/telegram/?dry_run=true", { method: "POST", body: ad });
      assert.equal(done(await checked(AD)).would_send.title, AD.title);
      refusedHere(await checked({ ...AD, cpm: 0 }), 400, "INVALID_PAYLOAD", "cpm");
      refusedHere(await checked({ ...AD, kktu_ids: [KKTU.third] }), 503, "API_DISABLED", "ADSTAT_USERNAME");
      refusedHere(await asks("api/advertisement/telegram/", { method: "POST", body: AD }), 503, "API_DISABLED", "ADSTAT_USERNAME");
    } finally {
      await world.close();
    }
  });
});

describe("Cloudflare Access before AdStat", () => {
  let team;
  let shop;
  before(async () => {
    team = await startAccess();
    shop = await startShop({ ACCESS_TEAM_DOMAIN: team.url, ACCESS_AUD: team.audience });
  });
  after(() => Promise.all([shop.close(), team.close()]));
  beforeEach(() => shop.reset());
  const names = (token, options) => shop.get("accounts/telegram/names", { headers: token && { "cf-access-jwt-assertion": token }, ...options });
  const denied = async (token, words) => refusedHere(await names(token), 403, "ACCESS_DENIED", "cf-access-jwt-assertion: ", words);
  const now = () => Math.floor(shop.adstat.nowMs() / 1000);

  it("lets in whom it vouches for, with the operator's key", async () => {
    done(await names(team.sign()));
    done(await names(team.sign()));
    assert.equal(team.asked, 1, "its keys are asked for once");
    refusedHere(await names(team.sign(), { key: "" }), 401, "AUTH_REQUIRED");
    refusedHere(await names(team.sign(), { key: "x" }), 401, "INVALID_KEY");
  });

  it("names the buyer in the order", async () => {
    done(await shop.create({}, { headers: { "cf-access-jwt-assertion": team.sign({ email: "anna@shop.test" }) } }));
    done(await shop.create({ title: "By a script" }, { headers: { "cf-access-jwt-assertion": team.sign({ email: undefined, sub: "", common_name: "ci.access" }) } }));
    assert.deepEqual((await shop.orders()).map(({ who }) => who).sort(), ["anna@shop.test", "ci.access"]);
  });

  it("keeps out whom it does not vouch for", async () => {
    const good = team.sign();
    const [head, claims, signature] = good.split(".");
    await denied(undefined, "missing");
    await denied("x", "expected a token");
    await denied(team.sign({ aud: ["another"] }), "for another application");
    await denied(team.sign({ iss: "https://evil.test" }), "of another team");
    await denied(team.sign({ exp: now() - 120 }), "expired");
    await denied(team.sign({ nbf: now() + 120 }), "not valid yet");
    await denied(team.sign({}, { header: { alg: "none" } }), "expected RS256");
    await denied(`${head}.${claims}.`, "wrong signature");
    await denied(`${head}.${Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, "base64url")), email: "evil@x.test" })).toString("base64url")}.${signature}`, "wrong signature");
    assert.deepEqual(shop.adstat.calls, []);
  });

  it("takes a new key of the team's at once, and no made-up one", async () => {
    await shop.advance(31_000);
    team.rotate();
    const asked = team.asked;
    done(await names(team.sign()));
    assert.equal(team.asked, asked + 1);
    const forged = { kid: "made-up", privateKey: team.keys[0].privateKey };
    for (let times = 0; times < 5; times += 1) await denied(team.sign({}, { key: forged }), "no key of the team's");
    assert.equal(team.asked, asked + 1, "ids that somebody makes up bring no questions");
    done(await names(team.sign({}, { key: team.keys[1] })), 200);
  });

  it("goes on by the keys it has while the team does not tell them", async () => {
    await shop.advance(3_600_001);
    team.fails = true;
    const token = team.sign({ exp: now() + 40 * 86_400 });
    done(await names(token));
    await shop.advance(DAY);
    refusedHere(await names(token), 503, "API_DISABLED", "come back later");
    team.fails = false;
    done(await names(token));
  });
});

describe("Cloudflare Access half set", () => {
  it("lets nobody in", async () => {
    const shop = await startShop({ ACCESS_AUD: "x" });
    try {
      refusedHere(await shop.get("kktu"), 503, "API_DISABLED", "Cloudflare Access");
      const health = await shop.edge.request("/healthz");
      assert.deepEqual([health.status, health.json().settings.access], [503, "broken"]);
      assert.ok(health.json().problems.some(({ setting }) => setting === "ACCESS_TEAM_DOMAIN"));
    } finally {
      await shop.close();
    }
  });
});
