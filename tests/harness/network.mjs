// The internet of the tests: a forward proxy that every engine is pointed at. Host names lead to the stand-ins, on http and on
// https (ended here with a throw-away certificate), and the network can be slow, cut, or filtered as an ad blocker would.
import http from "node:http";
import https from "node:https";
import { listen, shut } from "./http.mjs";
import { sleep, until } from "./wait.mjs";
import { selfSigned } from "./certificate.mjs";

/** Browsers ask for these by themselves. */
const NOISE = /\/favicon\.ico$/;

/**
 * Starts the proxy. `hosts` maps host names (without port) to the base URL of what answers for them.
 * `address`, where set, is what the platform says the visitors' is. `requests` logs `{method, url, headers, status, location, body}`, `status` 0 as long as the visitor has no answer.
 * `strike({match, how, times})` spoils requests whose URL matches the RegExp (or for which `match(url)` says so): `how` is "cut" (it
 * never arrives), "deaf" (it arrives, the answer doesn't), "hold" (it waits for `calm()`), "last" (its connection ends with
 * the answer), a number of milliseconds to wait before it is passed on, or `{status, headers}` (answered so by something on the way). A number may also strike
 * the opening of a connection, whose URL is `connect://host:port`.
 */
export async function startNetwork(hosts) {
  const network = { url: "", hosts, address: undefined, requests: [], strikes: [] };
  const open = new Set();
  /** Of the open ones those that wait for calm(): what lets each go. */
  const held = new Map();
  let last = performance.now();

  network.strike = ({ match, how, times = Infinity }) => network.strikes.push({ match, how, times });

  function struck(url) {
    const strike = network.strikes.find(({ match }) => (match instanceof RegExp ? match.test(url.href) : match(url)));
    if (strike && --strike.times < 1) network.strikes.splice(network.strikes.indexOf(strike), 1);
    return strike?.how;
  }

  async function forward(incoming, outgoing, url) {
    const entry = { method: incoming.method, url: url.href, headers: incoming.headers, status: 0, body: "" };
    network.requests.push(entry);
    open.add(entry);
    outgoing.on("close", () => {
      open.delete(entry);
      held.delete(entry);
      last = performance.now();
    });
    const target = network.hosts[url.hostname];
    const how = struck(url);
    if (!target || how === "cut") return outgoing.destroy();
    if (NOISE.test(url.pathname)) return outgoing.writeHead((entry.status = 204)).end();
    if (how?.status) {
      incoming.resume();
      return outgoing.writeHead((entry.status = how.status), how.headers).end();
    }
    if (how === "hold") await new Promise((resolve) => held.set(entry, resolve));
    if (typeof how === "number") await sleep(how);
    const { hostname, port } = new URL(target);
    const headers = { ...incoming.headers, host: url.host, "MF-Original-URL": url.href, ...(network.address && { "cf-connecting-ip": network.address }) };
    delete headers["proxy-connection"];
    const call = http.request({ hostname, port, path: url.pathname + url.search, method: incoming.method, headers }, (answer) => {
      if (how === "deaf") return outgoing.destroy();
      entry.status = answer.statusCode;
      entry.location = answer.headers.location;
      outgoing.writeHead(answer.statusCode, how === "last" ? { ...answer.headers, connection: "close" } : answer.headers);
      answer.pipe(outgoing);
      answer.on("error", () => outgoing.destroy());
    });
    call.on("error", () => outgoing.destroy());
    // What the page sent counts even when the page is gone before the answer: read it whole, then pass it on.
    const chunks = [];
    incoming.on("data", (chunk) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks);
      entry.body = body.toString("utf8");
      call.end(body);
    });
    incoming.on("error", () => call.destroy());
  }

  const certificate = selfSigned(Object.keys(hosts));
  const secure = https.createServer(certificate, (incoming, outgoing) =>
    forward(incoming, outgoing, new URL(incoming.url, `https://${incoming.headers.host}`)),
  );
  const server = http.createServer((incoming, outgoing) => forward(incoming, outgoing, new URL(incoming.url, `http://${incoming.headers.host}`)));
  server.on("connect", async (incoming, socket, head) => {
    socket.on("error", () => socket.destroy());
    if (!network.hosts[incoming.url.split(":")[0]]) return socket.destroy();
    const how = struck(new URL(`connect://${incoming.url}`));
    // What a page has sent may still wait for its connection: the network is not quiet before it came.
    open.add(socket);
    if (typeof how === "number") await sleep(how);
    open.delete(socket);
    last = performance.now();
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (head.length) socket.unshift(head);
    secure.emit("connection", socket);
  });
  secure.on("tlsClientError", () => {});
  server.on("clientError", (_, socket) => socket.destroy());
  secure.on("clientError", (_, socket) => socket.destroy());

  network.url = await listen(server);
  network.pin = certificate.pin;
  network.port = Number(new URL(network.url).port);
  /** Takes all strikes back and lets go what they hold. */
  network.calm = () => {
    network.strikes.length = 0;
    held.forEach((release) => release());
    held.clear();
  };
  network.reset = () => {
    network.calm();
    network.requests.length = 0;
  };
  /** Resolves when nothing has been under way for `ms`, but for what is held. */
  network.quiet = (ms = 150) => until(() => open.size === held.size && performance.now() - last > ms, "a quiet network");
  network.close = () => shut(server);
  return network;
}
