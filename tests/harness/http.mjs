// Plain HTTP for the tests: exact bytes out, exact bytes in, no redirect followed, no header added.
import http from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { sleep } from "./wait.mjs";

const DECODE = { gzip: gunzipSync, br: brotliDecompressSync };

/** Listens on loopback and resolves to the base URL. */
export function listen(server, port = 0) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve(`http://127.0.0.1:${server.address().port}`);
    });
  });
}

/** Closes a server with every connection it still holds. */
export function shut(server) {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections?.();
  // A connection that CONNECT took over may count for ever, though it is gone.
  return Promise.race([closed, sleep(1_000)]);
}

/** Puts a stand-in on loopback: `state` gets its `url` and `close`; where `serve` itself fails, `violations` says so. */
export async function standIn(state, serve, port) {
  const server = http.createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch((error) => {
      state.violations.push(`the stand-in itself: ${error.stack}`);
      outgoing.destroy();
    });
  });
  state.url = await listen(server, port);
  state.close = () => shut(server);
  return state;
}

/** The whole body of an incoming message, as text. */
export async function readBody(message) {
  const chunks = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * One request. `at` is the loopback address that is really called when `url` names another host: the worker then sees
 * `url`, scheme and all, as it would in front of a real zone.
 * The answer is `{status, headers, cookies, location, bytes, text, json(), ms}`, its body decoded; `cookies` maps a Set-Cookie's name to its attributes.
 */
export function request(url, { at = url, method = "GET", headers = {}, body, timeout = 15_000 } = {}) {
  const target = new URL(at);
  const sent = { host: new URL(url).host, ...headers };
  if (at !== url) sent["MF-Original-URL"] = url;
  const payload = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const { pathname, search } = new URL(url);
    const call = http.request(
      { host: target.hostname, port: target.port, path: pathname + search, method, headers: sent, agent: false },
      (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          const raw = Buffer.concat(chunks);
          const bytes = raw.length ? (DECODE[answer.headers["content-encoding"]]?.(raw) ?? raw) : raw;
          const text = bytes.toString("utf8");
          resolve({
            status: answer.statusCode,
            headers: answer.headers,
            cookies: parseSetCookies(answer.headers["set-cookie"] ?? []),
            location: answer.headers.location,
            text,
            bytes,
            json: () => JSON.parse(text),
            ms: performance.now() - started,
          });
        });
      },
    );
    call.setTimeout(timeout, () => call.destroy(new Error(`no answer in ${timeout} ms: ${method} ${url}`)));
    call.on("error", reject);
    call.end(payload);
  });
}

/** Set-Cookie lines as `{name: {value, attribute: value | true, …}}`, attribute names in lower case. */
export function parseSetCookies(lines) {
  const cookies = {};
  for (const line of lines) {
    const [pair, ...attributes] = line.split(";").map((part) => part.trim());
    const cut = pair.indexOf("=");
    const cookie = { value: pair.slice(cut + 1) };
    for (const attribute of attributes) {
      const [name, value = true] = attribute.split(/=(.*)/s);
      cookie[name.toLowerCase()] = value;
    }
    cookies[pair.slice(0, cut)] = cookie;
  }
  return cookies;
}
