// What fails, what the visitor gets all the same, and that nothing is lost or doubled.
import { after, afterEach, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { OPERATOR_KEY, startApi } from "./harness/api.mjs";
import { until } from "./harness/wait.mjs";
import { FALLBACK, WEBSITE, forBothBackends, only, startWorld } from "./harness/world.mjs";

/** When an answer comes where AdTarget's is waited for, by a machine that stalls. */
const PATIENCE_MS = 9_000;

/** Everything that AdTarget may do wrong. */
const FAULTS = {
  "is slow": { delay: 5_000, times: 1 },
  "answers 429": { status: 429, retryAfter: 7 },
  "answers 500": { status: 500 },
  "answers 502": { status: 502 },
  "answers 503": { status: 503 },
  "cuts the line on arrival": { cut: "arrival" },
  "cuts the line before its answer": { cut: "headers" },
  "cuts the line within its answer": { cut: "body" },
  "answers half a JSON": { body: '{"tempId":"', type: "application/json" },
  "answers nothing": { body: "" },
  "answers HTML": { body: "<!doctype html><title>Log in to the Wi-Fi</title>", type: "text/html" },
  "answers a JSON list": { body: "[]" },
  "answers an object of nothing": { body: "{}" },
  "answers an error as if all were well": { body: '{"error":{"code":"INTERNAL_ERROR","message":"on demand"}}' },
  "answers without end": { huge: 30_000_000 },
};

describe("AdTarget fails", () => {
  let world;
  const LONG_MS = 11 * 60_000;
  /** How far the edge's clock is ahead. */
  let ahead = 0;
  before(async () => (world = await startWorld({ backend: "adtarget", vars: { ADTARGET_TIMEOUT_MS: "" } })));
  after(() => world.close());
  afterEach(async () => {
    const lines = world.edge.logs.map(({ message }) => message);
    await world.reset();
    assert.deepEqual(lines.filter((line) => line.includes("atk_live_")), [], "no line of the log holds the API key");
  });
  /** Asserts that nobody was kept waiting: where AdTarget is slow, the answer is there before its own. */
  const inTime = (answer, path, { delay }) => {
    if (delay) return assert.equal(world.adtarget.calls.find((call) => call.path === path).status, undefined, `AdTarget's answer was waited for, ${answer.ms} ms`);
    assert.ok(answer.ms < PATIENCE_MS, `an answer after ${answer.ms} ms`);
  };

  const clickFaults = {
    ...FAULTS,
    "leads elsewhere": { location: "https://evil.test/" },
    "leads into itself": { location: "/backend/track/invite" },
    "is out of money": { status: 402 },
    "takes no calls": { status: 503 },
    "wants a key": { status: 401 },
  };
  for (const [what, fault] of Object.entries(clickFaults)) {
    it(`and ${what}: a click reaches the channel and is delivered once`, async () => {
      // A redirect is all head: only an answer in JSON can break off.
      if (fault.cut === "body") world.adtarget.inviteAs = "json";
      world.adtarget.misbehave({ path: "invite", times: 2, ...fault });
      const ids = { tempId: randomUUID(), clientSessionId: randomUUID() };
      const answer = await world.invite(ids);
      assert.equal(answer.status, 302, answer.text);
      assert.equal(answer.location, FALLBACK.main);
      inTime(answer, "invite", fault);
      await world.edge.drained();
      const click = only(world.adtarget.clicks);
      assert.deepEqual([click.tempId, click.clientSessionId], [ids.tempId, ids.clientSessionId]);
      assert.deepEqual(world.adtarget.violations, []);
    });
  }

  for (const [what, fault] of Object.entries(FAULTS)) {
    it(`and ${what}: a visit is answered by the edge and delivered once`, async () => {
      world.adtarget.misbehave({ path: "init", times: 2, ...fault });
      const answer = await world.init();
      assert.equal(answer.status, 200, answer.text);
      inTime(answer, "init", fault);
      const { tempId, clientSessionId, cookies } = answer.json();
      assert.equal(cookies.tempId.value, tempId);
      assert.equal(answer.cookies.adtarget_temp_id.value, tempId);
      await world.edge.drained();
      const visit = only(world.adtarget.visits);
      assert.deepEqual([visit.tempId, visit.clientSessionId], [tempId, clientSessionId], "delivered under the ids that the page was given");
    });
  }

  for (const [what, fault] of Object.entries({ "is slow": FAULTS["is slow"], "answers 500": FAULTS["answers 500"], "cuts the line": FAULTS["cuts the line on arrival"] })) {
    it(`and ${what}: a late _fbp is delivered once`, async () => {
      // Long after the visits above failed: else it waits behind them.
      await world.edge.advance(LONG_MS);
      ahead += LONG_MS;
      const { tempId } = (await world.init()).json();
      world.adtarget.misbehave({ path: "update-fbp", times: 2, ...fault });
      const answer = await world.init(JSON.stringify({ websiteId: WEBSITE, tempId, fbp: "fb.1.1700000000001.3" }), { path: "/e/update-fbp" });
      assert.equal(answer.status, 200, answer.text);
      inTime(answer, "update-fbp", fault);
      await world.edge.drained();
      assert.equal(only(world.adtarget.fbps).fbp, "fb.1.1700000000001.3");
    });
  }

  for (const [what, cookies] of Object.entries({ "no hints": {}, "hints with half seconds": { cookies: { tempId: { name: "adtarget_temp_id", value: "x", maxAge: 0.5 } } } })) {
    it(`and gives ${what}: the cookies are of the ids that it answers`, async () => {
      const ids = { tempId: randomUUID(), clientSessionId: "cs_9f8e7d" };
      world.adtarget.misbehave({ path: "init", body: JSON.stringify({ visitId: "v_1", ...ids, ...cookies }) });
      const answer = await world.init();
      assert.equal(answer.json().clientSessionId, ids.clientSessionId);
      assert.deepEqual([answer.cookies.adtarget_temp_id.value, answer.cookies.adtarget_session_id.value], Object.values(ids));
      const cookie = `adtarget_temp_id=${ids.tempId}; adtarget_session_id=${ids.clientSessionId}`;
      await world.init({}, { headers: { cookie } });
      assert.equal(world.adtarget.visits.at(-1).clientSessionId, ids.clientSessionId);
      assert.equal((await world.edge.request("/c/main", { headers: { cookie } })).location, only(world.adtarget.clicks).inviteLink);
      assert.equal(world.adtarget.clicks[0].clientSessionId, ids.clientSessionId);
    });
  }

  it("and answers without end, and without saying how long: it is not read to where it ends", async () => {
    const SIZE = 200_000_000;
    world.adtarget.misbehave({ path: "init", times: 2, endless: SIZE });
    const { tempId } = (await world.init()).json();
    await world.edge.drained();
    assert.equal(only(world.adtarget.visits).tempId, tempId);
    const cut = world.adtarget.calls.filter(({ written }) => written !== undefined);
    assert.equal(cut.length, 2);
    for (const { written } of cut) assert.ok(written < SIZE / 4, `${written} bytes went`);
  });

  it("and refuses a click: a person is led on, and the log has it; a program is told", async () => {
    for (const status of [400, 403, 404]) {
      const ids = { tempId: randomUUID() };
      world.adtarget.misbehave({ path: "invite", times: 2, status });
      const answer = await world.invite(ids, { headers: { accept: "text/html,*/*;q=0.8" } });
      assert.equal(answer.location, FALLBACK.main, answer.text);
      await until(() => world.logged("refuses", String(status), ids.tempId), "a line in the log");
      assert.equal((await world.invite(ids, { headers: { accept: "application/json" } })).status, status);
    }
  });

  for (const [what, retryAfter] of [["seconds", () => 37], ["the form of a date", () => new Date(Date.now() + ahead + 60_000).toUTCString()]]) {
    it(`and asks for time in ${what}: it is left alone as long as it asks`, async () => {
      world.adtarget.misbehave({ path: "init", times: 2, status: 429, retryAfter: retryAfter() });
      await world.init();
      await world.edge.drained();
      only(world.adtarget.visits);
      const { delays, retries } = await world.edge.queue();
      assert.ok(delays.every((delay) => delay >= 37), `the queue's first try waits: ${delays}`);
      assert.ok(retries.every(({ delaySeconds }) => delaySeconds >= 37), `the next too: ${JSON.stringify(retries)}`);
    });
  }

  it("and asks for more time than a queue can wait: nothing is lost", async () => {
    world.adtarget.misbehave({ path: "init", times: 1, status: 429, retryAfter: 7 * 86_400 });
    world.adtarget.misbehave({ path: "invite", times: 1, status: 503, retryAfter: 7 * 86_400 });
    const { tempId } = (await world.init()).json();
    assert.equal((await world.invite({ tempId })).location, FALLBACK.main);
    await world.edge.drained();
    assert.deepEqual([only(world.adtarget.visits).tempId, only(world.adtarget.clicks).tempId], [tempId, tempId]);
  });

  it("and takes visits again: a late _fbp does not overtake its visit in the queue", async () => {
    world.adtarget.misbehave({ path: "init", times: 3, status: 503 });
    const { tempId } = (await world.init()).json();
    await world.init({ tempId, fbp: "fb.1.1700000000000.42" }, { path: "/e/update-fbp" });
    await world.edge.drained();
    assert.equal(only(world.adtarget.fbps).tempId, tempId);
    assert.deepEqual((await world.edge.queue()).delays, [0, 60]);
  });

  it("for long: waits grow, and nothing is lost", async () => {
    world.adtarget.misbehave({ path: "init", times: 10, status: 500 });
    const { tempId } = (await world.init()).json();
    await world.edge.drained();
    assert.equal(only(world.adtarget.visits).tempId, tempId);
    const waits = (await world.edge.queue()).retries.map(({ delaySeconds }) => delaySeconds);
    assert.equal(waits.length, 9);
    assert.ok(waits.every((wait, nth) => wait >= (waits[nth - 1] ?? 1)) && waits.at(-1) > waits[0], `waits: ${waits}`);
  });

  it("once: one visit's trouble does not hold up another's", async () => {
    world.adtarget.misbehave({ path: "init", delay: 2_500 });
    const [slow, quick] = await Promise.all([world.init(), world.init()]);
    assert.equal(slow.status, 200);
    assert.equal(quick.status, 200);
    await world.edge.drained();
    assert.equal(world.adtarget.visits.length, 2);
  });

  it("and the queue too: a click reaches the channel, its ids are in the log", async () => {
    world.adtarget.misbehave({ path: "invite", status: 500 });
    await world.edge.fail({ queue: "fail" });
    const ids = { tempId: randomUUID(), clientSessionId: randomUUID() };
    assert.equal((await world.invite(ids)).location, FALLBACK.main);
    await until(() => world.logged(ids.tempId, ids.clientSessionId), "the click in the log");
  });

  it("and the queue too: a visit is answered, its ids are in the log", async () => {
    world.adtarget.misbehave({ path: "init", status: 500 });
    await world.edge.fail({ queue: "fail" });
    const { tempId } = (await world.init()).json();
    await until(() => world.logged(tempId), "the visit in the log");
  });
});

describe("AdTarget never recovers", () => {
  let world;
  before(async () => (world = await startWorld({ backend: "adtarget", retries: 2 })));
  after(() => world.close());
  afterEach(() => world.reset());

  it("the dead letter still holds the whole visit", async () => {
    world.adtarget.misbehave({ times: 100, status: 500 });
    const { tempId } = (await world.init({ gclid: "Gdead" })).json();
    await until(() => world.edge.deadLetters.length, "a dead letter");
    const letter = JSON.stringify(only(world.edge.deadLetters));
    assert.ok(letter.includes(tempId) && letter.includes("Gdead"));
  });

  it("what it refuses for good is not tried for ever, and is in the log", async () => {
    world.adtarget.misbehave({ path: "invite", times: 1, status: 500 });
    world.adtarget.misbehave({ path: "invite", times: 100, status: 400 });
    const tempId = randomUUID();
    await world.invite({ tempId });
    await world.edge.drained();
    assert.ok(world.adtarget.calls.length <= 3, `${world.adtarget.calls.length} calls`);
    await until(() => world.logged(tempId), "named in the log");
  });

  it("a message that is no record holds up nothing", async () => {
    await world.edge.enqueue("garbage");
    await world.edge.enqueue({ some: "object" });
    await world.edge.enqueue(JSON.stringify({ visit: {} }));
    world.adtarget.misbehave({ path: "init", status: 500 });
    await world.init();
    await until(() => world.adtarget.visits.length === 1, "the visit delivered");
    await until(() => world.edge.deadLetters.length === 3, "the garbage set aside");
  });
});

describe("what the queue has set aside", () => {
  it("is named to the operator, and to nobody else", async () => {
    const { world } = await startApi({ retries: 1, leavesDead: true });
    try {
      const health = async (headers = {}) => (await world.edge.request("/healthz", { headers })).json();
      const operators = () => health({ authorization: `Bearer ${OPERATOR_KEY}` });
      const { status, backlog, cautions } = await operators();
      assert.deepEqual([status, backlog.queue.dead, cautions], ["ok", 0, []]);
      for (const message of ["garbage", JSON.stringify({ visit: {} })]) await world.edge.enqueue(message);
      await until(async () => (await operators()).backlog.queue.dead === 2, "both are set aside");
      const told = await operators();
      assert.equal(told.status, "degraded");
      assert.deepEqual(told.cautions, [{ about: "queue", state: "dead letters", why: "messages that were given up: 2" }]);
      const strangers = await health();
      assert.deepEqual([strangers.status, strangers.backlog, strangers.cautions], ["ok", undefined, undefined]);
    } finally {
      await world.close();
    }
  });
});

describe("what the queue has set aside, with the worker as its consumer", () => {
  let world;
  before(async () => (world = await startWorld({ backend: "adtarget", retries: 2, redrives: true })));
  after(() => world.close());

  it("is delivered once its cause is mended", async () => {
    world.adtarget.misbehave({ path: "init", times: 5, status: 500 });
    const { tempId } = (await world.init()).json();
    await until(() => world.adtarget.visits.length, "the visit at AdTarget");
    assert.equal(only(world.adtarget.visits).tempId, tempId);
    assert.equal(world.adtarget.calls.length, 6, "once for the page, three times for the queue, twice from the dead letters");
  });
});

describe("every visit deferred by a setting", () => {
  let world;
  before(async () => (world = await startWorld({ backend: "adtarget", vars: { DEFER_VISITS: "on" } })));
  after(() => world.close());
  afterEach(() => world.reset());

  it("is answered at once, however slow AdTarget is, and delivered once", async () => {
    world.adtarget.misbehave({ path: "init", delay: 8_000 });
    const answer = await world.init();
    assert.equal(answer.status, 200);
    assert.ok(answer.ms < 6_000, `${answer.ms} ms`);
    await world.edge.drained();
    assert.equal(only(world.adtarget.visits).tempId, answer.json().tempId);
  });

  it("is there before its late _fbp, which AdTarget gives to the latest", async () => {
    const { tempId } = (await world.init()).json();
    const fbp = "fb.1.1700000000000.42";
    const answer = await world.init({ tempId, fbp }, { path: "/e/update-fbp" });
    assert.deepEqual([answer.status, answer.json()], [200, { success: true }]);
    assert.equal(answer.cookies._fbp.value, fbp);
    await world.edge.drained();
    assert.equal(only(world.adtarget.fbps).fbp, fbp);
    assert.deepEqual((await world.edge.queue()).delays, [0, 60]);
  });
});

describe("a batch for the ledger", () => {
  let world;
  before(async () => (world = await startWorld({ backend: "ledger", retries: 3, gathers: 1 })));
  after(() => world.close());
  afterEach(() => world.reset());

  /** Messages of the queue as the edge made them for so many visits. */
  const messages = async (count, visit) => {
    await world.edge.fail({ record: true });
    for (let nth = 0; nth < count; nth++) await world.init(visit);
    await world.edge.drained();
    const { recorded } = await world.edge.queue();
    await world.edge.clear();
    return recorded;
  };

  it("of more than D1 takes at once is written all the same", async () => {
    const ofMuch = { href: `https://www.shop.test/?fbclid=${"a".repeat(7_500)}`, more: "b".repeat(7_500) };
    const sent = await messages(100, ofMuch);
    assert.ok(sent.join("").length > 2_000_000);
    await Promise.all(sent.map(world.edge.enqueue));
    assert.equal((await world.visits()).length, 100);
    assert.ok(!world.logged("took none"), JSON.stringify(world.edge.logs));
  });

  it("with one record that can't be written: that one is set aside, the others are kept", async () => {
    const sent = await messages(40);
    const broken = JSON.parse(sent[0]);
    Object.assign(broken.keep.visit, { visitId: randomUUID(), consent: "perhaps" });
    await Promise.all([...sent, JSON.stringify(broken)].map(world.edge.enqueue));
    assert.equal((await world.visits()).length, 40);
    assert.equal(only(world.edge.deadLetters), JSON.stringify(broken));
  });
});

describe("what is in the queue still when its settings are gone", () => {
  it("is set aside whole, said in the log, and holds up nothing", async () => {
    const [before, after] = await Promise.all([startWorld({ backend: "adtarget" }), startWorld({ backend: "ledger", retries: 2 })]);
    try {
      before.adtarget.misbehave({ path: "init", status: 500 });
      await before.edge.fail({ record: true });
      await before.init({ gclid: "Gleft" });
      await before.edge.drained();
      const call = only((await before.edge.queue()).recorded);
      const message = JSON.stringify({ telegram: { bot: "gone_bot", method: "sendMessage", parameters: {} } });
      for (const left of [call, message, JSON.stringify({ outbox: "atid_gone" })]) await after.edge.enqueue(left);
      const { tempId } = (await after.init()).json();
      assert.equal(only(await after.visits()).tempId, tempId);
      assert.deepEqual([...after.edge.deadLetters].sort(), [call, message].sort());
      await until(() => after.logged("a call to AdTarget is owed, but BACKEND is not adtarget") && after.logged("sendMessage is owed, but its bot gone_bot is in no setting"), "lines in the log");
      assert.deepEqual(after.adtarget.calls, []);
    } finally {
      await Promise.all([before.close(), after.close()]);
    }
  });
});

describe("a batch that comes again while D1 is out of order", () => {
  it("is asked of it once, not record by record", async () => {
    const world = await startWorld({ backend: "ledger", retries: 30, gathers: 0.3 });
    try {
      await world.edge.fail({ d1: "fail" });
      await Promise.all(Array.from({ length: 30 }, () => world.init()));
      const refusals = () => world.edge.logs.filter(({ message }) => /took none of/.test(message)).length;
      await until(() => refusals() >= 4, "it came again");
      await world.edge.fail({ d1: null });
      assert.equal((await world.visits()).length, 30);
      const { d1Refused } = await world.edge.queue();
      // A line of the log comes by a way of its own.
      await until(() => refusals() >= d1Refused, "each refusal is in the log");
      assert.equal(d1Refused, refusals());
    } finally {
      await world.close();
    }
  });
});

forBothBackends("D1 or the queue fails:", (backend) => {
  let world;
  before(async () => (world = await startWorld({ backend, retries: 100 })));
  after(() => world.close());
  afterEach(() => world.reset());

  const outages = { "D1 down": { d1: "fail" }, "the queue down": { queue: "fail" }, "both down": { d1: "fail", queue: "fail" }, "both hanging": { d1: 8_000, queue: 8_000 } };
  for (const [what, outage] of Object.entries(outages)) {
    it(`${what}, a click reaches the channel at once and is not lost`, async () => {
      await world.edge.fail(outage);
      const ids = { tempId: randomUUID(), clientSessionId: randomUUID() };
      const answer = await world.invite(ids);
      assert.equal(answer.status, 302, answer.text);
      assert.match(answer.location, /^https:\/\/t\.me\//);
      assert.ok(answer.ms < 6_000, `the visitor waited ${answer.ms} ms`);
      if (backend === "adtarget") return only(world.adtarget.clicks);
      if (!outage.queue) {
        await world.edge.fail({ d1: null });
        return assert.equal(only(await world.clicks()).tempId, ids.tempId);
      }
      const inLedger = async () => (await world.edge.rows("SELECT * FROM clicks WHERE temp_id = ?", ids.tempId)).length === 1;
      await until(async () => (await inLedger()) || world.logged(ids.tempId, ids.clientSessionId), "the click in the ledger or the log");
    });

    it(`${what}, a visit is answered at once and is not lost`, async () => {
      await world.edge.fail(outage);
      const answer = await world.init();
      assert.equal(answer.status, 200, answer.text);
      assert.ok(answer.ms < 6_000, `the page waited ${answer.ms} ms`);
      const { tempId } = answer.json();
      if (backend === "adtarget") return only(world.adtarget.visits);
      if (!outage.queue) {
        await world.edge.fail({ d1: null });
        return assert.equal(only(await world.visits()).tempId, tempId);
      }
      const inLedger = async () => (await world.edge.rows("SELECT * FROM visits WHERE temp_id = ?", tempId)).length === 1;
      await until(async () => (await inLedger()) || world.logged(tempId), "the visit in the ledger or the log");
    });
  }

  if (backend === "ledger") {
    it("both hanging for good, a click is in the log before Cloudflare ends what goes on after the answer", async () => {
      await world.edge.fail({ d1: 3_600_000, queue: 3_600_000, haste: 50 });
      const tempId = randomUUID();
      assert.equal((await world.invite({ tempId })).status, 302);
      // 30 s, of which a fiftieth passes here.
      await until(() => world.logged("lost", tempId), "the click in the log");
      await world.edge.fail({ d1: null, queue: null, haste: 1 });
    });
  }

  it("a hundred at once are a hundred", async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, nth) => (nth % 2 ? world.init() : world.invite())));
    for (const { status } of answers) assert.ok([200, 302].includes(status));
    assert.equal((await world.visits()).length, 50);
    assert.equal((await world.clicks()).length, 50);
  });
});
