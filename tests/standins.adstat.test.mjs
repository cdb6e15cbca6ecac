// The stand-in AdStat itself: the tests that lean on it are worth what its checks are.
import { after, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { request } from "./harness/http.mjs";
import { ACCOUNT, CAMPAIGN, KKTU, OTHER_ACCOUNT, PASSWORD, USERNAME, startAdStat } from "./standins/adstat.mjs";

const AD = { campaign_id: CAMPAIGN, title: "Spring", text: "Come in", promote_url: "t.me/somechannel", cpm: 2, budget: 10, ad_type: "target_channels" };
const WEEK = Object.fromEntries(["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map((day) => [day, [9, 10]]));
const JSON_TYPE = { "content-type": "application/json" };

describe("the stand-in AdStat", () => {
  let adstat;
  let token;
  before(async () => (adstat = await startAdStat()));
  after(() => adstat.close());
  beforeEach(async () => {
    adstat.reset();
    token = (await login()).json().access_token;
  });

  const form = (fields) => ({ method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body: new URLSearchParams(fields).toString() });
  const login = (fields = { username: USERNAME, password: PASSWORD }) => request(`${adstat.client.url}/api/v2/login`, form(fields));
  const call = (method, path, { at = "client", body, headers = body && JSON_TYPE, bearer = token } = {}) =>
    request(`${adstat[at].url}/api/${path}`, { method, body, headers: { ...headers, authorization: `Bearer ${bearer}` } });
  const told = (answer, status = 200) => {
    assert.equal(answer.status, status, answer.text);
    return answer.json();
  };
  const refused = async (answer, status, detail) => {
    const body = told(await answer, status);
    assert.equal(body.status_code, status);
    assert.match(body.detail, detail);
  };
  const create = (fields = {}) => call("POST", "advertisement/telegram/", { body: { ...AD, ...fields } });
  /** A multipart body, as a browser's FormData makes it. */
  const multipart = async (parts) => {
    const data = new FormData();
    for (const [name, value] of Object.entries(parts)) typeof value === "string" ? data.append(name, value) : data.append(name, new Blob([value.bytes], { type: value.type }), value.file);
    const made = new Response(data);
    return { body: Buffer.from(await made.arrayBuffer()), headers: { "content-type": made.headers.get("content-type") } };
  };

  it("logs in, renews, and lets tokens die", async () => {
    await refused(login({ username: USERNAME, password: "x" }), 401, /Incorrect/);
    const { access_token, refresh_token } = told(await login());
    const renew = () => request(`${adstat.client.url}/api/v2/access-token`, { headers: { refresh_token } });
    told(await call("GET", "accounts/telegram/names", { bearer: access_token }));
    adstat.advance(901_000);
    await refused(call("GET", "accounts/telegram/names", { bearer: access_token }), 401, /expired/);
    const renewed = told(await renew());
    assert.equal(renewed.token_type, "bearer");
    told(await call("GET", "accounts/telegram/names", { bearer: renewed.access_token }));
    adstat.advance(30 * 86_400_000);
    await refused(renew(), 401, /Refresh token/);
    await refused(call("GET", "kktu", { at: "clientapi", bearer: "" }), 401, /Not authenticated/);
  });

  it("keeps its two hosts apart", async () => {
    await refused(call("GET", "kktu"), 404, /Not Found/);
    await refused(call("GET", "accounts/telegram/names", { at: "clientapi" }), 404, /Not Found/);
  });

  it("makes, shows, edits and lists an ad", async () => {
    const { ad_id } = told(await create({ schedule: WEEK, kktu_ids: [KKTU.third], tg_event_id: "JuKiaLISFD" }));
    told(await call("PUT", `advertisement/telegram/${ad_id}`, { body: { cpm: 3, schedule: null } }));
    const shown = told(await call("GET", `advertisement/telegram/${ad_id}`));
    assert.deepEqual([shown.cpm, shown.title, shown.schedule, shown.event], [3, "Spring", null, { tg_id: "JuKiaLISFD", name: "Purchase" }]);
    const { data } = told(await call("GET", "v2/advertisement/?period=today"));
    assert.deepEqual(data.map(({ id, advertisement_title, cpm }) => [id, advertisement_title, cpm]), [[ad_id, "Spring", 3]]);
    assert.deepEqual(told(await call("GET", "v2/advertisement/?period=yesterday")).data, []);
    adstat.advance(86_400_000);
    token = (await login()).json().access_token;
    assert.equal(told(await call("GET", "v2/advertisement/?period=yesterday")).data.length, 1);
    await refused(call("GET", "v2/advertisement/?limit=501"), 422, /limit/);
    await refused(call("GET", "v2/advertisement/?period=ever"), 422, /period/);
    await refused(call("GET", "advertisement/telegram/1"), 404, /not found/);
  });

  const WRONG = [
    [{ title: undefined }, 422, /title is required/],
    [{ cpm: "2" }, 422, /cpm/],
    [{ campaign_id: 1 }, 400, /Campaign/],
    [{ ad_type: "target_all" }, 422, /ad_type/],
    [{ promote_url: "https://t.me/+AbC" }, 400, /ad_object is required/],
    [{ schedule: { ...WEEK, mon: [24] } }, 422, /schedule/],
    [{ schedule: { mon: [1] } }, 422, /schedule/],
    [{ kktu_ids: [KKTU.second] }, 400, /third level/],
    [{ kktu_ids: [KKTU.third, KKTU.third] }, 400, /one KKTU/],
    [{ campaign_id: 4_567_124 }, 400, /KKTU is required/],
    [{ tg_event_id: "OtherEvent" }, 400, /Pixel event/],
    [{ media_token: "none" }, 400, /Media/],
    [{ currency_code: "XYZ" }, 422, /currency_code/],
  ];
  for (const [fields, status, detail] of WRONG) it(`refuses an ad with ${JSON.stringify(fields)}`, () => refused(create(fields), status, detail));

  it("takes media and audiences by multipart", async () => {
    const upload = async (type, bytes) => told(await call("POST", `v1/advertising/telegram/upload_media?account_id=${ACCOUNT}`, { at: "clientapi", ...(await multipart({ media: { file: "a", type, bytes } })) }));
    const { media_token, error } = await upload("image/jpeg", Buffer.from([0xff, 0xd8, 0xff, 0]));
    assert.equal(error, null);
    told(await create({ media_token }));
    assert.match((await upload("image/gif", Buffer.from("GIF89a"))).error, /Unsupported/);

    const send = async (count, { account = ACCOUNT, file = "a.csv" } = {}) => {
      const bytes = Buffer.from(Array.from({ length: count }, (_, index) => 998_900_000_000 + index).join("\n"));
      return call("POST", `advertisement/telegram/${account}/audiences`, { at: "clientapi", ...(await multipart({ title: "VIP", audience: { file, type: "text/csv", bytes } })) });
    };
    const made = told(await send(1_000));
    assert.deepEqual(told(await call("GET", `advertisement/telegram/${ACCOUNT}/audiences/`, { at: "clientapi" })), [made]);
    await refused(send(999), 400, /1000/);
    await refused(send(1_000, { file: "a.pdf" }), 400, /csv/);
    await refused(send(1_000, { account: OTHER_ACCOUNT }), 403, /Uzbekistan/);
    await refused(call("POST", `advertisement/telegram/${ACCOUNT}/audiences`, { at: "clientapi", body: {} }), 422, /multipart/);
  });

  it("keeps pixel events a cabinet", async () => {
    const at = { at: "clientapi" };
    const make = (body) => call("POST", "pixel_events/", { ...at, body });
    const { id } = told(await make({ account_id: ACCOUNT, title: "Lead", type: "custom" }));
    await refused(make({ account_id: ACCOUNT, title: "Lead" }), 400, /type/);
    await refused(make({ account_id: "ACC1", title: "Lead", type: "custom" }), 403, /permissions/);
    await refused(make({ account_id: ACCOUNT, title: "Lead", type: "lead" }), 422, /Unsupported/);
    const rename = (event, account_id) => call("PATCH", `pixel_events/${event}`, { ...at, body: { account_id, title: "New" } });
    assert.equal(told(await rename(id, ACCOUNT)).title, "New");
    await refused(rename(id, OTHER_ACCOUNT), 403, /permissions/);
    await refused(rename("none", ACCOUNT), 404, /not found/);
    const remove = (account, event) => call("DELETE", `pixel_events/${account}/events/${event}`, at);
    await refused(remove(OTHER_ACCOUNT, id), 403, /permissions/);
    assert.equal((await remove(ACCOUNT, id)).status, 200);
    await refused(remove(ACCOUNT, id), 404, /not found/);
    assert.equal(told(await call("GET", `pixel_events/?account_id=${ACCOUNT}`, at)).items.length, 1);
    assert.match(told(await call("GET", `pixel_events/${ACCOUNT}/code_snippet`, at)).code_snippet, /tgp/);
  });

  it("counts statistics by unit and group, a page at a time", async () => {
    const start = Date.parse("2026-09-01");
    adstat.stats = [1, 2].flatMap((ad_id) => Array.from({ length: 48 }, (_, hour) => ({ at_ms: start + hour * 3_600_000, account_id: ACCOUNT, campaign_id: CAMPAIGN, ad_object: "t.me/x", ad_id, impressions: 100, clicks: 2, goals: 1, spent: 0.5 })));
    const page = async (fields) => told(await call("POST", "v1/stats/page", { body: { period_from: "2026-09-01", period_to: "2026-09-02", period_grouping_unit: "day", grouping: ["ad"], ...fields } }));
    const first = await page({ limit: 3 });
    assert.equal(first.items.length, 3);
    assert.deepEqual(first.items[0], { period: "2026-09-01", ad_id: 1, impressions: 2400, clicks: 48, goals: 24, spent: 12, cpc: 0.25, cpm: 5, cps: 0.5, ctr: 2, currency_code: "EUR" });
    const rest = await page({ limit: 3, cursor: first.cursor });
    assert.deepEqual([rest.items.length, rest.cursor], [1, null]);
    const hour = { period_grouping_unit: "hour" };
    await refused(call("POST", "v1/stats/page", { body: { period_from: "2026-01-01", period_to: "2026-01-02", ...hour } }), 400, /5 days/);
    const now = adstat.nowMs();
    const iso = (ms) => new Date(now + ms).toISOString();
    await refused(call("POST", "v1/stats/page", { body: { period_from: iso(-4 * 86_400_000), period_to: iso(0), ...hour } }), 400, /2 days/);
    await refused(call("POST", "v1/stats/page", { body: { period_from: "2026-09-01", period_to: "2026-09-02", period_grouping_unit: "minute" } }), 422, /period_grouping_unit/);
  });

  it("misbehaves on demand", async () => {
    adstat.misbehave({ call: "kktu", status: 429, retryAfter: 3, detail: "Too many requests" });
    const slow = await call("GET", "kktu", { at: "clientapi" });
    assert.deepEqual([slow.status, slow.headers["retry-after"], slow.json()], [429, "3", { detail: "Too many requests", status_code: 429 }]);
    adstat.misbehave({ call: "ad.create", cut: "headers" });
    await assert.rejects(create());
    assert.equal(adstat.ads.length, 1, "done, though nobody heard of it");
    adstat.misbehave({ call: "ad.create", cut: "arrival" });
    await assert.rejects(create());
    assert.equal(adstat.ads.length, 1);
    adstat.misbehave({ body: "<html>", type: "text/html" });
    assert.equal((await call("GET", "kktu", { at: "clientapi" })).text, "<html>");
  });
});
