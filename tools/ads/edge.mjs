// Calls to the edge that stands before AdStat.

import { setTimeout as sleep } from "node:timers/promises";
import { UNKNOWN_KEY, edge, reach, unanswered } from "../edge.mjs";
import { fail } from "../prerequisites.mjs";
import { operatorKey } from "../secrets.mjs";

/** How long an order is asked for again whose outcome is not known, in s: the edge knows after a minute that it did not come in. */
const WAITS_S = [2, 10, 25, 30];

/** An answer that is none of 2xx, or none at all. */
class Refusal extends Error {
  constructor(message, { status, code } = {}) {
    super(message);
    Object.assign(this, { status, code });
  }
}

/** Runs a command; ends with what was refused, in a line a field. */
export async function refusalsEnd(run) {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return fail(`${edge}: ${error.message}`);
  }
}

/** One call to `path`, which is what stands behind `/ops/adstat/`. The answer is its JSON, undefined where it is empty. */
export const call = async (method, path, options) => (await ask(method, path, options)).told;

/** The same: `{told, isReplay}`, the latter where it was answered before. */
async function ask(method, path, { query = {}, json, form, headers = {} } = {}) {
  const url = new URL(`/ops/adstat/${path}`, edge);
  for (const [name, value] of Object.entries(query)) for (const each of [value].flat()) if (each !== undefined) url.searchParams.append(name, each);
  const answer = await reach(url, {
    method,
    headers: { authorization: `Bearer ${operatorKey()}`, ...accessToken(), ...(json !== undefined && { "content-type": "application/json" }), ...headers },
    body: json === undefined ? form : JSON.stringify(json),
  }).catch((error) => {
    throw new Refusal(unanswered(error));
  });
  const text = await answer.text().catch(() => {
    throw new Refusal("the answer broke off");
  });
  const warning = answer.headers.get("x-edgeway-warning");
  if (warning) console.error(warning);
  const told = parsed(text);
  const wait = answer.headers.get("retry-after");
  if (!answer.ok) throw new Refusal(words(answer.status, told) + (wait ? `; come back in ${wait} s` : ""), { status: answer.status, code: told?.error?.code });
  return { told, isReplay: answer.headers.has("x-idempotent-replay") };
}

/** A service token of Cloudflare Access, where the edge stands behind it. */
function accessToken() {
  const { CF_ACCESS_CLIENT_ID: id, CF_ACCESS_CLIENT_SECRET: secret } = process.env;
  return id && secret ? { "cf-access-client-id": id, "cf-access-client-secret": secret } : {};
}

function parsed(text) {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal("the answer is not JSON: is this an Edgeway edge?");
  }
}

/** The edge's own words, else AdStat's. */
function words(status, told) {
  if (["AUTH_REQUIRED", "INVALID_KEY"].includes(told?.error?.code)) return `${status} ${told.error.code}\n  ${UNKNOWN_KEY}`;
  if (told?.error) return `${status} ${told.error.code}\n  ${told.error.message.replaceAll("; ", "\n  ")}`;
  return `AdStat: ${status} ${typeof told?.detail === "string" ? told.detail : JSON.stringify(told?.detail ?? told)}`;
}

/**
 * An order, which is done once however often it is told: an answer that was lost is asked for again, as long as it takes the edge to know.
 * `{told, isReplay}`: the latter where it had been done before this.
 */
export async function order(method, path, { key, ...options }) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { told, isReplay } = await ask(method, path, { ...options, headers: key && { "idempotency-key": key } });
      return { told, isReplay: isReplay && attempt === 0 };
    } catch (error) {
      if (!isOpen(error)) throw error;
      if (attempt === WAITS_S.length) {
        throw new Refusal(`${error.message}\n  Whether it was done is not known. Tell it again${key ? ` with --key ${key}` : ""}: it is done once.`);
      }
      console.error(`${error.message.replace(/\s+/g, " ")}\nAsking again in ${WAITS_S[attempt]} s; it is done once.`);
      await sleep(WAITS_S[attempt] * 1000);
    }
  }
}

/** Whether an order may have been done, or be done still. Where the edge is not set to take any, it was not. */
const isOpen = ({ status, code }) => status === undefined || (status >= 500 && code !== "API_DISABLED") || code === "IDEMPOTENCY_IN_PROGRESS";

/** Sends a form; once more where AdStat wanted another token meanwhile. */
export async function send(path, options) {
  try {
    return await call("POST", path, options);
  } catch (error) {
    if (error.status !== 502) throw error;
    return call("POST", path, options);
  }
}
