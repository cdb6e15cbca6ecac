// Clients that hang up before they are answered: a visitor who goes on, a Worker in front that gives up.
import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { BROWSER, startWorld } from "./harness/world.mjs";

const MINUTE_MS = 60_000;

describe("clients that hang up", () => {
  let world;
  before(async () => (world = await startWorld({ front: true })));
  after(() => world.close());

  it("leave nothing behind for longer than twenty minutes, however many they are", async () => {
    const { edge } = world;
    const headers = { "user-agent": BROWSER, accept: "text/html", "sec-fetch-dest": "document", "sec-fetch-mode": "navigate" };
    const page = (query = "") => edge.request(`https://shop.test/plain.html${query}`, { headers, ip: "203.0.113.7" });
    /** What so many clients that hang up have the modules' memory grow by, in bytes. */
    const growth = async () => {
      const held = async () => (await edge.queue()).wasmBytes;
      const before = await held();
      for (let round = 0; round < 20; round += 1) await edge.hangUp("https://shop.test/plain.html?slow=5000", { headers, times: 50 });
      return (await held()) - before;
    };
    assert.equal((await page()).status, 200);
    const left = await growth();
    assert.ok(left > 1e6, `${left} bytes: they are in memory`);
    await edge.advance(19 * MINUTE_MS);
    assert.equal((await page()).status, 200);
    assert.ok((await growth()) > left / 2, "what may still come is waited for");
    await edge.advance(21 * MINUTE_MS);
    // Who has to wait, as pages have, lets go what nobody waits for.
    assert.equal((await page()).status, 200);
    // But for a page of memory (64 KB) that what is of another size may want.
    const more = await growth();
    assert.ok(more < left / 10, `there is room: ${more} of ${left} bytes`);
    assert.equal((await page()).status, 200);
  });
});
