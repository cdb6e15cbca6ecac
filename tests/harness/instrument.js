// Runs inside workerd around the built worker: the bindings stay the real ones, but D1, the queue and the invite pools can be made to
// fail, the queue's delays shrink to nothing (and are noted), the clock can be put ahead (alarms with it), and `/__instrument` tells how
// many messages are still under way.
import { AsyncLocalStorage } from "node:async_hooks";
import * as built from "./worker/index.js";
import { numbers } from "./numbers.js";

const faults = { d1: null, d1Answer: null, d1Chance: null, queue: null, invites: null, haste: 1, forgetsLater: false };
const queue = { sent: 0, settled: 0, delays: [], locations: [], retries: [], recorded: [], rowsWritten: 0, rowsRead: 0, d1Ms: 0, d1Refused: 0 };

/** A stand-in for `target` that behaves the same but for the methods in `changed`; functions run on the real object. */
const around = (target, changed) =>
  new Proxy(target, {
    get: (_, name) => {
      if (Object.hasOwn(changed, name)) return changed[name];
      const value = target[name];
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });

/** What a fault does in place of the call: `"fail"` refuses at once, a number refuses after so many milliseconds. */
async function strike(fault, message) {
  if (typeof fault === "number") await new Promise((resolve) => setTimeout(resolve, fault));
  throw new Error(message);
}
const guarded = (which, message, call) => (...args) => (faults[which] ? strike(faults[which], message) : call(...args));

/** Where time is short, waits are shorter by that factor. */
const later = setTimeout;
globalThis.setTimeout = (run, ms, ...words) => later(run, ms / faults.haste, ...words);

const D1_DOWN = "D1_ERROR: Network connection lost.";
/** Cloudflare's D1 takes no longer text, in bytes; the one at hand does. */
const D1_LONGEST = 2_000_000;
let chance;
/** Whether chance has D1 fail, before it does what SQL asks or with its answer lost. */
const fails = (when, sql) => {
  const { share = 0, of = "" } = faults.d1Chance?.[when] ?? {};
  return share > 0 && sql.includes(of) && chance() < share;
};
/**
 * Cloudflare's limit of calls that an invocation makes, D1's queries among them: 1,000 till 2026, and of D1's still by its documentation. Here it holds
 * for those of the queue and the clock.
 */
const MOST_CALLS = 1_000;
const invocation = new AsyncLocalStorage();
function count(calls) {
  const its = invocation.getStore();
  if (its && (its.calls += calls) > MOST_CALLS) throw new Error("Too many subrequests by single Worker invocation.");
}
const call = fetch;
/** How many calls were made. */
let made = 0;
globalThis.fetch = async (...request) => {
  count(1);
  made += 1;
  return call(...request);
};
const real = Symbol("the statement itself");
const text = Symbol("its SQL");
const longest = Symbol("the bytes of its longest value");
/** An answer of D1 to SQL that has the words of the fault: what was asked is done, but nobody hears of it. */
async function answered(sql, answer) {
  const told = await answer;
  if (faults.d1Answer === null || !sql.includes(faults.d1Answer.of)) return told;
  return faults.d1Answer.never ? new Promise((resolve) => setTimeout(resolve, 3_600_000)) : strike("fail", D1_DOWN);
}
const statement = (target, sql, values = []) => {
  const sizes = values.map((value) => (typeof value === "string" ? new TextEncoder().encode(value).length : 0));
  const changed = { [real]: target, [text]: sql, [longest]: Math.max(0, ...sizes), bind: (...bound) => statement(target.bind(...bound), sql, bound) };
  for (const name of ["run", "all", "first", "raw"]) changed[name] = guarded("d1", D1_DOWN, (...args) => answered(sql, target[name](...args)));
  return around(target, changed);
};
const refusing = (batch) => (statements) => {
  if (faults.d1) queue.d1Refused += 1;
  return batch(statements);
};
const database = (target) =>
  around(target, {
    prepare: (sql) => statement(target.prepare(sql), sql),
    batch: refusing(guarded("d1", D1_DOWN, async (statements) => {
      count(statements.length);
      const sql = statements.map((each) => each[text]).join("\n");
      if (fails("before", sql)) return strike("fail", D1_DOWN);
      if (statements.some((each) => each[longest] > D1_LONGEST)) return strike("fail", "D1_ERROR: string or blob too big: SQLITE_TOOBIG");
      const results = await target.batch(statements.map((each) => each[real] ?? each));
      // As Cloudflare bills them: rows, and entries of indexes.
      for (const { meta } of results) {
        queue.rowsWritten += meta?.rows_written ?? 0;
        queue.rowsRead += meta?.rows_read ?? 0;
        queue.d1Ms += meta?.duration ?? 0;
      }
      return fails("after", sql) ? strike("fail", D1_DOWN) : answered(sql, results);
    })),
    exec: guarded("d1", D1_DOWN, (sql) => target.exec(sql)),
  });
/** The longest that Cloudflare's queue holds a message back, in s. */
const LONGEST_DELAY = 86_400;
const producer = (target) =>
  around(target, {
    send: guarded("queue", "Queue send failed: internal error", async (body, { delaySeconds = 0, ...options } = {}) => {
      if (delaySeconds > LONGEST_DELAY) return strike("fail", "Queue send failed: invalid delay");
      queue.delays.push(delaySeconds);
      if (delaySeconds && faults.forgetsLater) return;
      queue.sent += 1;
      if (faults.record) queue.recorded.push(body);
      return target.send(body, options);
    }),
    sendBatch: guarded("queue", "Queue sendBatch failed: internal error", async (messages) => {
      const list = [...messages].map(({ delaySeconds = 0, ...message }) => {
        queue.delays.push(delaySeconds);
        if (faults.record) queue.recorded.push(message.body);
        return message;
      });
      queue.sent += list.length;
      return target.sendBatch(list);
    }),
  });

/** A Durable Object that a new version of the worker ends amid a call is said to be worth another, unless it has too much to do. */
const objects = (target) =>
  around(target, {
    get: (id, { locationHint } = {}) => {
      queue.locations.push(locationHint ?? null);
      if (!faults.objectEnds) return target.get(id);
      faults.objectEnds -= 1;
      const why = new Error("Durable Object reset because its code was updated.");
      const end = () => Promise.reject(Object.assign(why, { retryable: true, overloaded: Boolean(faults.objectOverloaded) }));
      return new Proxy({}, { get: () => end });
    },
  });

let wrapped;
function wrap(env) {
  if (wrapped) return wrapped;
  wrapped = { ...env };
  for (const [name, binding] of Object.entries(env)) {
    if (typeof binding?.prepare === "function") wrapped[name] = database(binding);
    else if (typeof binding?.sendBatch === "function") wrapped[name] = producer(binding);
    else if (typeof binding?.idFromName === "function") wrapped[name] = objects(binding);
  }
  return wrapped;
}

/**
 * Throws once out of a call that Rust takes to be safe, so that the exception passes through the instance as a panic's trap
 * does: `"at once"` as a request begins, `"later"` after an await, where a warning is logged, `"in the queue"` as a message is read,
 * `"in the pool"` as one is called, `"in the alarm"` as one wakes, `"in the keeper"` as it is asked for a token.
 */
function arm(panic) {
  const [object, name] = { "at once": [Date, "now"], later: [console, "warn"] }[panic] ?? [];
  if (panic === "in the pool") return (faults.panicInPool = true);
  if (panic === "in the alarm") return (faults.panicInAlarm = true);
  if (panic === "in the keeper") return (faults.panicInKeeper = true);
  if (!object) return (faults.message = panic === "in the queue");
  const real = object[name];
  object[name] = () => {
    object[name] = real;
    throw new Error("as a panic");
  };
}

// ---- the clock, and the objects that wake by it ------------------------------------------------------------------------------
let ahead = 0;
const clock = Date.now;
/** The clock jumps over sleeps up to so many ms. */
let hurry = 0;
Date.now = () => clock() + ahead;
/** The names of the pools that were called since the start. */
const pools = new Set();

export class InvitePool extends built.InvitePool {
  constructor(ctx, env) {
    super(ctx, env);
    const storage = around(ctx.storage, {
      setAlarm: (at) => {
        const wait = at - clock() - ahead;
        if (wait > 0 && wait <= hurry) ahead += wait;
        return ctx.storage.setAlarm(at - ahead);
      },
      getAlarm: async () => ((at) => (at === null ? null : at + ahead))(await ctx.storage.getAlarm()),
    });
    this.ctx = around(ctx, { storage });
    this.env = wrap(env);
    this.moveAlarm = async (ms) => {
      const at = await ctx.storage.getAlarm();
      if (at !== null) await ctx.storage.setAlarm(at - ms);
    };
  }
  advanced(ms) {
    return this.moveAlarm(ms);
  }
  /** Runs SQL in its own database: the rows as JSON. */
  query(_, sql) {
    return JSON.stringify([...this.ctx.storage.sql.exec(sql)]);
  }
  alarm(info) {
    if (faults.panicInAlarm) {
      faults.panicInAlarm = false;
      arm("at once");
    }
    return super.alarm(info);
  }
}
for (const name of ["handOut", "make", "joined", "warm", "status"]) {
  InvitePool.prototype[name] = function (channel, argument) {
    pools.add(channel);
    if (faults.invites) return strike(faults.invites, "Internal error in Durable Object storage caused object to be reset.");
    if (faults.panicInPool) {
      faults.panicInPool = false;
      arm("at once");
    }
    return built.InvitePool.prototype[name].call(this, channel, argument);
  };
}

export class TokenKeeper extends built.TokenKeeper {
  token(kind, refused) {
    if (faults.panicInKeeper) {
      faults.panicInKeeper = false;
      arm("at once");
    }
    return super.token(kind, refused);
  }
}

/** How many invocations of the queue and the clock run. */
let running = 0;
const counted = async (begin) => {
  running += 1;
  await invocation.run({ calls: 0 }, begin).finally(() => (running -= 1));
};

/** The memory of the worker's WebAssembly modules. */
const memories = [];
const { Instance } = WebAssembly;
WebAssembly.Instance = function (...words) {
  const instance = new Instance(...words);
  memories.push(instance.exports.memory);
  return instance;
};

/** Asks the worker as another Worker does, and hangs up once it has made a call for each: the platform ends what was under way. */
async function hangUp({ url, headers, times }, { SELF }) {
  const end = made + times;
  const lines = Array.from({ length: times }, () => new AbortController());
  const answers = lines.map(({ signal }) => SELF.fetch(url, { headers, signal }).catch(() => {}));
  while (made < end) await new Promise((resolve) => later(resolve, 1));
  lines.forEach((line) => line.abort());
  await Promise.all(answers);
}

async function advance(ms, { INVITES }, quietly) {
  while (quietly && running) await new Promise((resolve) => later(resolve, 1));
  ahead += ms;
  await Promise.all([...pools].map((name) => INVITES.get(INVITES.idFromName(name)).advanced(ms)));
}

const worker = built.default;
export * from "./worker/index.js";
export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== "/__instrument") return worker.fetch(request, wrap(env), ctx);
    const { forget, panic, advance: ms, quietly, hurry: waits, ask, hangUp: calls, ...struck } = request.method === "POST" ? await request.json() : {};
    Object.assign(faults, struck);
    if (struck.d1Chance) chance = numbers(struck.d1Chance.seed);
    hurry = waits ?? hurry;
    if (ask) return new Response(await env.INVITES.get(env.INVITES.idFromName(ask[0]))[ask[1]](ask[0], ask[2]));
    if (panic) arm(panic);
    if (calls) await hangUp(calls, env);
    if (ms) await advance(ms, env, quietly);
    if (forget) Object.assign(queue, { delays: [], locations: [], retries: [], recorded: [], rowsWritten: 0, rowsRead: 0, d1Ms: 0, d1Refused: 0 });
    return Response.json({ ...queue, wasmBytes: memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0) });
  },

  async queue(batch, env, ctx) {
    const retried = new Set();
    const retry = (message) => (options) => {
      retried.add(message);
      queue.retries.push({ attempts: message.attempts, delaySeconds: options?.delaySeconds ?? 0 });
      message.retry();
    };
    const messages = batch.messages.map((message) => around(message, { retry: retry(message) }));
    if (faults.message) messages[0] = { get body() { faults.message = false; throw new Error("as a panic"); } };
    const retryAll = (options) => batch.messages.forEach((message) => retry(message)(options));
    await counted(() => worker.queue(around(batch, { messages, retryAll }), wrap(env), ctx));
    queue.settled += batch.messages.length - retried.size;
  },

  scheduled: worker.scheduled && ((event, env, ctx) => counted(() => worker.scheduled(event, wrap(env), ctx))),
};
