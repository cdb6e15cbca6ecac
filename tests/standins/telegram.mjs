// A stand-in for t.me, where every path answers a page, so that browsers really arrive, and for telegram.org, which takes the calls of
// Telegram Ads' pixel and can misbehave.
import http from "node:http";
import { listen, readBody, shut } from "../harness/http.mjs";

/** The hosts it stands for. */
export const TELEGRAM_HOSTS = ["t.me", "telegram.me", "telegram.dog"];

/** What a call of the pixel must be: a form with one id, a time and a page. */
function violations({ method, type, fields }) {
  const all = (name) => fields.filter(([key]) => key === name).map(([, value]) => value);
  const [id] = [...all("e"), ...all("p")];
  const [click] = all("c");
  return [
    method !== "POST" && `by ${method}`,
    !/^application\/x-www-form-urlencoded(;|$)/.test(type) && `as ${type}`,
    !/^[\w-]{1,64}$/.test(id) && `of ${id}`,
    all("t").length === 1 && /^\d{13}$/.test(all("t")[0]) ? false : `at ${all("t")}`,
    all("l").length === 1 && /^https?:\/\/\w/.test(all("l")[0]) ? false : `on ${all("l")}`,
    (all("c").length > 1 || click === "") && `with the clicks ${all("c")}`,
  ].filter(Boolean).map((what) => `a call of the pixel ${what}`);
}

/**
 * Starts the stand-in. `arrivals` holds `{host, path, referer}` of every page opened; `pixel` what the pixel was told: the fields of every
 * call taken, with its `headers`; `tried` the bodies of all calls, those spoilt included; `mostAtOnce` how many of them were on the line together;
 * `violations` what must never arrive. `misbehave(how, times)` spoils the next calls of the pixel:
 * `{status, retryAfter}`, "cut", or a promise to wait for before the call is taken.
 */
export async function startTelegram() {
  const telegram = { url: "", arrivals: [], pixel: [], tried: [], mostAtOnce: 0, violations: [] };
  const faults = [];
  let atOnce = 0;
  telegram.misbehave = (how, times = 1) => void faults.push(...Array(times).fill(how));

  async function takeCall(incoming, outgoing) {
    telegram.mostAtOnce = Math.max(telegram.mostAtOnce, (atOnce += 1));
    outgoing.once("close", () => (atOnce -= 1));
    const body = await readBody(incoming);
    const { method, headers } = incoming;
    const fields = [...new URLSearchParams(body)];
    telegram.tried.push(body);
    telegram.violations.push(...violations({ method, type: headers["content-type"] ?? "", fields }));
    const fault = faults.shift();
    if (fault === "cut") return outgoing.destroy();
    if (fault?.status) return outgoing.writeHead(fault.status, fault.retryAfter ? { "retry-after": String(fault.retryAfter) } : {}).end();
    await fault;
    telegram.pixel.push({ ...Object.fromEntries(fields), headers });
    outgoing.writeHead(200, { "content-type": "text/plain" }).end();
  }

  const server = http.createServer((incoming, outgoing) => {
    if (incoming.url.split("?")[0] === "/pxl") return takeCall(incoming, outgoing).catch((error) => telegram.violations.push(error.stack));
    if (incoming.url === "/favicon.ico") return outgoing.writeHead(204).end();
    const speculative = /prefetch|prerender/.test(incoming.headers["sec-purpose"] ?? incoming.headers.purpose ?? "");
    telegram.arrivals.push({ host: incoming.headers.host, path: incoming.url, referer: incoming.headers.referer, speculative });
    outgoing.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
    outgoing.end(`<!doctype html><title>Telegram</title><h1 id="arrived">You are invited to ${incoming.url.slice(1).replace(/[<&]/g, "")}</h1>`);
  });
  telegram.url = await listen(server);
  telegram.reset = () => {
    for (const list of [telegram.arrivals, telegram.pixel, telegram.tried, telegram.violations, faults]) list.length = 0;
    telegram.mostAtOnce = 0;
  };
  telegram.close = () => shut(server);
  return telegram;
}
