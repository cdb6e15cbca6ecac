// The edge's API, called with the key that the operator typed in. The key lives as long as the tab.

const KEY = "edgeway-ops-key";

export const key = {
  read: () => sessionStorage.getItem(KEY) ?? "",
  keep: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** What came of a call that was refused or got no answer; `message` is for people. `status` 0: no answer. */
export class Refusal extends Error {
  constructor(status, code, message, retryAfter) {
    super(message);
    Object.assign(this, { status, code, retryAfter });
  }
}

const MEANS = {
  0: "The edge did not answer. Check the connection, then try again.",
  401: "The key is not accepted.",
  403: "You are not let in here.",
  404: "This edge does not have this yet.",
  429: "Too many calls.",
  500: "The edge failed at this. Its log says why.",
};

/** What the edge says of a site that is in no setting and left nothing, and what to do. */
const NO_SITE = "websiteId: no such site";
const NO_SITE_MEANS = "This edge has no such site, and nothing that one left. Choose another above.";

/** Codes whose own words would say that again. */
const SAID = ["AUTH_REQUIRED", "INVALID_KEY", "NOT_FOUND", "RATE_LIMITED", "INTERNAL_ERROR"];

/** One call under `/api/v1/`: its JSON. `query` leaves out what is empty. Throws a `Refusal`. */
export async function call(method, path, { query, body, signal, as = key.read() } = {}) {
  const headers = { authorization: `Bearer ${as}` };
  if (method === "POST") Object.assign(headers, { "content-type": "application/json", "idempotency-key": newId() });
  const answer = await reach(address(path, query), { method, headers, signal, body: body && JSON.stringify(body) });
  const said = await answer.json().catch(() => null);
  if (answer.ok && said) return said;
  throw refusal(answer, said?.error);
}

/** The same by GET for what is no JSON: a file's bytes. */
export async function file(path, query) {
  const answer = await reach(address(path, query), { headers: { authorization: `Bearer ${key.read()}` } });
  if (answer.ok) return answer.blob();
  throw refusal(answer, (await answer.json().catch(() => null))?.error);
}

function address(path, query = {}) {
  const asked = String(new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "")));
  return `/api/v1/${path}${asked && `?${asked}`}`;
}

/** `/healthz`, which says with 503 what is wrong, and to the operator more than to others. */
export async function health({ signal } = {}) {
  const answer = await reach("/healthz", { signal, headers: { authorization: `Bearer ${key.read()}` } });
  const said = await answer.json().catch(() => null);
  if (said?.status) return said;
  throw refusal(answer, said?.error);
}

async function reach(url, options) {
  try {
    return await fetch(url, { cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "NO_ANSWER", MEANS[0]);
  }
}

function refusal({ status, headers }, { code, message } = {}) {
  const retryAfter = Number(headers.get("retry-after")) || undefined;
  const wait = status === 429 ? (retryAfter ? ` Try again in ${retryAfter} s.` : " Try again in a minute.") : "";
  if (message === NO_SITE) return new Refusal(status, code, NO_SITE_MEANS);
  const own = SAID.includes(code) ? undefined : message;
  // What is not found where a path is, the edge names.
  const means = status === 404 && own ? "" : MEANS[status] ?? (status >= 500 ? "The edge can’t do this now." : "The edge refused this.");
  return new Refusal(status, code ?? `HTTP ${status}`, [means + wait, own].filter(Boolean).join(" "), retryAfter);
}

const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
