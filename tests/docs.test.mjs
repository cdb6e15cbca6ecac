// The documents: what they link to is there.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "./harness/edge.mjs";

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
});
