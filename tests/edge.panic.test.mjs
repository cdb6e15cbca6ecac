// A panic takes its instance with it and nothing else: what that had under way is answered at once, what comes next finds a fresh one,
// and the other of the two modules goes on.
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { only } from "./harness/world.mjs";
import { startApi } from "./harness/api.mjs";
import { until } from "./harness/wait.mjs";

describe("a panic", () => {
  let api, world;
  before(async () => {
    api = await startApi({ backend: "adtarget" });
    world = api.world;
  });
  after(() => api.close());
  beforeEach(() => api.reset());
  afterEach(async () => {
    const lines = () => world.edge.logs.filter(({ message }) => message.includes("panicked")).length;
    await until(lines, "the log says so");
    assert.equal(lines(), 1);
  });

  const isFailure = (answer) => {
    assert.equal(answer.status, 500);
    assert.equal(answer.json().error.code, "INTERNAL_ERROR");
    assert.ok(!answer.text.includes("panic"), "no internals in the answer");
  };
  /** AdTarget is asked for so much, and answers none of it yet. */
  const asked = (times) => until(() => world.adtarget.calls.length === times, "all are under way");

  it("as a visitor's request begins: that one gets 500, the next finds a fresh instance", async () => {
    await world.edge.fail({ panic: "at once" });
    isFailure(await world.init());
    assert.equal((await world.init()).status, 200);
  });

  it("after an await: all that visitors have under way gets 500 at once, the back office answers", async () => {
    world.adtarget.misbehave({ path: "invite", delay: 8_000, times: 3 });
    world.adtarget.misbehave({ path: "channels", delay: 6_000 });
    const office = api.get("channels");
    const under = [world.invite(), world.invite(), world.invite()];
    await asked(4);
    world.adtarget.misbehave({ path: "init", status: 500, times: 1 });
    await world.edge.fail({ panic: "later" });
    isFailure(await world.init());
    for (const answer of await Promise.all(under)) {
      isFailure(answer);
      assert.ok(answer.ms < 6_000, `it waited ${answer.ms} ms`);
    }
    assert.equal((await office).status, 200);
    assert.equal((await world.init()).status, 200);
    assert.equal((await world.invite()).status, 302);
  });

  it("as a call to the back office begins: that one gets 500, the next finds a fresh instance", async () => {
    await world.edge.fail({ panic: "at once" });
    isFailure(await api.get("channels"));
    assert.equal((await api.get("channels")).status, 200);
  });

  it("in the back office: all that it has under way gets 500 at once, visitors are answered", async () => {
    world.adtarget.misbehave({ path: "channels", delay: 8_000, times: 2 });
    world.adtarget.misbehave({ path: "invite", delay: 6_000, times: 2 });
    const under = [api.get("channels"), api.get("channels")];
    const visitors = [world.invite(), world.invite()];
    await asked(4);
    await world.edge.fail({ panic: "at once" });
    isFailure(await api.get("channels"));
    for (const answer of await Promise.all(under)) {
      isFailure(answer);
      assert.ok(answer.ms < 6_000, `it waited ${answer.ms} ms`);
    }
    for (const answer of await Promise.all(visitors)) assert.equal(answer.status, 302);
  });

  it("in the queue: the batch comes again, and is delivered once", async () => {
    world.adtarget.misbehave({ path: "init", status: 503, times: 1 });
    await world.edge.fail({ panic: "in the queue" });
    const { tempId } = (await world.init()).json();
    await world.edge.drained();
    assert.equal(only(world.adtarget.visits).tempId, tempId);
  });
});
