// `npm run ads -- COMMAND`: Telegram Ads through AdStat, by way of the edge at EDGEWAY_URL with its OPERATOR_KEY. Which rules hold, the edge
// knows; here is no more than what a person types and sees.

import { randomUUID } from "node:crypto";
import { accessSync, constants, openAsBlob, readFileSync, statSync } from "node:fs";
import { basename, extname } from "node:path";
import { createInterface } from "node:readline/promises";
import { call, order, refusalsEnd, send } from "./ads/edge.mjs";
import { fields, schedule } from "./ads/show.mjs";
import { WHERE, call as callApi } from "./edge.mjs";
import { fail, misused, typed } from "./prerequisites.mjs";
import { records } from "./table.mjs";

const USAGE = `npm run ads -- COMMAND [--json]

  accounts [ACCOUNT] [--name PART] [--legal PART] [--names] [--limit N] [--offset N]
  campaigns [--period P] [--name PART] [--active | --inactive] [--limit N] [--offset N]
  list [--period P] [--title T] [--campaign C] [--deleted] [--limit N] [--offset N]
  show AD
  create --from ad.json [--dry-run] [--no-utm] [--key KEY] [--yes]
  edit AD [--from edit.json] [--set FIELD=VALUE]… [--dry-run] [--no-utm] [--key KEY] [--yes]
  orders
  upload FILE [--account A]
  bots BOT… [--account A]
  kktu [WORDS]
  pixel list | types | snippet | create --title T --type T | rename EVENT --title T | delete EVENT   [--account A]
  audience list | create FILE --title T   [--account A]
  stats --from DATE --to DATE [--unit day] [--by ad,campaign] [--account A]… [--object LINK]… [--currency EUR] [--order-by JSON] [--limit N]
  report [--from DATE] [--to DATE] [--by ad|campaign|source|channel|day] [--site ID]      what ads cost beside what they brought; the last 7 days unless said

  P is today, yesterday, starts_month or all. --to is the last day. Without --account the only cabinet is meant. *.json may be - for what comes in.
  The same ad told again within 24 hours is bought once; another like it takes a --key of its own, any word.

${WHERE}`;
const ALL = "npm run ads -- --help lists all commands.";
/** How one command is used; those of two words share a line. */
const usageOf = (command) => `${USAGE.split("\n").filter((line) => line.startsWith(`  ${command} `) || line === `  ${command}`).join("\n")}\n\n${ALL}`;

const TEXT = { type: "string" };
const SWITCH = { type: "boolean" };
const SEVERAL = { type: "string", multiple: true };
const OPTIONS = {
  json: SWITCH, account: SEVERAL, name: TEXT, names: SWITCH, legal: TEXT, period: TEXT, active: SWITCH, inactive: SWITCH, title: TEXT, campaign: TEXT, deleted: SWITCH, limit: TEXT, offset: TEXT,
  from: TEXT, to: TEXT, "dry-run": SWITCH, "no-utm": SWITCH, key: TEXT, yes: SWITCH, set: SEVERAL, type: TEXT, unit: TEXT, by: TEXT, object: SEVERAL, currency: TEXT, "order-by": TEXT, site: TEXT,
};
const MIME = { ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".mp4": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm", ".csv": "text/csv", ".txt": "text/plain" };
/** The most ads, or rows of statistics, of a page. */
const PAGE = 500;

/** What each command takes: how many words (`[least, most]`), which options, and what it does. It gives what --json prints. */
const COMMANDS = {
  accounts: { words: [0, 1], options: ["name", "names", "legal", "limit", "offset"], run: accounts },
  campaigns: { words: [0, 0], options: ["period", "name", "active", "inactive", "limit", "offset"], run: campaigns },
  list: { words: [0, 0], options: ["period", "title", "campaign", "deleted", "limit", "offset"], run: list },
  show: { words: [1, 1], options: [], run: show },
  create: { words: [0, 0], options: ["from", "dry-run", "no-utm", "key", "yes"], run: create },
  edit: { words: [1, 1], options: ["from", "set", "dry-run", "no-utm", "key", "yes"], run: edit },
  orders: { words: [0, 0], options: [], run: orders },
  upload: { words: [1, 1], options: ["account"], run: upload },
  bots: { words: [1, 100], options: ["account"], run: bots },
  kktu: { words: [0, 100], options: [], run: kktu },
  "pixel list": { words: [0, 0], options: ["account"], run: pixelList },
  "pixel types": { words: [0, 0], options: [], run: pixelTypes },
  "pixel snippet": { words: [0, 0], options: ["account"], run: pixelSnippet },
  "pixel create": { words: [0, 0], options: ["account", "title", "type"], run: pixelCreate },
  "pixel rename": { words: [1, 1], options: ["account", "title"], run: pixelRename },
  "pixel delete": { words: [1, 1], options: ["account"], run: pixelDelete },
  "audience list": { words: [0, 0], options: ["account"], run: audienceList },
  "audience create": { words: [1, 1], options: ["account", "title"], run: audienceCreate },
  stats: { words: [0, 0], options: ["from", "to", "unit", "by", "account", "object", "currency", "order-by", "limit"], run: stats },
  report: { words: [0, 0], options: ["from", "to", "by", "site"], run: report },
};

const { values, positionals } = typed(USAGE, OPTIONS, { brief: ALL });
const { run, words } = command();
const shown = await refusalsEnd(() => run(words, values));
if (values.json) console.log(JSON.stringify(shown ?? {}, null, 2));

function command() {
  const [first = "", second = "", ...rest] = positionals;
  const name = [`${first} ${second}`, first].find((each) => Object.hasOwn(COMMANDS, each));
  if (!Object.keys(COMMANDS).some((each) => each.split(" ")[0] === first)) misused(`There is no command ${first}.`, ALL);
  if (!name) misused(second ? `There is no command ${first} ${second}.` : `ads ${first}: a word is missing.`, usageOf(first));
  const known = COMMANDS[name];
  const words = name === first ? positionals.slice(1) : rest;
  const [least, most] = known.words;
  const foreign = Object.keys(values).find((option) => option !== "json" && !known.options.includes(option));
  if (foreign) misused(`ads ${name} takes no --${foreign}.`, usageOf(first));
  if (words.length < least) misused(`ads ${name}: a word is missing.`, usageOf(first));
  if (words.length > most) misused(`ads ${name}: ${words[most]} is not expected.`, usageOf(first));
  return { run: known.run, words };
}

/** Prints for people what `print` prints of `told`, and gives it for machines. */
function tell(told, print) {
  if (!values.json) print(told);
  return told;
}

/** What `page(offset)` gives with all that follows it, page by page, where no `limit` says how many are wanted. AdStat does not say how long such a page is. */
async function whole(page, { limit, offset }) {
  const told = await page(offset);
  for (let last = told; limit === undefined && last.items.length && !(told.items.length >= told.count); ) {
    last = await page(Number(offset ?? 0) + told.items.length);
    if (JSON.stringify(last.items[0]) === JSON.stringify(told.items[0])) break;
    told.items.push(...last.items);
  }
  return told;
}

// ---- cabinets, campaigns -------------------------------------------------------------------------------------------------------

async function accounts([account], { name, names, legal, limit, offset }) {
  if (account) return tell(await call("GET", `api/accounts/telegram/${encodeURIComponent(account)}`), fields);
  if (names) {
    return tell(await call("GET", "api/accounts/telegram/names"), (told) =>
      records(told, { account: "account_uid", name: "name", balance: "balance", mode: "mode", audiences: (each) => (each.is_audience_allowed ? "yes" : "no") }));
  }
  const page = (from) => call("GET", "api/accounts/telegram/", { query: { account_name: name, legal_name: legal, limit, offset: from } });
  const told = await whole(page, { limit, offset });
  return tell(told, ({ items }) =>
    records(items, { account: "account_id", name: "account_name", status: "status", available: "balance_available", active: "balance_active", spent: "balance_spent", ads: "objects", owner: "legal_name" }));
}

async function campaigns(_, { period, name, active, inactive, limit, offset }) {
  const query = { period, campaign_name: name, is_active: active ? "true" : inactive ? "false" : undefined, limit };
  const page = (from) => call("GET", "api/campaigns/", { query: { ...query, offset: from } });
  return tell(await whole(page, { limit, offset }), ({ items }) =>
    records(items, { id: "id", name: "name", account: "account_id", status: "status", ads: "number_of_advertisements", budget: "budget", impressions: "impressions", clicks: "clicks", goals: "goals", spent: "spent", cpm: "cpm", cpc: "cpc" }));
}

/** The cabinet that is meant. */
async function accountOf({ account = [] }) {
  if (account.length > 1) fail("--account is there twice");
  if (account.length) return account[0];
  const names = await call("GET", "api/accounts/telegram/names");
  if (names.length !== 1) fail(`--account: there are ${names.length} cabinets: ${names.map((each) => each.account_uid).join(", ")}`);
  return names[0].account_uid;
}

// ---- ads -----------------------------------------------------------------------------------------------------------------------

async function list(_, { period = "all", title, campaign, deleted, limit, offset }) {
  const page = (from, most) => call("GET", "api/v2/advertisement/", { query: { show_deleted: deleted ? "true" : undefined, period, offset: from, limit: most, advertisement_titles: title, campaign_names: campaign } });
  const told = await page(offset ?? 0, limit ?? PAGE);
  for (let last = told; limit === undefined && last.data.length === PAGE; ) {
    last = await page(Number(offset ?? 0) + told.data.length, PAGE);
    if (last.data.length && told.data.some(({ id }) => id === last.data[0].id)) fail("AdStat leads in a circle: the same ads twice");
    told.data.push(...last.data);
  }
  return tell(told, ({ data }) =>
    records(data, { ad: "id", status: "status", title: "advertisement_title", campaign: "campaign_name", promotes: "object", cpm: "cpm", impressions: "impressions", clicks: "clicks", goals: "goals", spent: "spent", left: "balance" }));
}

async function show([ad]) {
  return tell(await call("GET", `api/advertisement/telegram/${encodeURIComponent(ad)}`), fields);
}

async function create(_, { from, "dry-run": dryRun, "no-utm": plain, key, yes }) {
  if (!from) misused("ads create: --from is missing, the file with the ad in the form of AdStat's \"Create advertisement\"; docs/telegram-ads.md has one.", usageOf("create"));
  const ad = readJson(from);
  const path = "api/advertisement/telegram/";
  const decorate = plain ? undefined : "true";
  const checked = await call("POST", path, { query: { dry_run: "true", decorate }, json: ad });
  if (dryRun) return tell(checked, summary);
  if (!values.json) summary(checked);
  const { budget, daily_budget: daily, currency_code: currency = "" } = checked.would_send;
  await confirm(`Buy this ad, with a budget of ${budget}${currency && ` ${currency}`}${daily ? `, ${daily} a day` : ""}?`, yes);
  // Without a key the edge knows the order by what it is.
  const { told: made, isReplay } = await order("POST", path, { query: { decorate }, json: ad, key });
  if (isReplay) console.error("Nothing was bought now: this very ad was, in the last 24 hours. Another like it takes a --key of its own.");
  return tell(made, ({ ad_id, id = ad_id, status }) => console.log(`The ad ${isReplay ? "was bought before" : "is bought"}: ${id ?? JSON.stringify(made)}${status ? `, ${status}` : ""}`));
}

function summary({ would_send: ad, undocumented, hours_a_week: hours }) {
  const { campaign_id, title, text, promote_url, ad_object, ad_type, cpm, budget, daily_budget, currency_code, kktu_ids, tg_event_id } = ad;
  fields({ campaign_id, title, text, promote_url, ad_object: ad_object ?? "", ad_type, cpm, budget, daily_budget: daily_budget ?? "", currency_code: currency_code ?? "", kktu_ids: kktu_ids ?? [], tg_event_id: tg_event_id ?? "" });
  if (hours) console.log(`shown ${hours} hours a week: ${schedule(ad.schedule)}`);
  remark(undocumented);
}

function remark(undocumented) {
  if (undocumented.length) console.log(`AdStat's documentation has no ${undocumented.join(", ")}: sent all the same`);
}

async function edit([ad], { from, set = [], "dry-run": dryRun, "no-utm": plain, key = randomUUID(), yes }) {
  if (!from && !set.length) misused("ads edit: say what is to change, by --set FIELD=VALUE or --from FILE.", usageOf("edit"));
  const edit = { ...(from && readJson(from)), ...Object.fromEntries(set.map(assignment)) };
  const path = `api/advertisement/telegram/${encodeURIComponent(ad)}`;
  const query = { amend: "true", decorate: plain ? undefined : "true" };
  const checked = await call("PUT", path, { query: { ...query, dry_run: "true" }, json: edit });
  if (!values.json) {
    records(checked.changes, { field: "field", from: "from", to: "to" });
    remark(checked.undocumented);
  }
  if (dryRun || !checked.changes.length) return checked;
  await confirm(`Change ad ${ad}?`, yes);
  const { told } = await order("PUT", path, { query, json: edit, key });
  return tell(told, () => console.log(`Ad ${ad} is changed.`));
}

/** `cpm=3` as a field and its value: JSON where it is some, else a text. */
function assignment(text) {
  const [, field, value] = /^(\w+)=(.*)$/s.exec(text) ?? fail(`--set ${text}: expected FIELD=VALUE`);
  try {
    return [field, JSON.parse(value)];
  } catch {
    return [field, value];
  }
}

async function orders() {
  return tell(await call("GET", "orders"), ({ orders }) =>
    records(orders, { when: ({ at }) => new Date(at).toISOString().slice(0, 16).replace("T", " "), who: "who", what: "action", ad: "adId", outcome: ({ outcome }) => (outcome === "sent" ? "not known" : outcome), title: ({ request }) => request.title, cpm: ({ request }) => request.cpm, budget: ({ request }) => request.budget, order: "orderId" }));
}

/** Asks before money is spent. */
async function confirm(question, yes) {
  if (yes) return;
  if (!process.stdin.isTTY) fail(`${question} Nobody is there to ask: say --yes`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // Who interrupts, or ends what is typed, is still on the question's line.
  const answer = await lines.question(`${question} [y/N] `).catch(() => console.error() ?? "");
  lines.close();
  if (!/^y(es)?$/i.test(answer.trim())) fail("Nothing was done.");
}

// ---- what ads are made of ------------------------------------------------------------------------------------------------------

async function upload([file], options) {
  const form = new FormData();
  form.append("media", await blob(file), basename(file));
  const told = await send("api/v1/advertising/telegram/upload_media", { query: { account_id: await accountOf(options) }, form });
  if (told.error) fail(`AdStat: ${file}: ${typeof told.error === "string" ? told.error : JSON.stringify(told.error)}`);
  return tell(told, ({ media_token }) => console.log(media_token));
}

async function bots(names, options) {
  const told = await call("GET", "api/advertisement/bots/validate", { query: { bots: names, account_id: await accountOf(options) } });
  if (told.errors.length) process.exitCode = 1;
  return tell(told, ({ bots, errors }) => {
    if (bots.length) records(bots, { id: "id", bot: "url", title: "title" });
    for (const { url, detail } of errors) console.log(`${url} can't be targeted: ${detail}`);
  });
}

async function kktu(words) {
  const { items } = await call("GET", "api/kktu");
  const wanted = words.map((word) => word.toLowerCase());
  const leaves = (list, level, path) => list.flatMap(({ id, code, name, children }) => [...(level === 3 ? [{ id, code, name, path }] : []), ...leaves(children ?? [], level + 1, [...path, name])]);
  const found = leaves(items, 1, []).filter(({ code, name, path }) => wanted.every((word) => [code, name, ...path].join(" ").toLowerCase().includes(word)));
  return tell({ items: found }, () => records(found, { id: "id", code: "code", name: "name", under: ({ path }) => path.at(-1) }));
}

async function pixelList(_, options) {
  const told = await call("GET", "api/pixel_events/", { query: { account_id: await accountOf(options) } });
  return tell(told, ({ items }) => records(items, { event: "id", tg_event_id: "tg_event_id", title: "title", type: "type", status: "status", ads: "ads_count", "last triggered": "last_triggered_at" }));
}

async function pixelTypes() {
  return tell(await call("GET", "api/pixel_events/types"), ({ items }) => records(items, { type: "type", label: "label" }));
}

async function pixelSnippet(_, options) {
  return tell(await call("GET", `api/pixel_events/${encodeURIComponent(await accountOf(options))}/code_snippet`), ({ tg_pixel_id, code_snippet }) => {
    if (tg_pixel_id) console.log(`The pixel's id is ${tg_pixel_id}. Telegram's own snippet, which pages with the tracker do without:`);
    console.log(code_snippet);
  });
}

async function pixelCreate(_, { title, type, ...options }) {
  const told = await call("POST", "api/pixel_events/", { json: { account_id: await accountOf(options), title, type } });
  return tell(told, ({ tg_event_id, id }) => console.log(`The event is made: tg_event_id ${tg_event_id}, id ${id}`));
}

async function pixelRename([event], { title, ...options }) {
  const told = await call("PATCH", `api/pixel_events/${encodeURIComponent(event)}`, { json: { account_id: await accountOf(options), title } });
  return tell(told, () => console.log(`${event} is called ${title} now.`));
}

async function pixelDelete([event], options) {
  const told = await call("DELETE", `api/pixel_events/${encodeURIComponent(await accountOf(options))}/events/${encodeURIComponent(event)}`);
  return tell(told, () => console.log(`${event} is deleted.`));
}

async function audienceList(_, options) {
  const told = await call("GET", `api/advertisement/telegram/${encodeURIComponent(await accountOf(options))}/audiences/`);
  return tell(told, (audiences) => records(audiences, { audience: "telegram_id", title: "title" }));
}

async function audienceCreate([file], { title, ...options }) {
  const form = new FormData();
  form.append("title", title ?? basename(file, extname(file)));
  form.append("audience", await blob(file), basename(file));
  const told = await send(`api/advertisement/telegram/${encodeURIComponent(await accountOf(options))}/audiences`, { form });
  return tell(told, () => console.log(`The audience is made: ${JSON.stringify(told)}`));
}

// ---- statistics ----------------------------------------------------------------------------------------------------------------

async function stats(_, { from, to, unit = "day", by = "ad", account = [], object = [], currency, "order-by": orderBy, limit }) {
  const json = {
    period_from: from, period_to: to, period_grouping_unit: unit, grouping: by.split(",").filter(Boolean), platform_cabinet_ids: account, ad_objects: object, currency_code: currency,
    order_by: orderBy === undefined ? undefined : parsedJson(orderBy, "--order-by"), limit: limit === undefined ? PAGE : Math.min(PAGE, limit), cursor: null,
  };
  const most = Number(limit ?? Infinity);
  const items = [];
  const seen = new Set();
  do {
    const page = await call("POST", "api/v1/stats/page", { json });
    items.push(...(page.items ?? page.data));
    json.cursor = page.cursor || page.next_cursor || null;
    if (seen.has(json.cursor)) fail("AdStat leads in a circle: the same cursor twice");
    seen.add(json.cursor);
  } while (json.cursor !== null && items.length < most);
  items.splice(most);
  return tell({ items }, () => records(items, Object.fromEntries(Object.keys(items[0] ?? {}).map((name) => [name, name]))));
}

/** What ads cost beside what they brought, as the edge has it; `to` is the last day, as AdStat's is. */
async function report(_, { from, to, by = "ad", site }) {
  const query = new URLSearchParams(Object.entries({ from, to: to && dayAfter(to), by, websiteId: site }).filter(([, value]) => value));
  const told = await callApi("GET", `report?${query}`);
  return tell(told, ({ rows, total, currency, rates, unconverted }) => {
    const amount = (name) => (row) => row[name]?.toFixed(2);
    records([...rows, { label: "total", ...total }], {
      [by]: "label", impressions: "impressions", clicks: "adClicks", [`spend ${currency}`]: amount("spend"), visits: "visits", taps: "inviteClicks", joins: "joins", leaves: "leaves",
      purchases: "purchases", [`revenue ${currency}`]: amount("revenue"), "cost/join": amount("costPerJoin"), ROAS: amount("roas"),
    });
    for (const [code, rate] of Object.entries(rates)) if (code !== currency) console.log(`1 ${code} = ${rate} ${currency}`);
    for (const { currency, spend, revenue } of unconverted) console.log(`not counted, as REPORT_RATES has no ${currency}: ${spend} of spend, ${revenue} of revenue`);
  });
}

/** The day after `2026-01-31`; anything else as it is, for the edge to refuse. */
function dayAfter(date) {
  const day = Date.parse(`${date}T00:00:00Z`);
  const name = (day) => new Date(day).toISOString().slice(0, 10);
  // JavaScript takes 31 November for 1 December.
  return Number.isNaN(day) || name(day) !== date ? date : name(day + 86_400_000);
}

// ---- files ---------------------------------------------------------------------------------------------------------------------

function readJson(file) {
  const value = parsedJson(text(file), file);
  if (value === null || typeof value !== "object" || Array.isArray(value)) fail(`${file}: expected a JSON object`);
  return value;
}

function text(file) {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    return fail(unreadable(file, error));
  }
}

/** Why a file can't be read. */
function unreadable(file, { code, message }) {
  return `${file}: ${{ ENOENT: "there is no such file", EACCES: "it may not be read", EISDIR: "it is a folder" }[code] ?? message}`;
}

function parsedJson(text, where) {
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail(`${where}: no JSON: ${error.message}`);
  }
}

/** A file's bytes, read as they are sent. */
async function blob(file) {
  try {
    // Node says of a file that can't be opened no more than that.
    accessSync(file, constants.R_OK);
    if (statSync(file).isDirectory()) throw { code: "EISDIR" };
    return await openAsBlob(file, { type: MIME[extname(file).toLowerCase()] ?? "application/octet-stream" });
  } catch (error) {
    return fail(unreadable(file, error));
  }
}
