// Finds the browsers the tests use and installs what is missing: Chromium always, the other three engines in CI.
// Run by itself (`node tools/browsers.mjs`) it says what is there.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The first of these programs found on PATH, or null. */
export function findProgram(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
      const file = path.join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {}
    }
  }
  return null;
}

/** A Chromium: CHROMIUM_PATH, one on PATH, a macOS application, or one that Playwright has fetched. Null where there is none. */
export function findChromium() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  const applications = ["Chromium", "Google Chrome"].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);
  return (
    findProgram("chromium", "chromium-browser", "google-chrome", "google-chrome-stable") ?? applications.find((file) => existsSync(file)) ?? findFetched()
  );
}

function findFetched() {
  const caches = { linux: ".cache/ms-playwright", darwin: "Library/Caches/ms-playwright", win32: "AppData/Local/ms-playwright" };
  const cache = process.env.PLAYWRIGHT_BROWSERS_PATH ?? path.join(homedir(), caches[process.platform] ?? caches.linux);
  const executables = [
    "chrome-linux64/chrome", "chrome-linux/chrome", "chrome-mac-arm64/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing",
    "chrome-mac/Chromium.app/Contents/MacOS/Chromium", "chrome-win64/chrome.exe",
  ];
  const revisions = existsSync(cache) ? readdirSync(cache).filter((name) => /^chromium-\d+$/.test(name)) : [];
  const newestFirst = revisions.sort((a, b) => Number(b.split("-")[1]) - Number(a.split("-")[1]));
  return newestFirst.flatMap((revision) => executables.map((file) => path.join(cache, revision, file))).find((file) => existsSync(file)) ?? null;
}

const OTHER_ENGINES = { "firefox-esr": ["firefox-esr"], WebKitWebDriver: ["webkit2gtk-driver", "xvfb", "xauth"], WPEWebDriver: ["wpewebkit-driver", "libwpewebkit-1.1-0"] };

/** apt-get as root, or through sudo where that asks nothing; null where neither goes. */
function aptGet() {
  if (!findProgram("apt-get")) return null;
  if (process.getuid?.() === 0) return ["apt-get"];
  const sudo = findProgram("sudo");
  return sudo && spawnSync(sudo, ["-n", "true"]).status === 0 ? [sudo, "-n", "--preserve-env=DEBIAN_FRONTEND", "apt-get"] : null;
}

function run(command, minutes) {
  console.log(`  $ ${command.join(" ")}`);
  const [program, ...words] = command;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync(program, words, { cwd: ROOT, env, stdio: "inherit", timeout: minutes * 60_000 }).status === 0;
}

let updated = false;
function aptInstall(packages) {
  const apt = aptGet();
  if (!apt) return false;
  updated ||= run([...apt, "update", "-qq"], 3);
  return run([...apt, "install", "-y", "-qq", "--no-install-recommends", ...packages], 8);
}

/** Sees to it that a Chromium is there, and in CI tries for the other engines too. Throws only where Chromium can't be had. */
export function ensureBrowsers({ others = process.env.CI === "true" } = {}) {
  if (!findChromium()) {
    console.log("No Chromium found: installing one for the browser tests.");
    const fetched = () => run([path.join(ROOT, "node_modules/.bin/playwright-core"), "install", "chromium"], 10);
    if (!((aptInstall(["chromium"]) || fetched()) && findChromium())) {
      throw new Error("no Chromium: install one (Debian, Ubuntu: apt-get install chromium) or set CHROMIUM_PATH");
    }
  }
  if (!others) return;
  // A driver may be there without its engine.
  const isInstalled = (name) => spawnSync("dpkg-query", ["-W", name], { stdio: "ignore" }).status === 0;
  const missing = Object.entries(OTHER_ENGINES).flatMap(([program, packages]) => (findProgram(program) && packages.every(isInstalled) ? [] : packages));
  if (missing.length && !aptInstall(missing)) console.log(`Going on without ${missing.join(", ")}.`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(`chromium: ${findChromium() ?? "none"}`);
  for (const program of Object.keys(OTHER_ENGINES)) console.log(`${program}: ${findProgram(program) ?? "none"}`);
}
