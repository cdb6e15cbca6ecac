// A panic takes its instance with it and nothing else: what was under way is answered at once, what comes next finds a fresh one.
import { after, afterEach, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { startWorld, only } from "./harness/world.mjs";

describe("a panic", () => {
  let world;
  before(async () => (world = await startWorld({ backend: "adtarget" })));
  after(() => world.close());
  afterEach(() => world.reset());

  const isFailure = (answer) => {
    assert.equal(answer.status, 500);
    assert.equal(answer.json().error.code, "INTERNAL_ERROR");
    assert.ok(!answer.text.includes("panic"), "no internals in the answer");
  };

  it("as a request begins: that one gets 500, the next finds a fresh instance", async () => {
    await world.edge.fail({ panic: "at once" });
    isFailure(await world.init());
    assert.equal((await world.init()).status, 200);
    assert.ok(world.edge.logs.some(({ message }) => message.includes("panicked")), "the log says so");
  });

  it("after an await: all that is under way gets 500 at once, nothing hangs", async () => {
    world.adtarget.misbehave({ path: "invite", delay: 1_200, times: 3 });
    const under = [world.invite(), world.invite(), world.invite()];
    await new Promise((resolve) => setTimeout(resolve, 300));
    world.adtarget.misbehave({ path: "init", status: 500, times: 1 });
    await world.edge.fail({ panic: "later" });
    isFailure(await world.init());
    for (const answer of await Promise.all(under)) {
      isFailure(answer);
      assert.ok(answer.ms < 1_100, `it waited ${answer.ms} ms`);
    }
    assert.equal((await world.init()).status, 200);
    assert.equal((await world.invite()).status, 302);
  });

  it("in the queue: the batch comes again, and is delivered once", async () => {
    world.adtarget.misbehave({ path: "init", status: 503, times: 1 });
    await world.edge.fail({ panic: "in the queue" });
    const { tempId } = (await world.init()).json();
    await world.edge.drained(20_000);
    assert.equal(only(world.adtarget.visits).tempId, tempId);
  });
});
