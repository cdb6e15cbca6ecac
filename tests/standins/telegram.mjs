// A stand-in for t.me: every path answers a page, so that browsers really arrive, and `arrivals` tells who did.
import http from "node:http";
import { listen, shut } from "../harness/http.mjs";

/** The hosts it stands for. */
export const TELEGRAM_HOSTS = ["t.me", "telegram.me", "telegram.dog"];

/** Starts the stand-in; `arrivals` holds `{host, path, referer}` of every page opened. */
export async function startTelegram() {
  const telegram = { url: "", arrivals: [] };
  const server = http.createServer((incoming, outgoing) => {
    if (incoming.url === "/favicon.ico") return outgoing.writeHead(204).end();
    const speculative = /prefetch|prerender/.test(incoming.headers["sec-purpose"] ?? incoming.headers.purpose ?? "");
    telegram.arrivals.push({ host: incoming.headers.host, path: incoming.url, referer: incoming.headers.referer, speculative });
    outgoing.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
    outgoing.end(`<!doctype html><title>Telegram</title><h1 id="arrived">You are invited to ${incoming.url.slice(1).replace(/[<&]/g, "")}</h1>`);
  });
  telegram.url = await listen(server);
  telegram.reset = () => void (telegram.arrivals.length = 0);
  telegram.close = () => shut(server);
  return telegram;
}
