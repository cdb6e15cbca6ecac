// What Cloudflare calls: the doors of the two WebAssembly modules. Every request comes to the visitors' module first; what is not its
// own, by `routes.rs`, goes to the back office.

import { DurableObject } from "cloudflare:workers";
import { open } from "./instance.js";
import * as backofficeDoors from "backoffice";
import * as backofficeRuntime from "backoffice/runtime";
import backofficeModule from "./backoffice.wasm";
import * as visitorsDoors from "visitors";
import * as visitorsRuntime from "visitors/runtime";
import visitorsModule from "./visitors.wasm";

const visitors = open(visitorsDoors, visitorsModule, visitorsRuntime);
const backoffice = open(backofficeDoors, backofficeModule, backofficeRuntime);

visitorsRuntime.doors.link = (...words) => visitors.ask(visitorsDoors.link, ...words);
// The queue's and the clock's; of a visitor's request, all ends with it.
backofficeRuntime.invocation.makesManyCalls = true;
for (const { doors } of [visitorsRuntime, backofficeRuntime]) {
  doors.rescue = (...words) => backoffice.call(backofficeDoors.rescue, ...words);
}

function failure() {
  const body = '{"error":{"code":"INTERNAL_ERROR","message":"something failed here"}}';
  return new Response(body, { status: 500, headers: { "content-type": "application/json", "cache-control": "no-store" } });
}

/** A body's bytes; undefined when there are more than `limit`. */
async function read(request, limit) {
  const declared = request.headers.get("content-length");
  if (declared === null) return visitorsRuntime.readBytes(request.body, limit);
  return declared > limit ? undefined : new Uint8Array(await request.arrayBuffer());
}

const WITH_BODY = new Set(["POST", "PUT", "PATCH"]);
let lastAsked = {};

/** What a body to `url` may hold, in bytes; undefined: it streams through. Nearly all come to one address, so the last answer is kept. */
function bodyLimit(env, url) {
  if (lastAsked.url !== url) lastAsked = { url, limit: visitors.ask(visitorsDoors.body_limit, env, url) };
  return lastAsked.limit;
}

async function fetch(request, env, context) {
  try {
    const head = visitorsRuntime.inbound(request);
    const limit = WITH_BODY.has(request.method) ? bodyLimit(env, request.url) : undefined;
    const body = limit === undefined ? undefined : await read(request, limit);
    const answer = await visitors.call(visitorsDoors.fetch, request, head, body, env, context);
    return answer ?? (await backoffice.call(backofficeDoors.fetch, request, head, body, env, context));
  } catch {
    return failure();
  }
}

/** A channel's invite links, made ahead. Every method has the channel's key and an argument, and answers with a text. */
export class InvitePool extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    told(backoffice.ask(backofficeDoors.pool_prepare, ctx.storage));
  }
  handOut(channel, event) {
    return told(backoffice.ask(backofficeDoors.pool_hand_out, this.ctx.storage, this.env, channel, event));
  }
  async make(channel, event) {
    return told(await backoffice.call(backofficeDoors.pool_make, this.ctx.storage, this.env, channel, event));
  }
  joined(_, name) {
    return told(backoffice.ask(backofficeDoors.pool_joined, this.ctx.storage, name));
  }
  close() {
    return told(backoffice.ask(backofficeDoors.pool_close, this.ctx.storage));
  }
  reopen(channel) {
    return told(backoffice.ask(backofficeDoors.pool_reopen, this.ctx.storage, this.env, channel));
  }
  warm(channel) {
    return told(backoffice.ask(backofficeDoors.pool_warm, this.ctx.storage, this.env, channel));
  }
  status() {
    return told(backoffice.ask(backofficeDoors.pool_status, this.ctx.storage));
  }
  async alarm() {
    // Thrown, the platform rings again later.
    told(await backoffice.call(backofficeDoors.pool_alarm, this.ctx.storage, this.env));
  }
}

/** A token that a service gives, such as AdStat's: kept, fetched once at a time. Every method has the kind of token and answers with a text. */
export class TokenKeeper extends DurableObject {
  async token(kind, refused) {
    // Who asks meanwhile waits for what comes of the first. A failure must not leave the callback: it would end the object.
    const ask = async () => backoffice.call(backofficeDoors.token_ask, this.ctx.storage, this.env, kind, refused);
    return told(await this.ctx.blockConcurrencyWhile(() => ask().catch(() => undefined)));
  }
  status(kind) {
    return told(backoffice.ask(backofficeDoors.token_status, this.ctx.storage, this.env, kind));
  }
}

function told(answer) {
  if (answer === undefined) throw new Error("it failed; the log says why");
  return answer;
}

export default {
  fetch,
  // Promises, also where nothing had to be waited for: the platform takes a batch for failed whose handler gives none.
  queue: async (batch, env) => backoffice.call(backofficeDoors.queue, batch, env),
  scheduled: async (event, env) => backoffice.call(backofficeDoors.scheduled, env),
};
