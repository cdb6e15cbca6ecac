// The documents: what they link to is there, and what they show works.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { findProgram } from "../tools/browsers.mjs";
import { ROOT, startEdge } from "./harness/edge.mjs";

const DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "webhooks/README.md", ...readdirSync(`${ROOT}docs`).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];

/** A document without its blocks of code. */
const prose = (path) => readFileSync(ROOT + path, "utf8").replace(/^( *)```.*?^\1```$/gms, "");
/** The anchors that GitHub gives a document's headings. */
const anchors = (path) => [...prose(path).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"));

describe("the documents", () => {
  for (const path of DOCUMENTS)
    it(`${path} links to what is there`, () => {
      const links = [...prose(path).matchAll(/\]\(([^)]+)\)|(?:src|srcset)="([^"]+)"/g)].map(([, link, picture]) => link ?? picture);
      for (const link of links.filter((link) => !/^https?:/.test(link))) {
        const [file, anchor] = link.split("#");
        const target = file ? join(dirname(path), file) : path;
        assert.ok(existsSync(ROOT + target), `${link}: no such file`);
        if (anchor) assert.ok(anchors(target).includes(anchor), `${link}: no such heading`);
      }
    });

  it("README leads to each of the others", () => {
    const readme = readFileSync(`${ROOT}README.md`, "utf8");
    for (const path of DOCUMENTS.filter((path) => path !== "README.md")) assert.ok(readme.includes(`](${path}`), path);
  });

  /** The blocks of code of one language. */
  const blocks = (path, language) => [...readFileSync(ROOT + path, "utf8").matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, block]) => block);
  const missing = ["bash", "curl", "openssl"].find((name) => !findProgram(name));

  it("webhooks/README shows settings that hold, and a call that is taken", { skip: missing && `no ${missing}` }, async () => {
    const [webhooks] = blocks("webhooks/README.md", "json");
    const [call] = blocks("webhooks/README.md", "sh");
    const secrets = { SHOP_SECRET: "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", STRIPE_WEBHOOK_SECRET: "whsec_x", CRM_SECRET: "of-my-own" };
    const edge = await startEdge({ vars: { WEBHOOKS: webhooks, ...secrets } });
    try {
      assert.deepEqual((await edge.request("/healthz")).json().problems, []);
      const own = call.replace("http://localhost:8787", edge.url).replace("CRM_SECRET=…", `CRM_SECRET='${secrets.CRM_SECRET}'`);
      const answer = await new Promise((resolve) => execFile("bash", ["-c", own], (error, out, err) => resolve(error ? err : out)));
      assert.match(answer, /^\{"status":"converted",/);
    } finally {
      await edge.close();
    }
  });

  it("docs/settings shows sites that hold", async () => {
    const [sites] = blocks("docs/settings.md", "json");
    const bots = JSON.stringify([{ username: "my_bot", token: "1:x", webhookSecret: "x".repeat(32) }]);
    const edge = await startEdge({ bare: true, vars: { SITES: sites, TELEGRAM_BOTS: bots } });
    try {
      assert.deepEqual((await edge.request("/healthz")).json().problems, []);
    } finally {
      await edge.close();
    }
  });

  it("docs/settings names each field that a channel of SITES takes", () => {
    const [, fields] = /pub struct Channel \{(.*?)^\}/ms.exec(readFileSync(`${ROOT}worker/src/config/site.rs`, "utf8"));
    const text = readFileSync(`${ROOT}docs/settings.md`, "utf8").split("## Several sites")[1];
    for (const [, field] of fields.matchAll(/pub(?:\(super\))? (\w+):/g)) {
      const name = field.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
      assert.ok(text.includes(`\`${name}\``), name);
    }
  });

  it("docs/routes says which paths go under the neutral prefix, too", async () => {
    const rows = [...prose("docs/routes.md").matchAll(/^\| (`.*?) \|/gm)].map(([, paths]) => [...paths.matchAll(/`(?:(?:GET|POST) )?(\/[^`]*)`/g)].map(([, path]) => path));
    const [, first] = /the first (\w+) rows under the neutral prefix/.exec(prose("docs/routes.md"));
    const neutral = ["five", "six", "seven", "eight", "nine"].indexOf(first) + 5;
    const edge = await startEdge();
    /** Whether something of the edge's own is there: the page behind knows no such path. */
    const isThere = async (path) => (await edge.request(path, { method: "OPTIONS" })).status !== 404;
    try {
      for (const [place, paths] of rows.slice(0, -1).entries()) {
        const [path] = paths.map((path) => path.replace("/backend/track", "").replace("{slug}", "demo").replace(/\{\w+\}|…/, "x"));
        assert.equal(await isThere(`/e${path}`), place < neutral, path);
      }
    } finally {
      await edge.close();
    }
  });
});
