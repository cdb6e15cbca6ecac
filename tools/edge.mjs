// Calls the operator's part of an edge's API: the edge at EDGEWAY_URL, with its OPERATOR_KEY.

import { fail } from "./prerequisites.mjs";
import { operatorKey } from "./secrets.mjs";

/** Where the edge is. */
export const edge = process.env.EDGEWAY_URL || "http://localhost:8787";
if (!/^https?:\/\//.test(edge) || !URL.canParse(edge)) fail(`EDGEWAY_URL: expected an address such as https://edge.example.com, not ${edge}`);

/** What `--help` says of them. */
export const WHERE = "Asks the edge at EDGEWAY_URL, http://localhost:8787 unless set, with the key in OPERATOR_KEY, the one in .dev.vars unless set.";

/** Why there is no answer, and what to do. */
export const unanswered = (error) =>
  `no answer: ${error.cause?.message || error.cause?.code || error.message}. Is the edge running? npm start serves one at http://localhost:8787; EDGEWAY_URL names another`;

/** What to do where the edge does not know the key. */
export const UNKNOWN_KEY = "the key is not this edge's: set OPERATOR_KEY to the edge's secret of that name; EDGEWAY_URL says which edge is asked";

/** What answers at `url` of the edge. Another address that it leads on to is not followed: keys and orders would get lost on the way. */
export async function reach(url, options) {
  const answer = await fetch(url, { ...options, redirect: "manual" });
  if (answer.headers.get("cf-mitigated")) fail(`${edge}: Cloudflare's guards stop this call, as they may Telegram's and your shop's; docs/operate.md says what to set`);
  const to = answer.status >= 300 && answer.status < 400 && new URL(answer.headers.get("location") ?? "", url);
  if (!to) return answer;
  if (to.hostname.endsWith(".cloudflareaccess.com")) fail(`${edge} stands behind Cloudflare Access: set CF_ACCESS_CLIENT_ID and CF_ACCESS_CLIENT_SECRET to a service token of its policy`);
  return fail(`${edge} leads on to ${to.origin}: set EDGEWAY_URL to where the edge is`);
}

/** The answer's JSON; anything else ends the command with a line that says why: for a code of `words`, that. */
export async function call(method, path, body, words = {}) {
  const headers = { authorization: `Bearer ${operatorKey()}`, ...(body && { "content-type": "application/json" }) };
  const url = new URL(`/api/v1/${path}`, edge);
  const answer = await reach(url, { method, headers, body: body && JSON.stringify(body) }).catch((error) =>
    fail(`${edge}: ${unanswered(error)}`),
  );
  const told = await answer.json().catch(() => undefined);
  if (answer.ok && told) return told;
  if (!told?.error) fail(`${edge}: ${answer.status}, and no JSON of Edgeway's: is this an Edgeway edge?`);
  if (answer.status === 401) fail(`${edge}: 401 ${told.error.code}, ${UNKNOWN_KEY}`);
  if (told.error.message === "websiteId: no such site") fail(await noSite(body?.websiteId ?? url.searchParams.get("websiteId")));
  return fail(words[told.error.code] ?? `${edge}: ${answer.status} ${told.error.code}, ${told.error.message}`);
}

/** That the edge has no such site, and which it has. */
async function noSite(site) {
  const health = await reach(new URL("/healthz", edge), {}).then((answer) => answer.json()).catch(() => undefined);
  const sites = health?.sites?.map(({ websiteId }) => websiteId) ?? [];
  return `--site: ${edge} has no site ${site}; it has ${sites.join(", ") || "none"}`;
}

/** A time as people read it. */
export const time = (ms) => (ms ? new Date(ms).toISOString().slice(0, 16).replace("T", " ") : "");
