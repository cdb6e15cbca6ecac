// What the worker asks of the platform, one crossing of the WebAssembly border each: a crossing costs more than what it
// carries, so heads of requests and answers travel as one string, a line a value. The order of the lines is that of
// `runtime.rs`. Nothing is decided here.

const HEADERS = [
  "cf-connecting-ip", "user-agent", "origin", "referer", "cookie", "content-type", "accept", "accept-language",
  "sec-fetch-dest", "sec-gpc", "dnt",
  // Why a browser asks, in three spellings: the standard's, Safari's and Firefox's.
  "sec-purpose", "purpose", "x-moz",
];

/** Method, URL and the headers above, a line each. A header value can't hold a line feed. */
export function inbound(request) {
  const { headers } = request;
  let lines = request.method + "\n" + request.url;
  for (const name of HEADERS) lines += "\n" + (headers.get(name) ?? "");
  return lines;
}

/** Country, region and city, as the platform located the client; read apart from `inbound`, since it is costly. */
export function place({ cf }) {
  return (cf?.country ?? "") + "\n" + (cf?.region ?? "") + "\n" + (cf?.city ?? "");
}

/** The body's bytes; null when there are more than `limit`. */
export async function body(request, limit) {
  const declared = request.headers.get("content-length");
  if (declared !== null) return declared > limit ? null : new Uint8Array(await request.arrayBuffer());
  if (request.body === null) return new Uint8Array(0);
  const chunks = [];
  let length = 0;
  for await (const chunk of request.body) {
    length += chunk.byteLength;
    if (length > limit) return null;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

function headerPairs(lines) {
  if (lines === "") return [];
  return lines.split("\n").map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1)];
  });
}

/** A new answer; `headers` are lines of `name:value`. */
export function answer(status, headers, body) {
  return new Response(body === "" ? null : body, { status, headers: headerPairs(headers) });
}

/** A copy of an answer with `headers` added, and those named in `removed` (comma-separated) taken away; the body streams on. */
export function amended(response, headers, removed) {
  const copy = new Response(response.body, response);
  for (const name of removed.split(",")) if (name) copy.headers.delete(name);
  for (const [name, value] of headerPairs(headers)) copy.headers.append(name, value);
  return copy;
}

/**
 * Calls a server and reads its answer: status, location and retry-after, a line each, then the body.
 * Rejects when that takes longer than `timeout` (ms) or the body is larger than `limit` (bytes). What still runs then is
 * cancelled by the platform when the invocation ends.
 */
export function call(url, method, headers, body, timeout, limit) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(reject, timeout, new Error(`no answer within ${timeout} ms`));
    fetch(url, { method, headers: headerPairs(headers), body: body === "" ? undefined : body, redirect: "manual" })
      .then((response) => {
        const { status, headers } = response;
        if (+headers.get("content-length") > limit) throw new Error("the answer is too large");
        return response.text().then((text) => {
          if (text.length > limit) throw new Error("the answer is too large");
          return `${status}\n${headers.get("location") ?? ""}\n${headers.get("retry-after") ?? ""}\n${text}`;
        });
      })
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

/** Sends the request on to another URL, less the headers named in `removed`, with `headers` set; redirects are not followed. */
export function passOn(request, url, headers, removed) {
  const copy = new Request(url, request);
  for (const name of removed.split(",")) copy.headers.delete(name);
  for (const [name, value] of headerPairs(headers)) copy.headers.set(name, value);
  return fetch(copy, { redirect: "manual" });
}

/** Hands a message to a queue, to be handed out after `delaySeconds`. */
export async function enqueue(queue, message, delaySeconds) {
  await queue.send(message, { contentType: "text", delaySeconds });
}

/** Asks the static assets for `path`, under the request's own conditions (If-None-Match, Range, …). */
export function asset(assets, request, path) {
  return assets.fetch(new Request(new URL(path, request.url), request));
}

/**
 * The page with its Telegram links replaced by `link(websiteId, href)` (undefined: leave it), and the tracker's tag in its head: `tag`
 * are the attributes, `name=value` a line. A tag that stands there already is kept, and only told of the visit.
 */
export function decorated(response, link, websiteId, tag) {
  const attributes = tag.split("\n").map((line) => line.split(/=(.*)/s));
  const visit = attributes.find(([name]) => name === "data-visit")?.[1];
  const nonce = /'nonce-([\w+/=-]+)'/.exec(response.headers.get("content-security-policy") ?? "")?.[1] ?? "";
  let tagged = false;
  const insert = (place) => {
    if (tagged) return;
    tagged = true;
    const written = attributes.map(([name, value]) => ` ${name}="${value.replace(/&/g, "&amp;").replace(/"/g, "&quot;")}"`).join("");
    place(`<script async${written}${nonce && ` nonce="${nonce}"`}></script>`);
  };
  return new HTMLRewriter()
    .on("a[href]", {
      element(anchor) {
        const instead = link(websiteId, anchor.getAttribute("href").replace(/&amp;/g, "&"));
        if (instead !== undefined && anchor.getAttribute("data-edgeway") !== "off") anchor.setAttribute("href", instead);
      },
    })
    .on("script[data-website-id]", {
      element(script) {
        tagged = true;
        if (visit) script.setAttribute("data-visit", visit);
      },
    })
    .on("head", {
      element(head) {
        head.onEndTag((end) => insert((html) => end.before(html, { html: true })));
      },
    })
    // A page may leave <head> out of its text: the tag then goes to the end.
    .onDocument({
      end(end) {
        insert((html) => end.append(html, { html: true }));
      },
    })
    .transform(response);
}
