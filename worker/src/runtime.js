// What the worker asks of the platform, one crossing of the WebAssembly border each: a crossing costs more than what it
// carries, so heads of requests and answers travel as one string, a line a value. The order of the lines is that of
// `runtime.rs`. Nothing is decided here.

// ---- the instance. Each module has a copy of this file, so what is kept here is its own ----------------------------------------

/** The doors that are called from here, and whether an invocation makes many calls; `entry.js` sets them. */
export const doors = {};
export const invocation = { makesManyCalls: false };

/** What is waited for, by ticket: a promise of Rust's own would cost several times as much. */
const awaited = new Map();
let generation = 0;

/**
 * The platform ends an invocation whose client hung up without a word, and what that waited for never comes. Where more than so many wait, those
 * are let go that have waited for so long, in ms: an invocation of the queue or the clock has 15 minutes.
 */
const MOST_AWAITED = 1_000;
const LONGEST_WAIT = 20 * 60_000;

function promised(ticket, begun) {
  return new Promise((resolve, reject) => awaited.set(ticket, { resolve, reject, begun }));
}

/** What comes of a ticket. */
export function settled(ticket) {
  const now = Date.now();
  if (awaited.size > MOST_AWAITED) {
    // The oldest are first.
    for (const [old, { begun, reject }] of awaited) {
      if (now - begun < LONGEST_WAIT) break;
      awaited.delete(old);
      doors.abandon(old);
      reject(new Error("given up after 20 minutes"));
    }
  }
  return promised(ticket, now);
}

/** Hands out what a ticket stands for. */
export function settle(ticket, answer) {
  awaited.get(ticket)?.resolve(answer);
  awaited.delete(ticket);
}

/**
 * Calls the door `arrive` with what a promise becomes, unless a new instance has come meanwhile. It fails when that takes longer than
 * `timeout` (ms; 0: as long as it likes): nobody waits for it then, though it goes on until the platform ends the invocation.
 */
export function listen(promise, arrival, timeout) {
  const asked = generation;
  let isOpen = true;
  const arrived = (isKept, value) => {
    if (isOpen && asked === generation) doors.arrive(arrival, isKept, value);
    isOpen = false;
  };
  const timer = timeout && setTimeout(() => arrived(false, new Error(`no answer within ${timeout} ms`)), timeout);
  promise.then(
    (value) => {
      if (timer) clearTimeout(timer);
      arrived(true, value);
    },
    (why) => {
      if (timer) clearTimeout(timer);
      arrived(false, why);
    },
  );
}

/** A new instance comes. Gives what the old one leaves undone. */
export function renew() {
  generation += 1;
  const lost = [...awaited.values()];
  awaited.clear();
  return lost;
}

// ---- the platform --------------------------------------------------------------------------------------------------------------

const HEADERS = ["cf-connecting-ip", "user-agent", "origin", "referer", "cookie"];
const OF_A_CALL = ["content-type"];
// Why a browser asks, in four spellings: the standard's, Safari's, Firefox's and that of Facebook's app.
const OF_A_PAGE = ["sec-purpose", "purpose", "x-moz", "x-purpose"];

/**
 * Method, URL and the headers above, a line each: those of a call for POST, else those of a page. A header value can't hold
 * a line feed.
 */
export function inbound(request) {
  const { method, url, headers } = request;
  let lines = method + "\n" + url;
  for (const name of HEADERS) lines += "\n" + (headers.get(name) ?? "");
  for (const name of method === "POST" ? OF_A_CALL : OF_A_PAGE) lines += "\n" + (headers.get(name) ?? "");
  return lines;
}

/** A variable or secret as text; undefined where there is none. A binding is no variable, though it can be an object, as JSON is. */
export function variable(env, name) {
  const value = env[name];
  if (typeof value === "string" || value == null) return value ?? undefined;
  const isJson = typeof value !== "object" || Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  return isJson ? JSON.stringify(value) : undefined;
}

/** Country, region and city, as the platform located the client; read apart from `inbound`, since it is costly. */
export function place({ cf }) {
  return cf ? (cf.country ?? "") + "\n" + (cf.region ?? "") + "\n" + (cf.city ?? "") : "";
}

/** Calls `put` with name and value of each of `lines`. A list of pairs would be read by the platform through iterators, at twice the cost. */
function eachHeader(lines, put) {
  if (lines === "") return;
  for (const line of lines.split("\n")) {
    const colon = line.indexOf(":");
    put(line.slice(0, colon), line.slice(colon + 1));
  }
}

/** A new answer; its headers are lines of `name:value`. */
export function answer(status, lines, body) {
  const response = new Response(body === "" ? null : body, { status });
  const { headers } = response;
  // A text brings a content type of its own; what is said otherwise of a header is said besides.
  eachHeader(lines, (name, value) => (name === "content-type" ? headers.set(name, value) : headers.append(name, value)));
  return response;
}

/** A copy of an answer, amended; the body streams on. */
export function amended(response, headers, removed) {
  return amend(new Response(response.body, response), headers, removed);
}

/** Takes the headers named in `removed` (comma-separated) from an answer of this worker's own, and adds `headers`. */
function amend(response, headers, removed) {
  remove(response.headers, removed);
  eachHeader(headers, (name, value) => response.headers.append(name, value));
  return response;
}

function remove(headers, names) {
  if (names !== "") for (const name of names.split(",")) headers.delete(name);
}

/** An answer's status, where it leads, what it is, how it is packed and who may keep it, a line each. */
export function head({ status, headers }) {
  const say = (name) => headers.get(name) ?? "";
  return status + "\n" + say("location") + "\n" + say("content-type") + "\n" + say("content-encoding") + "\n" + say("content-disposition") +
    "\n" + say("cache-control");
}

/** A stream's bytes; undefined where there are more than `limit`: the rest is not read. */
export async function readBytes(stream, limit) {
  const chunks = [];
  let length = 0;
  // To leave the loop cancels the stream.
  for await (const chunk of stream ?? []) {
    length += chunk.byteLength;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  if (chunks.length === 1) return chunks[0];
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** An answer's text; it fails where that is larger than `limit` (bytes). */
async function readText(response, limit) {
  const { headers } = response;
  const length = headers.get("content-length");
  // The length of what is packed is none of the text's. Where the length is known, the platform reads at a fraction of the cost.
  if (length !== null && +length <= limit && !headers.has("content-encoding")) return response.text();
  const bytes = +length > limit ? undefined : await readBytes(response.body, limit);
  if (bytes === undefined) throw new Error("the answer is too large");
  return new TextDecoder().decode(bytes);
}

/** The seconds that a Retry-After (RFC 9110, 10.2.3) asks to wait, a number of them or a date; empty where it is neither. A date that has passed is 0. */
function secondsOf(retryAfter) {
  if (/^\d+$/.test(retryAfter)) return retryAfter;
  const until = / GMT$/.test(retryAfter) ? Date.parse(retryAfter) : NaN;
  return isNaN(until) ? "" : Math.max(Math.ceil((until - Date.now()) / 1_000), 0);
}

/**
 * Calls a server as `head` says (method, URL and headers, a line each) and reads its answer: status, location, how many seconds it asks to wait
 * and x-idempotent-replay, a line each, then the body. `body` is a text (empty: none), bytes, or a request whose own body
 * streams on. Rejects when the answer is larger than `limit` (bytes). Where an invocation makes many calls it hangs up after `timeout` (ms): the
 * platform lets one wait for six answers at once, and keeps the next call waiting.
 */
export async function call(head, body, limit, timeout) {
  const url = head.indexOf("\n") + 1;
  const lines = head.indexOf("\n", url);
  // Not of the platform's own kind, which it would copy.
  const headers = {};
  eachHeader(head.slice(lines + 1), (name, value) => (headers[name] = value));
  const line = invocation.makesManyCalls ? new AbortController() : undefined;
  const timer = line && setTimeout(() => line.abort(new Error(`no answer within ${timeout} ms`)), timeout);
  try {
    const response = await fetch(head.slice(url, lines), {
      method: head.slice(0, url - 1),
      headers,
      body: body === "" ? undefined : body instanceof Request ? body.body : body,
      redirect: "manual",
      signal: line?.signal,
    });
    const { status, headers: told } = response;
    const say = (name) => told.get(name) ?? "";
    // A redirect says all it has to say in its head.
    if (status >= 300 && status < 400) return status + "\n" + say("location") + "\n\n\n";
    const reply = status + "\n\n" + (status >= 400 ? secondsOf(say("retry-after")) : "") + "\n" + say("x-idempotent-replay") + "\n";
    return reply + (await readText(response, limit));
  } finally {
    if (timer) clearTimeout(timer);
    // What was not read would hold the line.
    line?.abort(null);
  }
}

/** What concerns one connection (RFC 9110, 7.6.1), and what a browser has no business to send. */
const DROPPED =
  /^(connection|keep-alive|te|trailer|upgrade|proxy-.*|forwarded|via|(x-real|true-client|x-client|x-cluster-client|fastly-client)-ip|x-(original|rewrite)-url|x-forwarded-.*|x-adtarget-.*)$/;
/** Whether a header bears a key of the edge's own, on its way to where it opens nothing: the operator's, or an API key. */
function holdsKey(name, value, env) {
  if (name !== "authorization") return false;
  const operators = variable(env, "OPERATOR_KEY")?.trim();
  return /^bearer +atk_/i.test(value) || Boolean(operators && value.includes(operators));
}
/** Whether a header asks for a WebSocket: the platform hands its answer on, and the two ends to each other. */
const asksForSocket = (name, value) => name === "upgrade" && /^websocket$/i.test(value);
/** What a request of these methods has no body by (RFC 9110, 9.3.1): a length would have the server wait for it. */
const BODILESS = /^(GET|HEAD)$/;

/**
 * Sends the request on to another URL, less the headers that are dropped, a key of the edge's own and those named in `withheld` (comma-separated),
 * with `headers` set; redirects are not followed.
 */
export function passOn(request, env, url, headers, withheld) {
  const { method, headers: asked } = request;
  const hasBody = !BODILESS.test(method);
  const held = new Set(withheld.split(","));
  if (!hasBody) held.add("content-length").add("transfer-encoding");
  // Not of the platform's own kind: taking out of that what is not to go on costs more than the copy that the platform makes.
  const kept = {};
  for (const [name, value] of asked) if (!held.has(name) && !holdsKey(name, value, env) && (!DROPPED.test(name) || asksForSocket(name, value))) kept[name] = value;
  eachHeader(headers, (name, value) => (kept[name] = value));
  // Not the request itself as options: all that the platform knows of the client would be copied along.
  return fetch(url, { method, headers: kept, body: hasBody ? request.body : undefined, redirect: "manual" });
}

/**
 * How long the queue may take, in ms. The platform ends what goes on for 30 s after the answer (Workers limits, "Duration"), and in that time the door
 * `rescue` has to be through with what the queue does not take.
 */
const QUEUE_MS = 10_000;

/**
 * Hands a message to the queue RECORDS after the answer, to be handed out after `delaySeconds`; when the queue does not take
 * it, the door `rescue` has it.
 */
export function keep(env, context, message, delaySeconds) {
  const rescued = async (why) => doors.rescue(env, message, String(why?.message ?? why));
  const kept = (done) => {
    const sent = env.RECORDS.send(message, { contentType: "text", delaySeconds });
    const timer = setTimeout(() => done(rescued(`no answer within ${QUEUE_MS} ms`)), QUEUE_MS);
    const ended = (rescue) => (why) => {
      clearTimeout(timer);
      done(rescue?.(why));
    };
    sent.then(ended(), ended(rescued));
  };
  context.waitUntil(new Promise(kept).catch(rescued));
}

/** Hands a message to the queue RECORDS, to be handed out after `delaySeconds`; resolves when the queue has it. */
export async function enqueue(env, message, delaySeconds) {
  await env.RECORDS.send(message, { contentType: "text", delaySeconds });
}

/** Goes on with a ticket's work after the answer. */
export function afterAnswer(context, ticket) {
  context.waitUntil(promised(ticket, Date.now()));
}

/** Asks a rate-limiting binding whether one more call of `key` is within its limit. */
export async function limit(limiter, key) {
  const { success } = await limiter.limit({ key });
  return success;
}

/** Asks the static assets for `path`, under the request's own conditions (If-None-Match, Range, …). */
export function asset(assets, request, path) {
  return assets.fetch(new Request(new URL(path, request.url), request));
}

/** What every link to Telegram has in it: for any other the platform would come here in vain, at a price. */
const TELEGRAMS = ["t.me", "telegram.", "tg:"];
const MAY_BE_TELEGRAMS = TELEGRAMS.flatMap((part) => [`a[href*="${part}" i]`, `area[href*="${part}" i]`]).join(", ");
/** When a page leads on by itself, and where to (HTML, 4.2.5.3). */
const REFRESH = /^(\s*[\d.]+[\s;,]+(?:url\s*=\s*)?)("[^"]*|'[^']*|[^"'].*)/is;

/**
 * The page amended: its Telegram links, and where it leads on by itself, replaced as the door `link` says (undefined: leave it), and the
 * tracker's tag at its end: `tag` are the attributes, `name=value` a line (empty: no tag). A tag of this site that stands there already is kept,
 * and only told of the visit; so is the page itself.
 */
export function decorated(response, request, env, websiteId, tag, headers, removed) {
  const edge = { origin: "", hasTarget: false, isAmp: false, channel: undefined };
  /** Where an address leads at the edge; undefined: it stays. */
  const lead = (address) => {
    const instead = doors.link(env, websiteId, edge.channel, address);
    return instead === undefined ? undefined : edge.origin + instead;
  };
  const links = {
    element(anchor) {
      const to = lead(address(anchor.getAttribute("href")));
      if (to === undefined || anchor.getAttribute("data-edgeway") === "off") return;
      anchor.setAttribute("href", to);
      // Scripts that fetch a site's own pages (Turbo, htmx, Astro) leave what has a target to the browser; Gatsby's knows `_top`, though not in
      // capitals, which AMP's pages may not have.
      if (!edge.hasTarget && !anchor.hasAttribute("target")) anchor.setAttribute("target", edge.isAmp ? "_top" : "_TOP");
    },
  };
  /** When and where a page leads on by itself, led by the edge; undefined: it stays. */
  const refreshed = (content) => {
    const [, when, where] = REFRESH.exec(content) ?? [];
    const to = where && lead(where.replace(/^["']/, ""));
    return to && when + to;
  };
  const refreshes = {
    element(meta) {
      const content = refreshed(address(meta.getAttribute("content")));
      if (content) meta.setAttribute("content", content);
    },
  };
  const leading = (rewriter) => rewriter.on(MAY_BE_TELEGRAMS, links).on('meta[http-equiv="refresh" i][content]', refreshes);
  const rewriter = leading(new HTMLRewriter())
    .on("base", {
      element(base) {
        // What is written from the root on would lead to another host.
        if (base.hasAttribute("href")) edge.origin = new URL(request.url).origin;
        if (base.hasAttribute("target")) edge.hasTarget = true;
      },
    })
    .on("noscript", rawText(leading));
  if (tag !== "") addTag(rewriter, response, websiteId, tag, edge);
  else rewriter.on("html", { element: (html) => void (edge.isAmp = isAmp(html)) });
  const page = amend(rewriter.transform(response), headers, removed);
  const refresh = refreshed(response.headers.get("refresh") ?? "");
  if (refresh) page.headers.set("refresh", refresh);
  return page;
}

/**
 * Handles an element whose content is text to the platform, as it is to a browser that runs scripts, by a rewriter that `prepare` has made
 * ready; a text comes in pieces.
 */
function rawText(prepare) {
  let html = "";
  return {
    text(piece) {
      html += piece.text;
      if (!piece.lastInTextNode) return void piece.remove();
      const whole = html;
      html = "";
      const replace = (text) => void piece.replace(text, { html: true });
      const lower = whole.toLowerCase();
      if (!TELEGRAMS.some((part) => lower.includes(part))) return replace(whole);
      return prepare(new HTMLRewriter()).transform(new Response(whole)).text().then(replace);
    },
  };
}

/** The character references that an address may be written with. */
const NAMED = { amp: "&", AMP: "&", colon: ":", sol: "/", plus: "+", period: ".", num: "#", quest: "?", equals: "=" };
const REFERENCE = /&(?:#([xX][\da-fA-F]+|\d+);?|(amp|AMP)(?:;|(?![=\da-zA-Z]))|(colon|sol|plus|period|num|quest|equals);)/g;

/** The address that a browser reads in an attribute: references resolved (HTML, 13.2.5.72), blanks left out (URL, 4.4). */
function address(written) {
  const character = (code) => (code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd");
  return written
    .replace(REFERENCE, (_, code, ampersand, name) => (code ? character(Number("0" + code)) : NAMED[ampersand ?? name]))
    .replace(/^[\0- ]+|[\0- ]+$|[\t\n\r]/g, "");
}

const isAmp = (html) => html.hasAttribute("amp") || html.hasAttribute("\u26a1");

function addTag(rewriter, response, websiteId, tag, edge) {
  const attributes = tag.split("\n").map((line) => line.split(/=(.*)/s));
  const visit = attributes.find(([name]) => name === "data-visit")?.[1];
  let tagged = false;
  rewriter
    // Other scripts have an attribute of that name, too.
    .on(`script[data-website-id="${websiteId.replace(/["\\]/g, "\\$&")}"]`, {
      element(script) {
        tagged = true;
        edge.channel = script.getAttribute("data-channel") ?? undefined;
        if (visit) script.setAttribute("data-visit", visit);
      },
    })
    .on("html", {
      element(html) {
        // AMP's pages may have no scripts but AMP's.
        edge.isAmp = isAmp(html);
        tagged ||= edge.isAmp;
        // For a tag that a script of the page puts in: it may run before the one below is there.
        if (visit && !tagged) html.setAttribute("data-edgeway-visit", visit);
      },
    })
    // At the end, where every tag of the page's own has been seen.
    .onDocument({
      end(end) {
        if (tagged) return;
        const policies = response.headers.get("content-security-policy");
        const nonce = policies === null ? undefined : nonceOf(policies);
        const value = (name, text) => ((name === "src" ? edge.origin : "") + text).replace(/&/g, "&amp;").replace(/"/g, "&quot;");
        const written = attributes.map(([name, text]) => ` ${name}="${value(name, text)}"`).join("");
        end.append(`<script async${written}${nonce ? ` nonce="${nonce}"` : ""}></script>`, { html: true });
      },
    });
}

/** What says by whom scripts may come, the most telling first (CSP 3, 6.8.3). */
const OF_SCRIPTS = ["script-src-elem", "script-src", "default-src"];

/** The nonce that `policies` let a script run by. */
function nonceOf(policies) {
  for (const policy of policies.split(",")) {
    const directives = policy.split(";").map((directive) => directive.trim().split(/\s+/));
    const telling = OF_SCRIPTS.map((name) => directives.find(([its]) => its.toLowerCase() === name)).find(Boolean);
    const nonce = /'nonce-([\w+/=-]+)'/i.exec(telling?.join(" "))?.[1];
    if (nonce) return nonce;
  }
}

/** Runs `statements`, JSON of `[sql, parameter]` each, as one transaction; resolves to JSON of the rows that each gave. */
export async function transact(database, statements) {
  const prepared = JSON.parse(statements).map(([sql, parameter]) => database.prepare(sql).bind(parameter));
  return JSON.stringify((await database.batch(prepared)).map(({ results }) => results));
}

/**
 * Runs a statement on a Durable Object's own database, at once; `parameters` are texts, a line each, and a column's type makes of them what
 * it wants. The rows it gives, a line each, their values parted by tabs; NULL is an empty text.
 */
export function execute(storage, sql, parameters) {
  const rows = storage.sql.exec(sql, ...(parameters === "" ? [] : parameters.split("\n"))).raw();
  return [...rows].map((row) => row.join("\t")).join("\n");
}

/** Wakes a Durable Object at the Unix time `at` (ms), unless it wakes before that anyway. */
export function wakeBy(storage, at) {
  const set = async () => {
    const alarm = await storage.getAlarm();
    if (alarm === null || alarm > at) await storage.setAlarm(at);
  };
  set().catch((why) => console.error(`no alarm could be set: ${why}`));
}

/** As `OBJECT_LOCATIONS` of `config/mod.rs`. */
const PLACE = /^(wnam|enam|sam|weur|eeur|apac|oc|afr|me)$/;

/**
 * Asks a Durable Object of `binding` by its name; resolves to its answer, a text. One that is new is made in the part of the world that OBJECT_LOCATION
 * names, else near whoever asks first. Where the platform says that it may go well, as of an object that a new version ends, it asks once more.
 */
export async function askObject(env, binding, name, method, argument) {
  const objects = env[binding];
  if (!objects) throw new Error(`${binding} is not bound`);
  const locationHint = PLACE.test(env.OBJECT_LOCATION) ? env.OBJECT_LOCATION : undefined;
  // An object's handle is of no use any more once it has failed.
  const ask = () => objects.get(objects.idFromName(name), { locationHint })[method](name, argument);
  try {
    return await ask();
  } catch (why) {
    if (!why.retryable || why.overloaded) throw why;
    return ask();
  }
}

/**
 * Reads a multipart body of at most `limit` bytes with the file `field`; resolves to its title, the file's name and bytes, and the whole body,
 * undefined where it is larger.
 */
export async function readForm(request, field, limit) {
  const type = request.headers.get("content-type") ?? "";
  const body = await readBytes(request.body, limit);
  if (body === undefined) return undefined;
  const form = await new Response(body, { headers: { "content-type": type } }).formData();
  const [title, file] = [form.get("title"), form.get(field)];
  const isFile = file instanceof File;
  return [typeof title === "string" ? title : "", isFile ? file.name : "", new Uint8Array(isFile ? await file.arrayBuffer() : 0), body];
}

/** Whether the RSA key `jwk` (JSON) signed `text` with `signature` (RS256: RFC 7518, 3.3). */
export async function isSignedBy(jwk, text, signature) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("jwk", JSON.parse(jwk), algorithm, false, ["verify"]);
  return crypto.subtle.verify(algorithm, key, signature, new TextEncoder().encode(text));
}

/** The RSASSA-PKCS1-v1_5 signature with SHA-256 of `text`, by a private key (PKCS #8, DER). */
export async function signRs256(pkcs8, text) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  // A copy: what is lent is gone when this function first waits.
  const key = await crypto.subtle.importKey("pkcs8", pkcs8.slice(), algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(text)));
}

/** Resolves after `ms`. */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
