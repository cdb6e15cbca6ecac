// The advertiser's web server: landing pages from fixtures/, with the policies, delays and scripts that pages out there have.
import { createHash } from "node:crypto";
import http from "node:http";
import { gzipSync } from "node:zlib";
import { readFile } from "node:fs/promises";
import { listen, readBody, shut } from "../harness/http.mjs";
import { sleep } from "../harness/wait.mjs";

const FIXTURES = new URL("../fixtures/", import.meta.url);
/** The nonce of pages asked for with `?csp=nonce`. */
export const NONCE = "c2l4dGVlbi1ieXRlcyE";

/** Content-Security-Policies by the name a page's query asks for: `?csp=self`. `edge` is where the tag's script comes from. */
const POLICIES = {
  self: (edge) => `default-src 'self'; script-src 'self' ${edge}; connect-src 'self' ${edge}`,
  wasm: (edge) => `script-src 'self' ${edge} 'wasm-unsafe-eval'`,
  nonce: () => `script-src 'nonce-${NONCE}' 'strict-dynamic'; object-src 'none'; base-uri 'none'`,
  types: (edge) => `script-src 'self' ${edge}; require-trusted-types-for 'script'; trusted-types 'none'`,
  // Nothing but the tag's own file: neither wasm nor import(). (A nonce would go on to what its script imports.)
  bare: (edge) => `script-src ${edge}/t.js`,
  none: () => "script-src 'none'",
};

const ZIPPED = '<!doctype html><meta charset="utf-8"><title>é</title><a id="join" href="https://t.me/shopchannel">Join</a>';

/** A WebSocket that says what it hears, as far as short texts go (RFC 6455). */
function echo({ headers }, socket) {
  const accept = createHash("sha1").update(`${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.on("error", () => {}).on("data", ([, length, ...rest]) => {
    const mask = rest.splice(0, 4);
    socket.write(Buffer.from([0x81, length & 127, ...rest.slice(0, length & 127).map((byte, at) => byte ^ mask[at % 4])]));
  });
}

/**
 * Starts the site. `tag` is what a page's `{{tag}}` becomes (none: the page has no tag of its own). A page is asked for as
 * `/<fixture>.html?csp=<policy>`; `/` is plain.html. `pages` are further answers by their path, until the next reset: `{status, headers, body}`, HTML
 * with status 200 unless it says otherwise; `chunks` instead of a body come one by one. `requests` holds what arrived.
 */
export async function startSite({ edge = "" } = {}) {
  const site = { url: "", tag: "", edge, requests: [], pages: {} };

  async function page(name, query) {
    const text = await readFile(new URL(`${name}.html`, FIXTURES), "utf8").catch(() => null);
    if (text === null) return null;
    const html = text.replaceAll("{{tag}}", query.has("notag") ? "" : site.tag);
    return query.get("csp") === "nonce" ? html.replaceAll("<script", `<script nonce="${NONCE}"`) : html;
  }

  async function large(outgoing) {
    outgoing.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    outgoing.write(`<!doctype html><title>Large</title><a id="first" href="https://t.me/shopchannel">first</a>\n`);
    for (let part = 0; part < 16; part++) {
      await sleep(120);
      // Cut inside a tag: a rewriter that works chunk by chunk must not mind.
      outgoing.write(`${`<p>${"é".repeat(60)}</p>\n`.repeat(512)}<a class="more" hre`);
      outgoing.write(`f="https://t.me/shopchannel?start=p${part}">more</a>\n`);
    }
    outgoing.end(`<a id="last" href="https://t.me/shopchannel">last</a>`);
  }

  async function serve(incoming, outgoing) {
    const { pathname, searchParams } = new URL(incoming.url, "http://site.test");
    const body = await readBody(incoming);
    const speculative = /prefetch|prerender/.test(incoming.headers["sec-purpose"] ?? "");
    site.requests.push({ method: incoming.method, path: incoming.url, headers: incoming.headers, body, speculative });
    const reply = (status, type, text, headers = {}) => outgoing.writeHead(status, { "content-type": type, ...headers }).end(text);

    const given = site.pages[pathname];
    // 304 to whoever has it already, as a file server has it.
    if (given?.headers?.etag && incoming.headers["if-none-match"] === given.headers.etag) return outgoing.writeHead(304, given.headers).end();
    if (given?.chunks) {
      outgoing.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      for (const chunk of given.chunks) await new Promise((sent) => outgoing.write(chunk, () => setImmediate(sent)));
      return outgoing.end();
    }
    if (given) return reply(given.status ?? 200, "text/html; charset=utf-8", given.body, given.headers);
    if (pathname === "/large") return large(outgoing);
    if (pathname === "/script.js") return reply(200, "text/javascript", `document.title = "scripted"; // https://t.me/shopchannel`);
    if (pathname === "/data.json") return reply(200, "application/json", `{"link":"https://t.me/shopchannel"}`);
    if (pathname === "/moved") return reply(302, "text/html", "", { location: "/plain.html?moved=1" });
    if (pathname === "/login") return reply(200, "text/html", "<p>in</p>", { "set-cookie": ["sid=secret; HttpOnly; Path=/", "theme=dark; Path=/"] });
    if (pathname === "/form") return reply(200, "text/plain", `${incoming.method} ${body}`);
    if (pathname === "/broken") return outgoing.destroy();
    if (pathname === "/error") return reply(500, "text/html", "<h1>the shop is ill</h1>");
    if (pathname === "/gzip") return outgoing.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-encoding": "gzip" }).end(gzipSync(ZIPPED));
    if (pathname === "/moved-here") return reply(301, "text/html", "", { location: `${site.url}/plain.html` });
    if (pathname === "/cached") return reply(200, "text/html", "<p>cached</p>", { etag: '"v1"', "cache-control": "public, max-age=60" });
    const html = await page(pathname === "/" ? "plain" : pathname.slice(1).replace(/\.html$/, ""), searchParams);
    if (html === null) return reply(404, "text/html; charset=utf-8", "<h1>nothing here</h1>");
    if (searchParams.has("slow")) await sleep(Number(searchParams.get("slow")));
    const policy = POLICIES[searchParams.get("csp")];
    reply(200, "text/html; charset=utf-8", html, policy ? { "content-security-policy": policy(site.edge) } : {});
  }

  const server = http.createServer((incoming, outgoing) => serve(incoming, outgoing).catch(() => outgoing.destroy()));
  server.on("upgrade", (incoming, socket) => {
    site.requests.push({ method: incoming.method, path: incoming.url, headers: incoming.headers });
    echo(incoming, socket);
  });
  site.url = await listen(server);
  site.reset = () => void Object.assign(site, { requests: [], pages: {} });
  site.close = () => shut(server);
  return site;
}
