// What the stand-ins of all ad platforms have in common: the account of what arrived, deduplication, and misbehaviour on demand.
import { setTimeout as sleep } from "node:timers/promises";
import { readBody, standIn } from "../../harness/http.mjs";
import { numbers } from "../../harness/numbers.mjs";
import { problems, written } from "./checks.mjs";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** A refusal: `answer` is what the platform says, `{status, body, headers}`. */
export class Refusal extends Error {
  constructor(answer) {
    super(JSON.stringify(answer.body));
    this.answer = answer;
  }
}

/** Whether the events of a call that is struck are taken all the same. */
const TAKEN = { slow: true, throttled: false, status: false, html: false, empty: true, truncated: true, type: true, cut: true, code: false };

/**
 * Starts a platform's stand-in.
 *
 * `platform` says what it is: `take(call, state)` checks a call and gives `{events: [{id, keys, event}], test, status, body, headers, commit}` or throws
 * a Refusal; `keys` are `[key, window in ms]`, and an event with a key seen within its window is a copy. `outage(status)` and `failure(code)` are the
 * platform's own words for a breakdown and for an error code, `poisoned(index)` those for a batch refused for one event, `secrets` what may never be
 * seen outside its place (a URL too, unless `secretInUrl`).
 *
 * State: `events` (taken, without copies, as they were sent), `received` (how many were taken, copies and all), `tests` (those sent through the test
 * door), `requests` (`{at, method, path, query, headers, body, events, status, taken}`; `status` is null where no answer went out), `violations`
 * (what a right client never sends), `mostAtOnce` (calls under way together). `ids()` are the events' ids, `copies(id)` how often one was taken.
 *
 * `misbehave({kind, …})` makes calls fail:
 * - which: `path` (its end, or a RegExp), `when(call)`, `after` (so many go well first), `times` (1; Infinity), `every` n-th, `probability` with `seed`;
 * - how: `slow` (`ms`, or `until` a promise is kept, then as always) · `throttled` (429; `retryAfter` in seconds or as a date) · `status` (`status`:
 *   500, 503 …) · `html` (`status`: 200) · `empty`, `truncated` (half the JSON), `type` (`type`: another Content-Type): the good answer spoilt ·
 *   `cut` (`at` "before" anything is taken, "after": taken, no answer, "body": taken, half an answer) · `code` (`code`: an error of the platform's
 *   own, see each);
 * - `taken`: whether the events are taken all the same; `ms`, `until`: a wait before any of these.
 * It gives the fault, whose `struck` counts and whose `stop()` ends it.
 *
 * `poison(predicate)`: events that make the platform refuse a whole batch. `revoke()`: the credentials hold no more; `restore()`: they do.
 * `behave()` ends all of this, `reset()` forgets everything besides.
 */
export function startPlatform(platform, { port = 0, clock, foreignSecrets = () => [] }) {
  const state = {
    url: "", name: platform.name, nowMs: clock, accounts: platform.accounts, secrets: platform.secrets,
    events: [], received: 0, tests: [], requests: [], violations: [], mostAtOnce: 0, revoked: false,
  };
  let [faults, poisons, seen, copies, atOnce] = [[], [], new Map(), new Map(), 0];

  state.misbehave = (how) => {
    if (!(how.kind in TAKEN)) throw new Error(`no such misbehaviour: ${how.kind}`);
    const fault = { times: 1, after: 0, every: 1, at: "after", taken: TAKEN[how.kind] && how.at !== "before", ...how, met: 0, struck: 0, chance: numbers(how.seed ?? 1) };
    fault.stop = () => void (faults = faults.filter((each) => each !== fault));
    faults.push(fault);
    return fault;
  };
  state.poison = (predicate) => void poisons.push(predicate);
  state.revoke = () => void (state.revoked = true);
  state.restore = () => void (state.revoked = false);
  state.behave = () => {
    [faults, poisons] = [[], []];
    state.restore();
  };
  state.reset = () => {
    state.behave();
    for (const each of [state.events, state.tests, state.requests, state.violations]) each.length = 0;
    [state.received, state.mostAtOnce, seen, copies] = [0, 0, new Map(), new Map()];
    platform.reset?.(state);
  };
  state.ids = () => [...copies.keys()];
  state.copies = (id) => copies.get(id) ?? 0;

  function strikes(fault, call) {
    const { path, when } = fault;
    if (path instanceof RegExp ? !path.test(call.path) : path !== undefined && !call.path.endsWith(path)) return false;
    if (when && !when(call)) return false;
    fault.met += 1;
    if (fault.met <= fault.after || fault.struck >= fault.times) return false;
    if ((fault.met - fault.after) % fault.every) return false;
    if (fault.probability !== undefined && fault.chance() >= fault.probability) return false;
    fault.struck += 1;
    return true;
  }

  /** Checks a call: the platform's answer, and what to keep if it is kept. */
  function judge(call) {
    try {
      const { status = 200, body, headers, events = [], test = false, commit } = platform.take(call, state);
      call.events = events.length;
      const bad = test ? -1 : events.findIndex(({ event }) => poisons.some((predicate) => predicate(event)));
      if (bad >= 0) return { answer: platform.poisoned(bad) };
      return { answer: { status, body, headers }, keep: () => (commit?.(), test ? state.tests.push(...events.map(({ event }) => event)) : events.forEach(keep)) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { answer: error.answer };
    }
  }

  function keep({ id, keys, event }) {
    const now = clock();
    state.received += 1;
    copies.set(id, state.copies(id) + 1);
    if (keys.some(([key, window]) => seen.has(key) && now - seen.get(key) < window)) return;
    for (const [key] of keys) seen.set(key, now);
    state.events.push(event);
  }

  function inspect(call, text) {
    const elsewhere = `${call.url}\n${JSON.stringify(call.headers)}\n${text}`;
    for (const secret of foreignSecrets()) if (elsewhere.includes(secret)) call.breach("another platform's secret");
    if (!platform.secretInUrl && state.secrets.some((secret) => decodeURIComponent(call.url).includes(secret))) call.breach("a secret in the URL");
  }

  async function serve(incoming, outgoing) {
    const { pathname, searchParams } = new URL(incoming.url, "http://platform.test");
    const text = await readBody(incoming).catch(() => null);
    // Who asked is gone before all of it came.
    if (text === null) return;
    const call = {
      at: clock(), method: incoming.method, url: incoming.url, path: pathname, query: Object.fromEntries(searchParams), headers: incoming.headers,
      text, body: undefined, events: 0, status: null, taken: false,
    };
    const breach = (what) => state.violations.push(`${what} (${call.method} ${call.path})`);
    Object.defineProperty(call, "breach", { value: breach });
    Object.defineProperty(call, "bytes", { value: Buffer.byteLength(text) });
    state.requests.push(call);
    atOnce += 1;
    state.mostAtOnce = Math.max(state.mostAtOnce, atOnce);
    outgoing.once("close", () => void (atOnce -= 1));
    inspect(call, text);

    const judged = judge(call);
    delete call.text;
    const fault = faults.find((each) => strikes(each, call)) ?? {};
    if (judged.keep && (fault.taken ?? true)) {
      judged.keep();
      call.taken = true;
    }
    // Nobody waits for it once the stand-in is closed.
    if (fault.ms) await sleep(fault.ms, undefined, { ref: false });
    await fault.until;
    if (fault.kind === "cut" && fault.at !== "body") return incoming.socket.destroy();
    const { status, bytes, headers } = rendered(spoilt(judged.answer, fault), fault);
    if (fault.kind === "cut") {
      outgoing.writeHead(status, headers);
      return outgoing.write(bytes.subarray(0, bytes.length >> 1), () => incoming.socket.destroy());
    }
    call.status = status;
    outgoing.writeHead(status, headers).end(bytes);
  }

  /** The answer as a fault without a record has it. */
  function spoilt(answer, { kind, status, retryAfter, code }) {
    if (kind === "throttled") return { ...platform.outage(429), ...(retryAfter !== undefined && { headers: { "retry-after": String(retryAfter) } }) };
    if (kind === "status") return platform.outage(status);
    if (kind === "code") return platform.failure(code);
    if (kind === "html") return { status: status ?? 200, html: `<html>\r\n<head><title>${status ?? 200}</title></head>\r\n<body></body>\r\n</html>\r\n` };
    return answer;
  }

  /** The answer's bytes. */
  function rendered({ status, body, html, headers }, { kind, type }) {
    let bytes = Buffer.isBuffer(body) ? body : Buffer.from(html ?? (body === undefined ? "" : JSON.stringify(body)));
    if (kind === "empty") bytes = Buffer.alloc(0);
    if (kind === "truncated") bytes = bytes.subarray(0, bytes.length >> 1);
    const contentType = kind === "type" ? (type ?? "text/plain") : html ? "text/html" : (platform.contentType ?? "application/json; charset=UTF-8");
    return { status, bytes, headers: { ...(status !== 204 && { "content-type": contentType, "content-length": bytes.length }), ...headers } };
  }

  state.reset();
  return standIn(state, serve, port);
}

/** The JSON object that a call carries; `refuse(what)` makes the platform's answer to one that carries none. */
export function jsonOf(call, refuse) {
  const wrong = (what) => {
    call.breach(what);
    return new Refusal(refuse(what));
  };
  if (call.method !== "POST") throw wrong(`${call.method} is not POST`);
  if (!/^application\/json\s*(;|$)/i.test(call.headers["content-type"] ?? "")) throw wrong(`the Content-Type is ${call.headers["content-type"]}`);
  try {
    call.body = JSON.parse(call.text);
  } catch {
    throw wrong("the body is not JSON");
  }
  if (call.body === null || typeof call.body !== "object" || Array.isArray(call.body)) throw wrong("the body is no object");
  call.events = (call.body.data ?? call.body.events)?.length ?? 0;
  return call.body;
}

/** Notes what is wrong with a value as violations; gives those problems for which the platform refuses it. */
export function faultsIn(call, type, value) {
  const found = problems(type, value);
  for (const { path, text, kind } of found) call.breach(`${written(path)} ${kind === "type" ? `is not ${text}` : text}`);
  return found.filter(({ soft }) => !soft);
}
