// The scripts that are put beside the tracker: plain JavaScript for the same job, and what people load today, from npm.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { ROOT } from "../tools/prerequisites.mjs";

const CACHE = join(ROOT, "node_modules", ".cache", "edgeway-bench");

/** Exact versions, unpacked as they are: nothing resolved, nothing run. The last three are what Snowplow's imports. */
const PACKAGES = {
  "@plausible-analytics/tracker": "0.4.6",
  umami: "2.10.0",
  "@snowplow/browser-tracker": "4.10.1",
  "meta-capi-param-builder-clientjs": "1.3.1",
  "@rudderstack/analytics-js": "3.34.1",
  "posthog-js": "1.449.2",
  "@snowplow/browser-tracker-core": "4.10.1",
  "@snowplow/tracker-core": "4.10.1",
  uuid: "11.1.1",
  tslib: "2.8.1",
};

const titled = (name) => `${name} ${PACKAGES[name]}`;
const unpacked = (name, ...path) => join(CACHE, "node_modules", name, ...path);

/** Fetches what is missing; answers why it could not, or nothing. */
function fetchPackages() {
  const isThere = ([name, version]) =>
    existsSync(unpacked(name, "package.json")) && JSON.parse(readFileSync(unpacked(name, "package.json"))).version === version;
  for (const [name, version] of Object.entries(PACKAGES).filter((each) => !isThere(each))) {
    const folder = unpacked(name);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const packed = spawnSync("npm", ["pack", `${name}@${version}`, "--silent", "--pack-destination", CACHE], { encoding: "utf8", timeout: 120_000 });
    const file = packed.stdout?.trim().split("\n").at(-1);
    if (packed.status !== 0 || !file) return `npm pack ${name}@${version} failed`;
    const { status } = spawnSync("tar", ["xzf", join(CACHE, file), "-C", folder, "--strip-components=1"]);
    rmSync(join(CACHE, file));
    if (status !== 0) return `${file} can't be unpacked`;
  }
}

/** Bundles and minifies a script, given as a file or as source. */
async function bundle(input) {
  const from = typeof input === "string" ? { entryPoints: [input] } : { stdin: { resolveDir: CACHE, contents: input.source } };
  const { outputFiles } = await build({
    ...from, bundle: true, minify: true, write: false, format: "iife", target: "es2020", legalComments: "none", logLevel: "error",
    nodePaths: [join(CACHE, "node_modules")], mainFields: ["browser", "module", "main"],
  });
  return Buffer.from(outputFiles[0].contents);
}

/** A script of one file under a path, with the tag that loads it. */
const oneFile = (path, script, attributes = "") => ({ files: { [path]: script }, tag: `<script async src="${path}"${attributes}></script>` });

const WEBSITE = ' data-website-id="atid_bench"';
/** What the edge's own route takes, and answers: the ids that the page made, as the ledger does. */
const INIT = {
  isHit: (path) => path === "/e/init",
  answers: { "/e/init": ({ eventId: visitId, tempId, clientSessionId }) => ({ visitId, sessionId: clientSessionId, tempId, clientSessionId }) },
};

async function fromNpm() {
  const plausible = await bundle({ source: `import { init } from "@plausible-analytics/tracker"; init({ domain: "shop.test", endpoint: "/api/event" });` });
  const snowplow = await bundle({
    source: `import { newTracker, trackPageView } from "@snowplow/browser-tracker"; newTracker("sp", location.origin, { appId: "bench" }); trackPageView();`,
  });
  // It collects and sends nothing: whoever uses it sends what it found.
  const meta = Buffer.concat([
    readFileSync(unpacked("meta-capi-param-builder-clientjs", "dist/clientParamBuilder.bundle.js")),
    Buffer.from(`\nclientParamBuilder.processAndCollectAllParams(location.href).then(p=>fetch("/hit",{method:"POST",keepalive:!0,body:JSON.stringify(p)}));`),
  ]);
  // The smallest of its builds that sends by itself: the default one fetches its plugins from a CDN first.
  const rudderstack = await bundle({
    source: `import { RudderAnalytics } from "@rudderstack/analytics-js/lite";
      const analytics = new RudderAnalytics(); analytics.load("benchbenchbenchbench", location.origin, { configUrl: location.origin }); analytics.page();`,
  });
  // What its snippet leaves for the script to take up.
  const posthogStub = `<script>window.posthog=Object.assign([],{_i:[["phc_bench",{api_host:location.origin,defaults:"2026-01-30"},"posthog"]],__SV:1})</script>`;
  const posthog = oneFile("/static/array.js", readFileSync(unpacked("posthog-js", "dist/array.js")));
  return [
    { name: titled("@plausible-analytics/tracker"), ...oneFile("/p.js", plausible), isHit: (path) => path === "/api/event" },
    // The application's package holds the tracker's source, from which its build makes script.js in just this way.
    { name: titled("umami"), ...oneFile("/script.js", await bundle(unpacked("umami", "src/tracker/index.js")), WEBSITE), isHit: (path) => path === "/api/send" },
    { name: titled("@snowplow/browser-tracker"), ...oneFile("/sp.js", snowplow), isHit: (path) => path.startsWith("/com.snowplowanalytics") },
    { name: titled("meta-capi-param-builder-clientjs"), ...oneFile("/m.js", meta), isHit: (path) => path === "/hit" },
    {
      name: `${titled("@rudderstack/analytics-js")} lite`, ...oneFile("/r.js", rudderstack), isHit: (path) => path === "/v1/page",
      answers: { "/sourceConfig/": () => ({ source: { id: "s", name: "bench", writeKey: "benchbenchbenchbench", enabled: true, workspaceId: "w", config: {}, destinations: [] } }) },
    },
    { name: titled("posthog-js") + " array.js", ...posthog, tag: posthogStub + posthog.tag, isHit: (path) => path === "/e/" || path === "/i/v0/e/" },
  ];
}

/**
 * What is measured, ours first, then plain JavaScript: `{name, files: {path: content}, tag, isHit(path), answers: {path: (posted) => answer}}`. With it
 * why the packages from npm are missing, if they are.
 */
export async function scripts() {
  const ours = readFileSync(join(ROOT, "dist", "www", "t.js"));
  const own = [
    { name: "Edgeway", ...oneFile("/t.js", ours, WEBSITE), ...INIT },
    { name: "plain JavaScript", ...oneFile("/plain.js", await bundle(join(ROOT, "bench", "plain.js")), WEBSITE), ...INIT },
  ];
  const why = fetchPackages();
  return { scripts: why ? own : [...own, ...(await fromNpm())], leftOut: why };
}
