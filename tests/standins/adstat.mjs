// A stand-in AdStat on loopback, both of its hosts: logins and tokens that expire, cabinets, campaigns, ads, media, the KKTU tree, pixel
// events, audiences and statistics as its documents tell them; state one can look at, and misbehaviour on demand.
// `node tests/standins/adstat.mjs [port]` runs it by itself, the second host on the next port.
import { randomBytes, randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import { standIn } from "../harness/http.mjs";
import { answerWith, misbehaving } from "./faults.mjs";

export const USERNAME = "buyer@shop.test";
export const PASSWORD = "correct horse battery staple";
/** A cabinet that may have audiences, and one that may not. */
export const ACCOUNT = "ACC0000222";
export const OTHER_ACCOUNT = "ACC0000333";
export const CAMPAIGN = 4_567_123;
/** A KKTU entry of each level. */
export const KKTU = { first: "0193d46f-1888-7553-8d09-53116794ddb3", second: "0193d46f-1889-7cb1-b1a0-97f889d945ad", third: "0193d46f-1889-7cb1-b1a0-9800191b62e9" };

const DAY_MS = 86_400_000;
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const AD_TYPES = ["target_channels", "target_users", "target_search", "target_bots"];
const PERIODS = ["today", "all", "yesterday", "starts_month"];
const CURRENCIES = ["EUR", "TON", "USD", "RUB", "USDT", "STAR"];
/** Units of statistics, with their length in ms where they are shorter than a day. */
const UNITS = { day: 0, week: 0, month: 0, year: 0, hour: 3_600_000, "30_minutes": 1_800_000, "5_minutes": 300_000 };
const GROUPINGS = { cabinet: "account_id", ad_object: "ad_object", ad: "ad_id", campaign: "campaign_id" };
const EVENT_TYPES = [
  { type: "page_view", label: "Page View" },
  { type: "purchase", label: "Purchase" },
  { type: "custom", label: "Custom Event" },
];

const kktu = (id, tree_id, code, name, children = []) => ({ id, tree_id, code, name, children });
const TREE = [
  kktu(KKTU.first, 1_000_000, "1", "АЛКОГОЛЬНЫЕ НАПИТКИ, ТАБАЧНЫЕ ИЗДЕЛИЯ", [
    kktu(KKTU.second, 1_001_000, "1.1", "АЛКОГОЛЬНЫЕ НАПИТКИ", [
      kktu(KKTU.third, 1_001_001, "1.1.1", "ВИНО"),
      kktu("0193d46f-1889-7cb1-b1a0-98184fd25317", 1_001_002, "1.1.2", "КРЕПКИЕ АЛКОГОЛЬНЫЕ НАПИТКИ"),
    ]),
    kktu("0193d46f-1889-7cb1-b1a0-9842865b2e1b", 1_002_000, "1.2", "ТАБАЧНЫЕ ИЗДЕЛИЯ", [kktu("0193d46f-1889-7cb1-b1a0-985cd2f1e210", 1_002_001, "1.2.1", "ТАБАЧНЫЕ ИЗДЕЛИЯ")]),
  ]),
];

/** A refusal in AdStat's own form. */
class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}
const bad = (detail) => new Refusal(400, detail);
const invalid = (detail) => new Refusal(422, detail);

// ---- types of fields -----------------------------------------------------------------------------------------------------------

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const KINDS = {
  id: ["a whole number above 0", (value) => Number.isInteger(value) && value > 0],
  number: ["a number", isNumber],
  amount: ["a number, 0 or more", (value) => isNumber(value) && value >= 0],
  text: ["a string", (value) => typeof value === "string"],
  flag: ["a boolean", (value) => typeof value === "boolean"],
  texts: ["a list of strings", (value) => Array.isArray(value) && value.every((each) => typeof each === "string")],
  numbers: ["a list of numbers", (value) => Array.isArray(value) && value.every(isNumber)],
  date: ["a date of ISO 8601", (value) => typeof value === "string" && /^\d{4}-\d\d-\d\d/.test(value) && !Number.isNaN(Date.parse(value))],
  schedule: ["seven days with hours from 0 to 23", isSchedule],
  bots: ["a list of bots", (value) => Array.isArray(value) && value.every((bot) => typeof bot?.url === "string")],
};

function isSchedule(value) {
  if (value === null || typeof value !== "object" || Object.keys(value).sort().join() !== [...DAYS].sort().join()) return false;
  return DAYS.every((day) => Array.isArray(value[day]) && new Set(value[day]).size === value[day].length && value[day].every((hour) => Number.isInteger(hour) && hour >= 0 && hour <= 23));
}

/** Fields of an advertisement; `?` may be null. */
const EDITABLE = {
  title: "text", text: "text", promote_url: "text", cpm: "amount", other_info: "text?", media_token: "text?", website_name: "text", views_per_user: "id", show_picture: "flag",
  promote_url_picture_id: "text?", button_type: "text?", daily_budget: "amount", after_moderation_status: "text", start_date: "date?", end_date: "date?", schedule: "schedule?",
  use_selected_timezone: "flag", schedule_timezone: "number?", kktu_ids: "texts", tg_event_id: "text?",
};
const CREATABLE = {
  ...EDITABLE, campaign_id: "id", ad_object: "text", budget: "amount", langs: "texts", topics: "numbers", topics_verbose: "texts", channels: "numbers", channels_verbose: "texts",
  exclude_topics: "numbers", exclude_topics_verbose: "texts", exclude_channels: "numbers", exclude_channels_verbose: "texts", split_by: "texts", ad_source: "text", ad_type: "text",
  countries: "texts", locations: "texts", locations_verbose: "texts", audiences: "numbers", exclude_audiences: "numbers", exclude_politic: "flag?", all_topics_interested_users: "flag?",
  device: "text?", target_user_channels: "texts", target_user_channels_verbose: "texts", exclude_target_user_channels: "texts", exclude_target_user_channels_verbose: "texts",
  promote_url_type: "text", currency_code: "text", use_account_currency: "flag", only_crypto: "flag", exclude_crypto: "flag", target_search: "texts?", target_bots: "bots?",
};
const REQUIRED = ["campaign_id", "title", "text", "promote_url", "cpm", "budget", "ad_type"];

function checkTypes(body, fields) {
  for (const [name, kind] of Object.entries(fields)) {
    const value = body[name];
    if (value === undefined || (value === null && kind.endsWith("?"))) continue;
    const [words, holds] = KINDS[kind.replace("?", "")];
    if (!holds(value)) throw invalid(`${name} must be ${words}`);
  }
}

const isInvite = (url) => /^(https?:\/\/)?(t\.me|telegram\.(me|dog))\/(\+|joinchat\/)/.test(url);

// ---- multipart -----------------------------------------------------------------------------------------------------------------

/** The parts of a multipart body, by name: `{text}`, or `{file, type, bytes}`. */
async function partsOf(call) {
  if (!/^multipart\/form-data; *boundary=/.test(call.headers["content-type"] ?? "")) throw invalid("the body must be multipart/form-data");
  let form;
  try {
    form = await new Response(call.bytes, { headers: { "content-type": call.headers["content-type"] } }).formData();
  } catch {
    throw bad("There was an error parsing the body");
  }
  const parts = {};
  for (const [name, value] of form) {
    parts[name] = typeof value === "string" ? { text: value } : { file: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()) };
  }
  return parts;
}

const MEDIA = { "image/jpeg": [0xff, 0xd8, 0xff], "image/png": [0x89, 0x50, 0x4e, 0x47], "video/mp4": [] };

/**
 * Starts the stand-in: `client.url` and `clientapi.url` are its two hosts. `accessS` and `refreshS` are how long its tokens live, in s;
 * `tokens` is what they look like: `jwt`, which say when they end, or `opaque`.
 * State: `calls` (all that arrived, with the host), `logins`, `renewals`, `accounts`, `campaigns`, `ads`, `media`, `events`, `audiences`,
 * `stats` (one row an hour and ad), `violations` (what must never arrive). `misbehave({call, times, …})` makes the next calls fail, see
 * [`misbehaving`], by a name of `CALLS` below; one with `status` says its `detail`. `advance(ms)` puts its clock ahead; `reset()` forgets what happened.
 */
export async function startAdStat({ port = 0, accessS = 900, refreshS = 30 * 86_400, tokens = "jwt" } = {}) {
  const state = { client: {}, clientapi: {}, violations: [], calls: [] };

  state.reset = () => {
    Object.assign(state, {
      accessS, refreshS, tokens, ahead: 0, logins: 0, renewals: 0, nextId: 1_364_756, access: new Map(), refresh: new Map(), media: new Map(), ads: [], audiences: [], stats: [],
      accounts: [
        { account_id: ACCOUNT, account_name: "Shop", status: "active", balance_total: 500, balance_available: 400.5, balance_active: 99.5, balance_spent: 1_234.56, objects: 3, legal_name: "Shop LLC", category_key: "retail", mode: "default", is_audience_allowed: true },
        { account_id: OTHER_ACCOUNT, account_name: "Other", status: "active", balance_total: 10, balance_available: 10, balance_active: 0, balance_spent: 0, objects: 1, legal_name: "Other GmbH", category_key: "crypto", mode: "ord", is_audience_allowed: false },
      ],
      campaigns: [
        { id: CAMPAIGN, name: "Spring", account_id: ACCOUNT, status: "active" },
        { id: 4_567_124, name: "Summer", account_id: OTHER_ACCOUNT, status: "stopped" },
      ],
      events: [event(ACCOUNT, "Purchase", "purchase", "JuKiaLISFD"), event(OTHER_ACCOUNT, "Visit", "page_view", "OtherEvent")],
    });
    state.behave();
    for (const list of [state.calls, state.violations]) list.length = 0;
  };
  misbehaving(state, "call");
  state.nowMs = () => Date.now() + state.ahead;
  state.advance = (ms) => (state.ahead += ms);
  /** Ends every access token now, as AdStat may at any time. */
  state.revoke = () => state.access.clear();

  function event(account_id, title, type, tg_event_id = `tg${randomBytes(6).toString("hex")}`) {
    return {
      id: randomUUID(), account_id, pixel_id: `px${account_id}`, tg_event_id, title, type, status: "inactive", ads_count: 0, created_at: "2025-06-04T14:36:45+00:00",
      last_triggered_at: null, code_snippet: `<script>\ntgp("event","${tg_event_id}");\n</script>`,
    };
  }

  // ---- tokens ------------------------------------------------------------------------------------------------------------------

  function issue(kind, lifeS) {
    const endsMs = state.nowMs() + lifeS * 1000;
    const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const secret = randomBytes(18).toString("base64url");
    const token = state.tokens === "jwt" ? [part({ alg: "HS256" }), part({ sub: "77", exp: Math.floor(endsMs / 1000) }), secret].join(".") : secret;
    state[kind].set(token, endsMs);
    return token;
  }
  const isAlive = (kind, token) => state[kind].get(token) > state.nowMs();

  function checkToken({ headers }) {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
    if (!token) throw new Refusal(401, "Not authenticated");
    if (!isAlive("access", token)) throw new Refusal(401, "Token has expired or is invalid");
  }

  // ---- what is there -----------------------------------------------------------------------------------------------------------

  function accountOf(id) {
    if (!id) throw invalid("account_id is required");
    const found = state.accounts.find(({ account_id }) => account_id === id);
    if (!found) throw new Refusal(404, "Account not found");
    return found;
  }
  function adOf(id) {
    const found = state.ads.find((ad) => String(ad.ad_id) === id);
    if (!found) throw new Refusal(404, "Advertisement not found");
    return found;
  }
  function campaignOf(id) {
    const found = state.campaigns.find((campaign) => campaign.id === id);
    if (!found) throw bad("Campaign not found");
    return found;
  }
  const paged = (list, { offset = "0", limit = "50" }, most) => {
    if (!/^\d+$/.test(offset)) throw invalid("offset must be a number");
    if (!/^\d+$/.test(limit) || +limit < 1 || (most && +limit > most)) throw invalid(`limit must be from 1 to ${most ?? "any number"}`);
    return list.slice(+offset, +offset + +limit);
  };
  function checkPeriod(period) {
    if (period !== undefined && !PERIODS.includes(period)) throw invalid(`period must be one of ${PERIODS}`);
  }
  const totals = (rows) => {
    const sum = (name) => rows.reduce((all, row) => all + row[name], 0);
    const [impressions, clicks, goals, spent] = ["impressions", "clicks", "goals", "spent"].map(sum);
    const ratio = (part, whole) => (whole ? part / whole : 0);
    return { impressions, clicks, goals, spent, cpc: ratio(spent, clicks), cpm: ratio(spent * 1000, impressions), cps: ratio(spent, goals), ctr: ratio(clicks * 100, impressions) };
  };

  /** Checks an advertisement's fields, however they came. */
  function checkAd(body, fields, account) {
    if (body === null || typeof body !== "object" || Array.isArray(body)) throw invalid("the body must be an object");
    checkTypes(body, fields);
    if (body.kktu_ids?.length > 1) throw bad("Only one KKTU can be selected");
    const levels = (list, level) => list.flatMap((each) => [[each.id, level], ...levels(each.children, level + 1)]);
    const level = Object.fromEntries(levels(TREE, 1));
    for (const id of body.kktu_ids ?? []) if (level[id] !== 3) throw bad("KKTU must be of the third level");
    if (account.mode === "ord" && fields === CREATABLE && !body.kktu_ids?.length) throw bad("KKTU is required for this account");
    if (body.media_token != null && !state.media.has(body.media_token)) throw bad("Media not found");
    if (body.tg_event_id != null && !state.events.some((each) => each.tg_event_id === body.tg_event_id && each.account_id === account.account_id)) throw bad("Pixel event not found");
  }

  /** Sets what an advertisement's body says. */
  function apply(ad, { media_token, tg_event_id, ...body }) {
    Object.assign(ad, body);
    if (media_token !== undefined) ad.media = media_token && { token: media_token, url: `https://cdn4.telesco.pe/file/${media_token}.jpg`, type: state.media.get(media_token).startsWith("video") ? "video" : "image" };
    const found = state.events.find((each) => each.tg_event_id === tg_event_id);
    if (tg_event_id !== undefined) ad.event = { tg_id: found?.tg_event_id ?? null, name: found?.title ?? null };
  }

  function summary(ad) {
    const { campaign_id, campaign_name, account_name, ad_type } = ad;
    const { cpm, ...earned } = totals(state.stats.filter((row) => row.ad_id === ad.ad_id));
    return {
      account_name, action_type: null, ad_text: ad.text, ad_type, advertisement_title: ad.title, balance: ad.budget - earned.spent, campaign_id, campaign_name, cvr: 0, created_dt: ad.created_dt,
      id: ad.ad_id, kktu_codes: [], object: ad.promote_url, opened: null, status: ad.status, status_updated_dt: ad.status_updated_dt, target_topics: [], ...earned, cpm: ad.cpm,
    };
  }

  const DETAILS = {
    langs: [], topics: [], channels: [], exclude_topics: [], exclude_channels: [], other_info: null, decline_reason: [], cannot_edit_fields: [], countries: [], user_locations: [], audiences: [],
    exclude_audiences: [], website_name: "", views_per_user: 1, show_picture: false, exclude_politic: null, promote_url_picture_id: null, all_topics_interested_users: null, device: null,
    target_user_channels: [], exclude_target_user_channels: [], button_type: null, daily_budget: 0, after_moderation_status: "active", start_date: null, end_date: null, schedule: null,
    use_selected_timezone: false, schedule_timezone: null, website_photo_url: null, tg_account_type: 1, only_crypto: false, exclude_crypto: false, kktu_ids: [], target_search: [], target_bots: [],
    media: null, event: { tg_id: null, name: null },
  };

  /** `09.01.1998 09:04:26`, three hours ahead of Greenwich. */
  const moscow = (ms) => {
    const [date, time] = new Date(ms + 3 * 3_600_000).toISOString().split(/[T.]/);
    return `${date.split("-").reverse().join(".")} ${time}`;
  };
  const dayOf = (ms) => Math.floor((ms + 3 * 3_600_000) / DAY_MS);

  // ---- statistics --------------------------------------------------------------------------------------------------------------

  /** Where the unit begins that `ms` is in, as statistics name it. */
  function bucket(ms, unit) {
    const at = new Date(UNITS[unit] ? ms - (ms % UNITS[unit]) : ms).toISOString();
    if (unit === "week") return new Date(ms - ((new Date(ms).getUTCDay() + 6) % 7) * DAY_MS).toISOString().slice(0, 10);
    if (UNITS[unit]) return at;
    return { day: at.slice(0, 10), month: `${at.slice(0, 7)}-01`, year: `${at.slice(0, 4)}-01-01` }[unit];
  }

  function statistics(body) {
    const time = (name) => {
      if (!KINDS.date[1](body[name])) throw invalid(`${name} must be a date of ISO 8601`);
      return Date.parse(body[name]);
    };
    const [from, to] = [time("period_from"), time("period_to")];
    const unit = body.period_grouping_unit;
    if (!Object.hasOwn(UNITS, unit)) throw invalid(`period_grouping_unit must be one of ${Object.keys(UNITS)}`);
    if (from > to) throw bad("period_from is after period_to");
    if (UNITS[unit] && from < state.nowMs() - 5 * DAY_MS) throw bad("units under a day reach back 5 days");
    if (UNITS[unit] && to - from > 2 * DAY_MS) throw bad("units under a day take 2 days at most");
    const { grouping = [], platform_cabinet_ids: cabinets = [], ad_objects: objects = [], currency_code: currency = "EUR", limit = 500, cursor = null } = body;
    if (!Array.isArray(grouping) || grouping.some((each) => !GROUPINGS[each])) throw invalid(`grouping must be of ${Object.keys(GROUPINGS)}`);
    if (!CURRENCIES.includes(currency)) throw invalid(`currency_code must be one of ${CURRENCIES}`);
    if (!Number.isInteger(limit) || limit < 1 || limit > 500) throw invalid("limit must be from 1 to 500");
    const start = cursor === null ? 0 : Number(Buffer.from(String(cursor), "base64url").toString().replace(/^after:/, ""));
    if (!Number.isInteger(start)) throw bad("cursor is invalid");
    // A day named is a day whole.
    const end = body.period_to.length === 10 ? to + DAY_MS : to;
    const rows = state.stats.filter((row) => row.at_ms >= from && row.at_ms < end && (!cabinets.length || cabinets.includes(row.account_id)) && (!objects.length || objects.includes(row.ad_object)));
    const groups = new Map();
    for (const row of rows) {
      const key = JSON.stringify([bucket(row.at_ms, unit), ...grouping.map((each) => row[GROUPINGS[each]])]);
      groups.set(key, [...(groups.get(key) ?? []), row]);
    }
    const items = [...groups.keys()].sort().map((key) => {
      const [period, ...values] = JSON.parse(key);
      return { period, ...Object.fromEntries(grouping.map((each, index) => [GROUPINGS[each], values[index]])), ...totals(groups.get(key)), currency_code: currency };
    });
    const next = start + limit;
    return { items: items.slice(start, next), cursor: next < items.length ? Buffer.from(`after:${next}`).toString("base64url") : null };
  }

  // ---- the calls ---------------------------------------------------------------------------------------------------------------

  const fieldsOf = (body, ...names) => {
    for (const name of names) if (typeof body?.[name] !== "string" || !body[name]) throw bad(`${name} is required`);
    return body;
  };

  const CALLS = [
    ["login", "client", "POST", "/v2/login", ({ form }) => {
      state.logins += 1;
      if (form.get("username") !== USERNAME || form.get("password") !== PASSWORD) throw new Refusal(401, "Incorrect username or password");
      return { user_id: 77, access_token: issue("access", state.accessS), refresh_token: issue("refresh", state.refreshS) };
    }],
    ["renew", "client", "GET", "/v2/access-token", ({ headers }) => {
      state.renewals += 1;
      if (!isAlive("refresh", headers.refresh_token)) throw new Refusal(401, "Refresh token has expired");
      return { access_token: issue("access", state.accessS), token_type: "bearer" };
    }],
    ["accounts.names", "client", "GET", "/accounts/telegram/names", () =>
      state.accounts.map(({ account_id, account_name, balance_available, mode, is_audience_allowed }) => ({ account_uid: account_id, name: account_name, balance: balance_available, mode, is_audience_allowed }))],
    ["accounts", "client", "GET", "/accounts/telegram/", ({ query }) => {
      const holds = (value, part) => !part || value.toLowerCase().includes(part.toLowerCase());
      const found = state.accounts.filter((each) => holds(each.account_name, query.account_name) && holds(each.legal_name, query.legal_name));
      return { items: paged(found, query).map(({ mode, is_audience_allowed, ...each }) => each) };
    }],
    ["account", "client", "GET", "/accounts/telegram/:account", ({ words }) => accountOf(words.account)],
    ["campaigns", "client", "GET", "/campaigns/", ({ query }) => {
      checkPeriod(query.period);
      const found = state.campaigns.filter(({ name, status }) => (!query.campaign_name || name.includes(query.campaign_name)) && (query.is_active === undefined || (status === "active") === (query.is_active === "true")));
      const items = paged(found, query).map((campaign) => {
        const ads = state.ads.filter((ad) => ad.campaign_id === campaign.id);
        return { ...campaign, number_of_advertisements: ads.length, budget: ads.reduce((all, ad) => all + ad.budget, 0), ...totals(state.stats.filter((row) => row.campaign_id === campaign.id)) };
      });
      return { items, count: found.length };
    }],
    ["stats", "client", "POST", "/v1/stats/page", ({ body }) => statistics(body)],
    ["ads", "client", "GET", "/v2/advertisement/", ({ query }) => {
      checkPeriod(query.period);
      const today = dayOf(state.nowMs());
      const isIn = { today: (day) => day === today, yesterday: (day) => day === today - 1, starts_month: (day) => new Date(day * DAY_MS).getUTCMonth() === new Date(today * DAY_MS).getUTCMonth(), all: () => true }[query.period ?? "all"];
      const among = (value, list) => !list || list.split(",").includes(value);
      const found = state.ads.filter((ad) => isIn(dayOf(ad.created_ms)) && (query.show_deleted === "true" || ad.status !== "deleted") && among(ad.title, query.advertisement_titles) && among(ad.campaign_name, query.campaign_names));
      return { data: paged(found, query, 500).map(summary) };
    }],
    ["bots", "client", "GET", "/advertisement/bots/validate", ({ query, search }) => {
      accountOf(query.account_id);
      const names = search.getAll("bots");
      if (!names.length) throw invalid("bots is required");
      const errors = names.filter((name) => name.includes("small")).map((url) => ({ code: "advertisement__target_bot_daily_users_limit_error", detail: "Advertisement: Target bot must have 1000+ daily users", url }));
      const bots = names.filter((name) => !name.includes("small")).map((name, index) => ({ id: 123_456_789 + index, title: `Bot ${name}`, url: `t.me/${name}`, photo_url: `https://cdn4.telesco.pe/file/${name}.jpg` }));
      return { bots, errors };
    }],
    ["ad.create", "client", "POST", "/advertisement/telegram/", ({ body }) => {
      for (const name of REQUIRED) if (body?.[name] === undefined || body[name] === null || body[name] === "") throw invalid(`${name} is required`);
      const campaign = campaignOf(body.campaign_id);
      const account = accountOf(campaign.account_id);
      checkAd(body, CREATABLE, account);
      if (!AD_TYPES.includes(body.ad_type)) throw invalid(`ad_type must be one of ${AD_TYPES}`);
      if (isInvite(body.promote_url) && !body.ad_object) throw bad("ad_object is required when targeting a channel invite link");
      if (!CURRENCIES.includes(body.currency_code ?? "EUR")) throw invalid(`currency_code must be one of ${CURRENCIES}`);
      const { currency_code: currency = "EUR", ...told } = body;
      const ad = {
        ...structuredClone(DETAILS), ad_id: state.nextId++, telegram_id: 999_999_999, account_id: account.account_id, account_name: account.account_name, campaign_name: campaign.name, promote_url_title: "",
        promote_url_photo: "", status: "in_review", status_updated_dt: new Date(state.nowMs()).toISOString(), created_dt: moscow(state.nowMs()), created_ms: state.nowMs(), currency, is_website: !/t\.me\//.test(body.promote_url),
        is_audiences: Boolean(body.audiences?.length), is_exclude_audiences: Boolean(body.exclude_audiences?.length),
      };
      apply(ad, told);
      state.ads.push(ad);
      return detailsOf(ad);
    }],
    ["ad", "client", "GET", "/advertisement/telegram/:ad", ({ words }) => detailsOf(adOf(words.ad))],
    ["ad.edit", "client", "PUT", "/advertisement/telegram/:ad", ({ words, body }) => {
      const ad = adOf(words.ad);
      checkAd(body, EDITABLE, accountOf(ad.account_id));
      for (const name of ad.cannot_edit_fields) if (body[name] !== undefined && body[name] !== ad[name]) throw bad(`${name} can not be edited`);
      apply(ad, Object.fromEntries(Object.entries(body).filter(([name]) => EDITABLE[name])));
      return detailsOf(ad);
    }],
    ["upload", "clientapi", "POST", "/v1/advertising/telegram/upload_media", async (call) => {
      accountOf(call.query.account_id);
      const { media } = await partsOf(call);
      if (!media?.bytes) throw invalid("media is required");
      const magic = MEDIA[media.type];
      if (!magic || magic.some((byte, index) => media.bytes[index] !== byte)) return { media_token: null, content_type: media.type, error: "Unsupported media type" };
      const media_token = randomBytes(24).toString("base64url");
      state.media.set(media_token, media.type);
      call.parts = { media };
      return { media_token, content_type: media.type, error: null };
    }],
    ["kktu", "clientapi", "GET", "/kktu", () => ({ items: TREE })],
    ["pixel.types", "clientapi", "GET", "/pixel_events/types", () => ({ items: EVENT_TYPES })],
    ["pixel.list", "clientapi", "GET", "/pixel_events/", ({ query }) => ({ items: state.events.filter(({ account_id }) => account_id === accountOf(query.account_id).account_id).map(shown) })],
    ["pixel.create", "clientapi", "POST", "/pixel_events/", ({ body }) => {
      const { account_id, title, type } = fieldsOf(body, "account_id", "title", "type");
      if (!state.accounts.some((each) => each.account_id === account_id)) throw new Refusal(403, "Insufficient permissions to create an event");
      if (!EVENT_TYPES.some((each) => each.type === type)) throw invalid("Unsupported event type");
      const made = event(account_id, title, type);
      state.events.push(made);
      return shown(made);
    }],
    ["pixel.snippet", "clientapi", "GET", "/pixel_events/:account/code_snippet", ({ words }) => {
      const { account_id } = accountOf(words.account);
      return { id: "3fa85f64-5717-4562-b3fc-2c963f66afa6", tg_pixel_id: `px${account_id}`, code_snippet: `<script>\ntgp("init","px${account_id}");\n</script>` };
    }],
    ["pixel.rename", "clientapi", "PATCH", "/pixel_events/:event", ({ words, body }) => {
      const { account_id, title } = fieldsOf(body, "account_id", "title");
      const found = state.events.find(({ id }) => id === words.event);
      if (!found) throw new Refusal(404, "Event not found");
      if (found.account_id !== account_id) throw new Refusal(403, "Insufficient permissions to edit the event");
      found.title = title;
      return shown(found);
    }],
    ["pixel.delete", "clientapi", "DELETE", "/pixel_events/:account/events/:event", ({ words }) => {
      const place = state.events.findIndex(({ id }) => id === words.event);
      if (place < 0 || !state.accounts.some(({ account_id }) => account_id === words.account)) throw new Refusal(404, "Event or account not found");
      if (state.events[place].account_id !== words.account) throw new Refusal(403, "Insufficient permissions to delete the event");
      state.events.splice(place, 1);
      return undefined;
    }],
    ["audiences", "clientapi", "GET", "/advertisement/telegram/:account/audiences/", ({ words }) =>
      state.audiences.filter(({ account_id }) => account_id === accountOf(words.account).account_id).map(({ telegram_id, title }) => ({ telegram_id, title }))],
    ["audience.create", "clientapi", "POST", "/advertisement/telegram/:account/audiences", async (call) => {
      if (!accountOf(call.words.account).is_audience_allowed) throw new Refusal(403, "Audiences are available for accounts in Uzbekistan only");
      const { title, audience } = await partsOf(call);
      if (!title?.text) throw invalid("title is required");
      if (!audience?.bytes) throw invalid("audience is required");
      if (!/\.(csv|txt)$/i.test(audience.file)) throw bad("audience must be a csv or txt file");
      if (audience.bytes.length > 10 * 1024 * 1024) throw bad("audience must not be over 10 MB");
      const entries = audience.bytes.toString("utf8").split(/[,\r\n]+/).map((entry) => entry.trim()).filter(Boolean);
      if (entries.some((entry) => !/^(998\d+|[0-9a-f]{64})$/i.test(entry))) throw bad("audience holds something that is no phone number");
      if (entries.length < 1_000) throw bad("audience must have 1000 phone numbers at least");
      const made = { telegram_id: state.audiences.length + 1, title: title.text, account_id: call.words.account, size: entries.length };
      state.audiences.push(made);
      return { telegram_id: made.telegram_id, title: made.title };
    }],
  ];

  const shown = ({ account_id, ...each }) => each;
  const detailsOf = ({ created_ms, created_dt, ...ad }) => ad;

  /** The call of a host, method and path; a slash at the end is as good as none. */
  function route(host, method, path) {
    const segments = path.replace(/\/$/, "").split("/");
    for (const [name, at, verb, pattern, handle] of CALLS) {
      const wanted = pattern.replace(/\/$/, "").split("/");
      const words = {};
      const fits = wanted.length === segments.length && wanted.every((each, index) => (each.startsWith(":") ? (words[each.slice(1)] = decodeURIComponent(segments[index])) : each === segments[index]));
      if (fits && verb === method && at === host) return { name, handle, words };
    }
    throw new Refusal(404, "Not Found");
  }

  // ---- the wire ----------------------------------------------------------------------------------------------------------------

  function bodyOf({ bytes, headers }) {
    if (!bytes.length || /^multipart|urlencoded/.test(headers["content-type"] ?? "")) return undefined;
    try {
      return JSON.parse(bytes.toString("utf8"));
    } catch {
      throw invalid("JSON decode error");
    }
  }

  /** What no client may send here. */
  function inspect({ headers, name, host }) {
    for (const header of Object.keys(headers)) {
      // The platform's own: which zone's worker calls.
      if (header === "cf-worker") continue;
      if (/^(cookie|cf-.*|x-forwarded-.*|idempotency-key)$/.test(header)) state.violations.push(`${header} on ${name ?? "a call"} of ${host}`);
      if (header === "authorization" && ["login", "renew"].includes(name)) state.violations.push(`authorization on ${name}`);
    }
  }

  async function serve(host, incoming, outgoing) {
    const { pathname, searchParams } = new URL(incoming.url, "http://adstat.test");
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const call = { at: state.nowMs(), host, method: incoming.method, path: pathname, search: searchParams, query: Object.fromEntries(searchParams), headers: incoming.headers, bytes: Buffer.concat(chunks) };
    state.calls.push(call);
    let answer;
    let fault = {};
    try {
      if (!pathname.startsWith("/api/")) throw new Refusal(404, "Not Found");
      const { name, handle, words } = route(host, call.method, pathname.slice(4));
      Object.assign(call, { name, words });
      inspect(call);
      fault = state.takeFault(name);
      if (fault.cut === "arrival") return incoming.socket.destroy();
      if (fault.status) throw new Refusal(fault.status, fault.detail ?? "on demand");
      if (name === "login") call.form = new URLSearchParams(call.bytes.toString("utf8"));
      else if (name !== "renew") checkToken(call);
      call.body = bodyOf(call);
      answer = { status: 200, body: await handle(call) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answer = { status: error.status, body: { detail: error.message, status_code: error.status } };
    }
    const headers = fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) };
    return answerWith(call, { ...answer, headers }, fault, outgoing);
  }

  state.reset();
  const hosts = await Promise.all(["client", "clientapi"].map((host, index) => standIn({ violations: state.violations }, (incoming, outgoing) => serve(host, incoming, outgoing), port && port + index)));
  [state.client, state.clientapi] = hosts;
  state.close = () => Promise.all(hosts.map((host) => host.close()));
  /** The calls of a name that have arrived. */
  state.named = (name) => state.calls.filter((call) => call.name === name);
  return state;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const adstat = await startAdStat({ port: Number(process.argv[2] ?? 8796) });
  console.log(`AdStat's stand-in answers at ${adstat.client.url} and ${adstat.clientapi.url}; log in as ${USERNAME} with "${PASSWORD}"`);
}
