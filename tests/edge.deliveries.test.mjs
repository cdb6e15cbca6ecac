// Deliveries to ad platforms, from a conversion told to what the platform has of it.
import { after, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { startDeliveries } from "./harness/deliveries.mjs";

const PLATFORMS = ["meta", "tiktok", "snapchat", "google", "ga4"];

describe("a conversion told by the API", () => {
  let deliveries;
  before(async () => (deliveries = await startDeliveries()));
  after(() => deliveries.close());
  beforeEach(() => deliveries.reset());

  it("reaches every platform that can recognise someone by it, once", async () => {
    const answer = await deliveries.convert();
    assert.deepEqual(answer.sends, PLATFORMS.map((platform) => ({ sendId: `${answer.conversionId}_${platform}`, platform })));
    assert.deepEqual([answer.dispatched, answer.capiStatus], [true, "pending"]);
    assert.match(answer.warning, /^telegram: nothing is known/);
    await deliveries.settled();
    const { sends } = await deliveries.get(`sends?conversionId=${answer.conversionId}`);
    const states = Object.fromEntries(sends.map(({ destination, state, attempts }) => [destination, `${state} ${attempts}`]));
    assert.deepEqual(states, { meta: "sent 1", tiktok: "sent 1", snapchat: "sent 1", google: "sent 1", ga4: "sent 1", telegram: "skipped 0" });
    for (const name of PLATFORMS) assert.deepEqual(deliveries.platforms[name].ids(), [`adtarget_${answer.conversionId}`], name);
    assert.deepEqual(deliveries.platforms.violations(), []);
    const [{ capiStatus }] = (await deliveries.get("leads/7000000001")).conversions;
    assert.equal(capiStatus, "sent");
    assert.deepEqual(deliveries.edge.logs, []);
  });
});
