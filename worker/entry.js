// What Cloudflare calls: the wasm-bindgen exports, and a fresh instance where one has panicked. A panic leaves an instance
// in no state that can be trusted, so its requests are answered with 500 at once, and the next one finds a new instance.

import { DurableObject } from "cloudflare:workers";
import {
  __wbg_reset_state, body_limit, fetch as answer, initSync, pool_alarm, pool_hand_out, pool_joined, pool_make, pool_prepare, pool_status, pool_warm,
  queue as consume, scheduled as sweep,
} from "./edgeway.js";
import module from "./edgeway_bg.wasm";
import { awaited, inbound } from "runtime";

function collapse(error) {
  console.error(`panicked, with ${awaited.size} answers awaited: ${error?.stack ?? error}`);
  const lost = [...awaited.values()];
  awaited.clear();
  __wbg_reset_state();
  for (const { reject } of lost) reject(error);
}

// Rust's futures run in microtasks of their own: there a panic comes up, where no caller would see it. A promise's
// reaction is also what workerd runs fastest: its queueMicrotask costs three times as much.
const settled = Promise.resolve();
let task;
const step = () => {
  try {
    task();
  } catch (error) {
    collapse(error);
  }
};
// Rust's executor comes with the same task every time, but for a new instance.
globalThis.queueMicrotask = (given) => {
  task = given;
  settled.then(step);
};

/** What `run` returns, or where that is a ticket, what is settled under it; it fails when the instance panics meanwhile. */
function guarded(run) {
  let result;
  try {
    result = run();
  } catch (error) {
    collapse(error);
    throw error;
  }
  if (typeof result !== "number") return result;
  return new Promise((resolve, reject) => awaited.set(result, { resolve, reject }));
}

function failure() {
  const body = '{"error":{"code":"INTERNAL_ERROR","message":"something failed here"}}';
  return new Response(body, { status: 500, headers: { "content-type": "application/json", "cache-control": "no-store" } });
}

/** A body's bytes; undefined when there are more than `limit`. */
async function read(request, limit) {
  const declared = request.headers.get("content-length");
  if (declared !== null) return declared > limit ? undefined : new Uint8Array(await request.arrayBuffer());
  const chunks = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

initSync({ module });

async function fetch(request, env, context) {
  try {
    const head = inbound(request);
    const limit = request.method === "POST" ? body_limit(env, request.url) : undefined;
    const body = limit === undefined ? undefined : await read(request, limit);
    return await guarded(() => answer(request, head, body, env, context));
  } catch {
    return failure();
  }
}

/** A channel's invite links, made ahead. Every method has the channel's key and an argument, and answers with a text. */
export class InvitePool extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    told(guarded(() => pool_prepare(ctx.storage)));
  }
  handOut(channel, event) {
    return told(guarded(() => pool_hand_out(this.ctx.storage, this.env, channel, event)));
  }
  async make(channel, event) {
    return told(await guarded(() => pool_make(this.ctx.storage, this.env, channel, event)));
  }
  joined(_, name) {
    return told(guarded(() => pool_joined(this.ctx.storage, name)));
  }
  warm(channel) {
    return told(guarded(() => pool_warm(this.ctx.storage, this.env, channel)));
  }
  status() {
    return told(guarded(() => pool_status(this.ctx.storage)));
  }
  async alarm() {
    // Thrown, the platform rings again later.
    told(await guarded(() => pool_alarm(this.ctx.storage, this.env)));
  }
}

function told(answer) {
  if (answer === undefined) throw new Error("it failed; the log says why");
  return answer;
}

export default {
  fetch,
  queue: (batch, env) => guarded(() => consume(batch, env)),
  scheduled: (event, env) => guarded(() => sweep(env)),
};
