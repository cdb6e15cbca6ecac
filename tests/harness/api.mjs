// The keyed API from outside: keys that the operator makes, and calls that bear them.
import assert from "node:assert/strict";
import { CHANNELS, FALLBACK, WEBSITE, startWorld } from "./world.mjs";

export const OPERATOR_KEY = "operator-of-the-tests-0123456789abcdef";
/** A second site of the deployment, with a channel of its own. */
export const OTHER_SITE = "atid_other";
export const OTHER_CHANNEL = "chan_other";
/** The channel of the shop in which the value of a Purchase may be told by hand. */
export const MANUAL_CHANNEL = CHANNELS[1];

const SITES = [
  {
    websiteId: WEBSITE,
    domains: ["shop.test"],
    channels: [
      { slug: "main", channelId: CHANNELS[0], invite: FALLBACK.main, telegramId: "-1001234567890" },
      { slug: "vip", channelId: CHANNELS[1], invite: FALLBACK.vip, purchaseValue: "manual" },
    ],
  },
  { websiteId: OTHER_SITE, domains: ["other.test"], channels: [{ slug: "other", channelId: OTHER_CHANNEL, invite: "https://t.me/otherchannel" }] },
];

/** Starts the world with the API open. `api.reset()` forgets all and makes a new account-wide key, `api.key`. */
export async function startApi({ vars = {}, ...rest } = {}) {
  const world = await startWorld({ vars: { OPERATOR_KEY, SITES: JSON.stringify(SITES), ...vars }, ...rest });
  const api = { world, edge: world.edge, key: "" };
  /** One call; `key` is its bearer (empty: none). */
  api.call = (method, path, { key = api.key, body, idempotencyKey, headers = {}, ...options } = {}) =>
    world.edge.request(`/api/v1/${path}`, {
      method,
      headers: {
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(idempotencyKey ? { "idempotency-key": idempotencyKey } : {}),
        ...headers,
      },
      body,
      ...options,
    });
  api.post = (path, body, options) => api.call("POST", path, { body, ...options });
  api.get = (path, options) => api.call("GET", path, options);
  api.operate = (method, path, body, options) => api.call(method, path, { key: OPERATOR_KEY, body, ...options });
  /** A new key: `{key, prefix, …}`. */
  api.createKey = async (fields = {}) => {
    const answer = await api.operate("POST", "keys", { name: "test", ...fields });
    assert.equal(answer.status, 201, answer.text);
    return answer.json();
  };
  api.reset = async () => {
    await world.reset();
    api.key = (await api.createKey()).key;
  };
  api.close = () => world.close();
  return api;
}

/** Asserts a refusal in the contract's form; its message holds all of `words`. */
export function refused(answer, status, code, ...words) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers["content-type"], /^application\/json/);
  const { error } = answer.json();
  assert.equal(error.code, code, answer.text);
  for (const word of words) assert.ok(error.message.includes(word), `${error.message}: ${word}`);
}

/** Asserts an answer of 2xx, and gives its JSON. */
export function done(answer, status = 200) {
  assert.equal(answer.status, status, answer.text);
  return answer.json();
}
