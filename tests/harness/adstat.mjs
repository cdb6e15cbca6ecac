// AdStat's stand-in with an edge before it, and what both are told.
import { OPERATOR_KEY } from "./api.mjs";
import { startWorld } from "./world.mjs";
import { CAMPAIGN, PASSWORD, USERNAME, startAdStat } from "../standins/adstat.mjs";

/** A file that passes for a picture. */
export const JPEG = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(300_000, 7)]);
/** The least that an ad has. */
export const AD = { campaign_id: CAMPAIGN, title: "Spring", text: "Come in", promote_url: "https://shop.test/lp", cpm: 2, budget: 10, ad_type: "target_channels" };
/** Three hours of every day. */
export const WEEK = Object.fromEntries(["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map((day) => [day, [9, 10, 11]]));
/** So many phone numbers, a line each. */
export const numbers = (count) => Buffer.from(Array.from({ length: count }, (_, index) => 998_900_000_000 + index).join("\n"));

/** An edge in front of AdStat: `{adstat, world, edge}`; `call`, `get` and `create` are the operator's calls, `advance` puts everybody's clock ahead. */
export async function startShop(vars = {}) {
  const adstat = await startAdStat();
  const settings = { OPERATOR_KEY, ADSTAT_USERNAME: USERNAME, ADSTAT_PASSWORD: PASSWORD, ADSTAT_BASE_URL: adstat.client.url, ADSTAT_API_BASE_URL: adstat.clientapi.url };
  const world = await startWorld({ vars: { ...settings, ...vars } });
  const shop = { adstat, world, edge: world.edge };
  /** One call of the operator's; `path` is AdStat's own behind `/api/`. */
  shop.call = (method, path, { key = OPERATOR_KEY, body, headers = {}, idempotencyKey, ...options } = {}) =>
    world.edge.request(`/ops/adstat/${path}`, {
      method, body,
      headers: {
        ...(key && { authorization: `Bearer ${key}` }), ...(body !== undefined && { "content-type": "application/json" }),
        ...(idempotencyKey && { "idempotency-key": idempotencyKey }), ...headers,
      },
      ...options,
    });
  shop.get = (path, options) => shop.call("GET", `api/${path}`, options);
  shop.create = (fields = {}, { query = "", ...options } = {}) => shop.call("POST", `api/advertisement/telegram/${query}`, { body: { ...AD, ...fields }, ...options });
  shop.orders = () => shop.edge.rows("SELECT * FROM ad_orders ORDER BY at_ms, order_id");
  let ahead = 0;
  /** Puts everybody's clock ahead. */
  shop.advance = async (ms) => {
    ahead += ms;
    adstat.advance(ms);
    await shop.edge.advance(ms);
  };
  shop.reset = async () => {
    await world.reset();
    adstat.reset();
    adstat.advance(ahead);
  };
  shop.close = () => Promise.all([world.close(), adstat.close()]);
  return shop;
}
