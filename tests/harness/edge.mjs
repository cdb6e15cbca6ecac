// The built worker in workerd, started by this process, with the bindings of wrangler.toml, D1 migrated and queues that do not dawdle.
import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from "wrangler";
import { request } from "./http.mjs";
import { until } from "./wait.mjs";

// Wrangler's own miniflare: always the version that goes with it.
const { Miniflare, convertV4MiniflareOptions, Log, LogLevel } = createRequire(import.meta.resolve("wrangler"))("miniflare");

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The demo's settings. Those that somebody has in wrangler.toml, .dev.vars or .env stay out: they differ, and lead to real services. */
const DEMO = {
  BACKEND: "ledger", ADTARGET_WEBSITE_ID: "atid_demo", SITE_DOMAINS: "localhost,127.0.0.1", CHANNEL_SLUG: "demo", CHANNEL_LINKS: "edgeway_demo", TELEGRAM_INVITE: "https://t.me/edgeway_demo",
};

const WORKER_MODULES = { ".js": "ESModule", ".mjs": "ESModule", ".wasm": "CompiledWasm" };

async function modules(folder) {
  const own = (file, name) => readFile(new URL(file, import.meta.url), "utf8").then((contents) => ({ type: "ESModule", path: name, contents }));
  const found = [await own("instrument.js", "instrument.js"), await own("numbers.mjs", "numbers.js")];
  for (const file of await readdir(folder)) {
    const type = WORKER_MODULES[path.extname(file)];
    if (type) found.push({ type, path: `worker/${file}`, contents: await readFile(path.join(folder, file)) });
  }
  return found;
}

/**
 * Starts one edge. `vars` are settings over the demo's, `bare` leaves the demo's out; `limits` are rate limits by binding
 * (calls a minute; without bound unless given); `databases` are bindings of further D1 databases; `retries` how often the queue tries again; `gathers` how long (s) it gathers a batch; `origin` the public origin under which
 * `edge.request("/path")` calls it; `persist` a folder that outlives the edge: one started later on it finds its data and its alarms; `leavesDead`: dead letters stay in their
 * queue, instead of going to `edge.deadLetters`; `redrives`: the worker itself takes them once more.
 */
export async function startEdge({ vars = {}, bare = false, limits = {}, retries = 15, gathers = 0.05, origin = "https://edge.shop.test", databases = [], root = ROOT, persist, leavesDead = false, redrives = false } = {}) {
  const { workerOptions: configured } = unstable_getMiniflareWorkerOptions(path.join(root, "wrangler.toml"), undefined, { envFiles: [".env.none"] });
  const [d1] = Object.keys(configured.d1Databases);
  const d1Databases = { ...configured.d1Databases, ...Object.fromEntries(databases.map((binding) => [binding, binding])) };
  const [deadQueue] = Object.values(configured.queueConsumers).map((consumer) => consumer.deadLetterQueue).filter(Boolean);
  const edge = { origin, logs: [], deadLetters: [] };
  let [buried, fromOutside] = [0, 0];
  const bury = (letters) => {
    buried += letters.length;
    edge.deadLetters.push(...letters);
  };

  const queueConsumers = Object.fromEntries(
    Object.entries(configured.queueConsumers).map(([name, consumer]) => [
      name,
      { ...consumer, maxBatchTimeout: gathers, retryDelay: 0, maxRetries: retries },
    ]),
  );
  if (redrives) queueConsumers[deadQueue] = { maxBatchTimeout: gathers, maxRetries: retries };
  const ratelimits = Object.fromEntries(
    Object.entries(configured.ratelimits ?? {}).map(([name, each]) => [name, { ...each, simple: { limit: limits[name] ?? 1_000_000, period: 60 } }]),
  );
  const workers = [
    {
      ...configured,
      name: "edge",
      // For the account of an invocation's calls.
      compatibilityFlags: [...(configured.compatibilityFlags ?? []), "nodejs_als"],
      bindings: { ...(bare ? {} : DEMO), ...vars },
      modulesRoot: "/",
      modules: await modules(path.join(root, "dist/worker")),
      d1Databases,
      queueConsumers,
      ratelimits,
      serviceBindings: { ...configured.serviceBindings, SELF: "edge" },
    },
  ];
  if (deadQueue && !queueConsumers[deadQueue]) workers.push(deadLetterReader(deadQueue, bury, leavesDead ? 60 : 0.05));

  const before = await children();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers,
      ...(persist && { resourcePersistencePath: persist }),
      cf: false,
      log: new Log(LogLevel.WARN),
      telemetry: { enabled: false },
      handleStructuredLogs: ({ level, message }) => edge.logs.push({ level, message }),
    }),
  );
  edge.url = (await miniflare.ready).origin;
  [edge.pid] = (await children()).filter((pid) => !before.includes(pid));
  edge.d1 = await miniflare.getD1Database(d1, "edge");
  for (const binding of Object.keys(d1Databases)) await migrate(await miniflare.getD1Database(binding, "edge"), path.join(root, "migrations"));

  /** One request from outside: a path under `origin` or a whole URL; `ip` is what the platform says the client's address is. */
  edge.request = (where, { ip, headers, ...rest } = {}) =>
    request(new URL(where, origin).href, { at: edge.url, headers: ip ? { "cf-connecting-ip": ip, ...headers } : headers, ...rest });
  /**
   * Makes bindings fail: `{d1, queue, invites}`, each `"fail"`, a number of milliseconds to hang before failing, or null. `d1Answer`: D1 does
   * what SQL with the words `of` asks, but its answer is lost, or comes `never`; null ends it. `d1Chance`: `{seed, before, after}`, each of both
   * `{share, of}`: that share of what has the words `of` fails before it is done, or its answer gets lost. `haste`: the worker's waits for
   * answers are shorter by that factor. `objectEnds`: so many calls of Durable Objects fail as where a new version ends one; `objectOverloaded`: because
   * it has too much to do. `forgetsLater`: what the queue is to hand out later never comes. `record`: the queue's account has what was sent.
   */
  edge.fail = (faults) => edge.request("/__instrument", { method: "POST", body: faults });
  /** Ends what was made to fail; `haste` and the clock stay as they are. */
  edge.calm = () => edge.fail({ d1: null, d1Answer: null, d1Chance: null, queue: null, invites: null, objectEnds: 0, objectOverloaded: false, forgetsLater: false });
  /**
   * The queue's account: `{sent, settled, delays, retries: [{attempts, delaySeconds}], recorded, rowsWritten, rowsRead, d1Ms, d1Refused}`, delays being those asked
   * for; D1's rows, how long it took by its own account, and how often it was asked while it failed; `wasmBytes`, the memory of the worker's modules.
   */
  edge.queue = async () => (await edge.request("/__instrument")).json();
  /** Puts a message into the queue from outside. */
  edge.enqueue = async (body) => {
    fromOutside += 1;
    await (await miniflare.getQueueProducer(Object.keys(configured.queueProducers)[0], "edge")).send(body);
  };
  /** Resolves when every message sent has been handled for good. */
  edge.drained = () => until(async () => ((seen) => seen.sent + fromOutside <= seen.settled + buried)(await edge.queue()), "the queue drained");
  edge.rows = async (sql, ...values) => (await edge.d1.prepare(sql).bind(...values).all()).results;
  /** The rows of another database. */
  edge.rowsOf = async (binding, sql) => (await (await miniflare.getD1Database(binding, "edge")).prepare(sql).all()).results;
  /** Strikes the clock of the cron trigger. */
  edge.strike = async () => (await miniflare.getWorker("edge")).scheduled({ cron: "*/5 * * * *" });
  /** Empties every table. */
  edge.clear = async () => {
    const tables = await edge.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'");
    if (tables.length) await edge.d1.batch(tables.map(({ name }) => edge.d1.prepare(`DELETE FROM "${name}"`)));
  };
  /** Puts the edge's clock ahead; what sleeps until then wakes. `quietly`: between two invocations of the queue and the clock, not while one runs. */
  edge.advance = (ms, { quietly } = {}) => edge.fail({ advance: ms, quietly });
  /** Asks `times` at once as another Worker would, and hangs up once the edge has asked somebody for each. */
  edge.hangUp = (url, { headers, times }) => edge.fail({ hangUp: { url, headers, times } });
  /** Has the clock jump over every sleep of an object that is no longer than `ms`. */
  edge.hurry = (ms) => edge.fail({ hurry: ms });
  /** Calls a method of a channel's pool, as the worker does; the answer's text. */
  edge.askPool = async (channel, method, argument) => (await edge.fail({ ask: [channel, method, argument] })).text;
  edge.close = () => miniflare.dispose();
  /** Ends it as a power cut does. */
  edge.kill = () => {
    process.kill(edge.pid, "SIGKILL");
    return miniflare.dispose();
  };
  return edge;
}

/** The processes that this one has started. */
async function children() {
  const tasks = await readdir("/proc/self/task").catch(() => null);
  if (tasks) {
    // A thread may have ended meanwhile.
    const lists = await Promise.all(tasks.map((task) => readFile(`/proc/self/task/${task}/children`, "utf8").catch(() => "")));
    return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
  }
  // macOS has no /proc.
  const listing = promisify(execFile)("ps", ["-axo", "pid=,ppid="]);
  const pairs = (await listing).stdout.trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.filter(([pid, parent]) => parent === process.pid && pid !== listing.child.pid).map(([pid]) => pid);
}

async function migrate(database, folder) {
  // On a folder that was used before, the tables stand.
  if (await database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'visits'").first()) return;
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort()) {
    const statements = unstable_splitSqlQuery(await readFile(path.join(folder, file), "utf8"));
    if (statements.length) await database.batch(statements.map((sql) => database.prepare(sql)));
  }
}

function deadLetterReader(queue, bury, maxBatchTimeout) {
  return {
    name: "dead-letter-reader",
    modules: true,
    compatibilityDate: "2026-04-01",
    script: `export default { async queue(batch, env) {
      await env.KEEP.fetch("http://keep/", { method: "POST", body: JSON.stringify(batch.messages.map((message) => message.body)) });
    } }`,
    queueConsumers: { [queue]: { maxBatchTimeout } },
    serviceBindings: {
      async KEEP(message) {
        bury(await message.json());
        return new Response();
      },
    },
  };
}
