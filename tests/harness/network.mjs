// The internet of the tests: a forward proxy that every engine is pointed at. Host names lead to the stand-ins, on http and on
// https (ended here with a throw-away certificate), and the network can be slow, cut, or filtered as an ad blocker would.
import http from "node:http";
import https from "node:https";
import { listen, shut } from "./http.mjs";
import { selfSigned } from "./certificate.mjs";

/**
 * Starts the proxy. `hosts` maps host names (without port) to the base URL of what answers for them.
 * `requests` logs `{method, url, status, body}`; `block` (RegExp on the URL) cuts matching requests; `delay` ms goes before each answer,
 * or `delay(url)` where it is a function; `offline` cuts everything.
 */
export async function startNetwork(hosts) {
  const network = { url: "", hosts, requests: [], block: null, delay: 0, offline: false };

  async function forward(incoming, outgoing, url) {
    const entry = { method: incoming.method, url: url.href, headers: incoming.headers, status: 0, body: "" };
    network.requests.push(entry);
    const target = network.hosts[url.hostname];
    if (!target || network.offline || network.block?.test(url.href)) return incoming.socket.destroy();
    const delay = typeof network.delay === "function" ? network.delay(url) : network.delay;
    if (delay) await new Promise((resolve) => setTimeout(resolve, delay));
    const { hostname, port } = new URL(target);
    const headers = { ...incoming.headers, host: url.host, "MF-Original-URL": url.href };
    delete headers["proxy-connection"];
    const call = http.request({ hostname, port, path: url.pathname + url.search, method: incoming.method, headers }, (answer) => {
      entry.status = answer.statusCode;
      entry.location = answer.headers.location;
      outgoing.writeHead(answer.statusCode, answer.headers);
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

  const secure = https.createServer(selfSigned(Object.keys(hosts)), (incoming, outgoing) =>
    forward(incoming, outgoing, new URL(incoming.url, `https://${incoming.headers.host}`)),
  );
  const server = http.createServer((incoming, outgoing) => forward(incoming, outgoing, new URL(incoming.url, `http://${incoming.headers.host}`)));
  server.on("connect", (incoming, socket, head) => {
    socket.on("error", () => socket.destroy());
    if (!network.hosts[incoming.url.split(":")[0]]) return socket.destroy();
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (head.length) socket.unshift(head);
    secure.emit("connection", socket);
  });
  secure.on("tlsClientError", () => {});
  server.on("clientError", (_, socket) => socket.destroy());
  secure.on("clientError", (_, socket) => socket.destroy());

  network.url = await listen(server);
  network.port = Number(new URL(network.url).port);
  network.calm = () => Object.assign(network, { block: null, delay: 0, offline: false });
  network.reset = () => void (network.calm().requests.length = 0);
  network.close = () => shut(server);
  return network;
}
