// Four engines behind one small interface, so that one spec runs in all of them. Chromium is needed; the others run where installed.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { findChromium, findProgram } from "../../tools/browsers.mjs";
import { until } from "./wait.mjs";
import { Session, startDriver } from "./webdriver.mjs";

/** The windows that visitors look through, in CSS pixels. */
export const VIEWPORTS = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };
const ENTER = "\uE007";
const CONTROL = "\uE009";

/** A tab. What differs between engines comes in as `driver`; the rest is common. */
class Page {
  constructor(driver) {
    this.driver = driver;
  }

  /** Runs a function in the page with JSON arguments. */
  eval(run, ...args) {
    return this.driver.evaluate(String(run), args);
  }

  /** Evaluates until the function answers something truthy, which must be JSON. */
  until(run, ...args) {
    return until(() => this.eval(run, ...args), `in the page: ${run}`);
  }

  /** Does something that leads to another document and waits until that is complete. */
  async leads(action, { complete = true } = {}) {
    const before = await this.eval(() => performance.timeOrigin).catch(() => 0);
    await action();
    const there = (origin, whole) => performance.timeOrigin !== origin && (!whole || document.readyState === "complete") && location.href !== "about:blank";
    await this.until(there, before, complete);
  }

  async open(url, options) {
    await this.front();
    return this.leads(() => this.driver.go(url), options);
  }

  /** The visitor looks at this tab, where the engine shows one at a time. */
  async front() {
    await this.driver.front?.();
  }

  click(selector, options) {
    return this.driver.click(selector, options);
  }

  /** A finger's touch, where the engine shows a phone. */
  tap(selector) {
    return this.driver.tap(selector);
  }

  /** Focuses an element and presses Enter. */
  enter(selector) {
    return this.driver.press(selector, ENTER);
  }

  back() {
    return this.driver.back();
  }

  url() {
    return this.eval(() => location.href);
  }

  /** Every cookie of the page's own address, HttpOnly ones too: `{name: {value, domain, path, secure, httpOnly, sameSite, expires}}`. */
  async cookies() {
    return Object.fromEntries((await this.driver.cookies()).map((cookie) => [cookie.name, cookie]));
  }

  /** The visitor closes the tab. */
  close() {
    return this.driver.close();
  }
}

// ── Chromium, by playwright-core ───────────────────────────────────────────────────────────────────────────────────────────

const CHROMIUM_FLAGS = [
  "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--proxy-bypass-list=<-loopback>",
];
// Playwright closes its eyes to these; a page lives with them.
const CHROMIUM_NOT = ["--disable-back-forward-cache"];

function playwrightPage(page) {
  return new Page({
    raw: page,
    evaluate: (source, args) => page.evaluate(`(${source})(...${JSON.stringify(args)})`),
    go: (url) => page.goto(url, { waitUntil: "commit" }),
    click: (selector, { button = 0, control, double } = {}) =>
      page.click(selector, { button: button === 1 ? "middle" : "left", modifiers: control ? ["ControlOrMeta"] : [], noWaitAfter: true, clickCount: double ? 2 : 1 }),
    tap: (selector) => page.tap(selector, { noWaitAfter: true }),
    press: (selector) => page.press(selector, "Enter", { noWaitAfter: true }),
    back: () => page.evaluate(() => history.back()),
    cookies: () => page.context().cookies(page.url()),
    close: () => page.close({ runBeforeUnload: true }),
  });
}

async function launchChromium(executablePath, { network, wasm, cookies, prerendering }) {
  const args = [
    ...CHROMIUM_FLAGS,
    // Not by ignoring errors: a page with a certificate error is never prerendered.
    `--ignore-certificate-errors-spki-list=${network.pin}`,
    ...(wasm ? [] : ["--js-flags=--jitless"]),
  ];
  // Containers and some systems let Chromium have no sandbox; only pages of the tests are loaded.
  const chromiumSandbox = false;
  // Playwright stops a prerendered page before its first script.
  if (prerendering) return launchPuppeteer({ executablePath, args: [...args, `--proxy-server=${network.url}`, "--no-sandbox"] });
  const { chromium } = await import("playwright-core");
  const options = { executablePath, chromiumSandbox, ignoreDefaultArgs: CHROMIUM_NOT, proxy: { server: network.url }, args };
  const visitorOf = (open) => async ({ phone = false, javascript = true, userAgent } = {}) => {
    const errors = [];
    const context = await open({ javaScriptEnabled: javascript, viewport: VIEWPORTS[phone ? "phone" : "desktop"], isMobile: phone, hasTouch: phone, ...(userAgent && { userAgent }) });
    context.on("weberror", (error) => errors.push(error.error().stack));
    return {
      errors,
      page: async () => playwrightPage(await context.newPage()),
      leave: () => context.close(),
    };
  };
  // Cookies are refused by a setting of the profile, so there each visitor brings a profile of its own.
  if (!cookies) {
    const profiles = mkdtempSync(path.join(tmpdir(), "edgeway-chromium-"));
    return {
      visitor: visitorOf((how) => chromium.launchPersistentContext(withoutCookies(profiles), { ...options, ...how })),
      // A browser that has just ended may still be writing.
      close: () => rm(profiles, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }),
    };
  }
  const browser = await chromium.launch(options);
  return { visitor: visitorOf((how) => browser.newContext(how)), close: () => browser.close() };
}

/** A new Chromium profile whose owner refuses cookies. */
function withoutCookies(profiles) {
  const profile = mkdtempSync(path.join(profiles, "profile-"));
  mkdirSync(path.join(profile, "Default"));
  writeFileSync(path.join(profile, "Default/Preferences"), JSON.stringify({ profile: { default_content_setting_values: { cookies: 2 } } }));
  return profile;
}

// ── Firefox, by puppeteer-core over WebDriver BiDi; a prerendering Chromium, by puppeteer-core over DevTools ─────────────────

function puppeteerPage(page) {
  return new Page({
    raw: page,
    evaluate: (source, args) => page.evaluate(`(${source})(...${JSON.stringify(args)})`),
    go: (url) => void page.goto(url).catch(() => {}),
    async click(selector, { button = 0, control } = {}) {
      if (control) await page.keyboard.down("Control");
      await page.click(selector, { button: button === 1 ? "middle" : "left" });
      if (control) await page.keyboard.up("Control");
    },
    async press(selector) {
      await page.focus(selector);
      await page.keyboard.press("Enter");
    },
    back: () => page.evaluate(() => history.back()),
    // Not page.cookies(): that knows no cookie of the registrable domain on the registrable domain itself.
    async cookies() {
      const { hostname } = new URL(page.url());
      return (await page.browserContext().cookies()).filter(({ domain }) => `.${hostname}`.endsWith(`.${domain.replace(/^\./, "")}`));
    },
    front: () => page.bringToFront(),
    close: () => page.close({ runBeforeUnload: true }),
  });
}

/** What Firefox has among the errors of scripts though none threw: a policy or CORS has refused something. */
const REFUSED = /^(Error: )?(Content-Security-Policy|Cross-Origin Request Blocked): /;

async function launchPuppeteer(options) {
  const { launch } = await import("puppeteer-core");
  const browser = await launch({ headless: true, ...options });
  return {
    async visitor() {
      const context = await browser.createBrowserContext();
      const errors = [];
      return {
        errors,
        async page() {
          const page = await context.newPage();
          page.on("pageerror", (error) => REFUSED.test(error) || errors.push(error.stack ?? String(error)));
          return puppeteerPage(page);
        },
        leave: () => context.close(),
      };
    },
    close: () => browser.close(),
  };
}

const launchFirefox = (executablePath, { network, wasm, cookies }) =>
  launchPuppeteer({
    browser: "firefox",
    executablePath,
    acceptInsecureCerts: true,
    extraPrefsFirefox: {
      "network.proxy.type": 1,
      "network.proxy.http": "127.0.0.1",
      "network.proxy.http_port": network.port,
      "network.proxy.ssl": "127.0.0.1",
      "network.proxy.ssl_port": network.port,
      "network.proxy.allow_hijacking_localhost": true,
      "dom.security.https_first": false,
      "network.captive-portal-service.enabled": false,
      "network.connectivity-service.enabled": false,
      ...(wasm ? {} : { "javascript.options.wasm": false }),
      ...(cookies ? {} : { "network.cookie.cookieBehavior": 2 }),
    },
  });

// ── WebKitGTK and WPE, by WebDriver ────────────────────────────────────────────────────────────────────────────────────────

function webdriverPage(session, handle) {
  // A session has one current window: choosing it and acting in it must not be split by another tab's turn.
  const then = (run) => (...args) => {
    const turn = session.last.then(async () => {
      await session.call("POST", "/window", { handle });
      return run(...args);
    });
    session.last = turn.catch(() => {});
    return turn;
  };
  return new Page({
    raw: session,
    evaluate: then((source, args) => session.evaluate(source, args)),
    go: then((url) => session.call("POST", "/url", { url })),
    click: then((selector, { button = 0, control } = {}) => session.click(selector, { button, key: control ? CONTROL : undefined })),
    press: then((selector, key) => session.press(selector, key)),
    back: then(() => session.call("POST", "/execute/sync", { script: "history.back()", args: [] })),
    cookies: then(async () => (await session.call("GET", "/cookie")).map((cookie) => ({ ...cookie, expires: cookie.expiry }))),
    close: then(() => session.call("DELETE", "/window")),
  });
}

async function launchWebdriver({ command, vendor, binary, args = [], wasmSwitch }, { network, wasm, cookies }) {
  const sandbox = process.getuid?.() === 0 ? { WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" } : {};
  const start = () => startDriver(command, { ...sandbox, ...(wasm ? {} : { [wasmSwitch]: "0" }) });
  const capabilities = {
    acceptInsecureCerts: true,
    pageLoadStrategy: "none",
    // Not by WebDriver's proxy capability: WebKit would speak TLS to a proxy for https.
    [vendor]: { binary, args: ["--automation", ...args, `--proxy=${network.url}`, ...(cookies ? [] : ["--cookies-policy=never"])] },
  };
  let driver = await start();
  const newSession = async (attempts = 3) => {
    try {
      return await Session.start(driver, capabilities);
    } catch (error) {
      if (attempts === 1) throw error;
      // Now and then a browser comes up without finding its driver; both are lost then.
      await driver.stop();
      driver = await start();
      return newSession(attempts - 1);
    }
  };
  return {
    async visitor() {
      const session = await newSession();
      const first = await session.call("GET", "/window");
      let fresh = true;
      return {
        errors: [],
        async page() {
          // A window of its own, since a tab would be opened behind the one before, where nobody sees it.
          const handle = fresh ? first : (await session.call("POST", "/window/new", { type: "window" })).handle;
          fresh = false;
          return webdriverPage(session, handle);
        },
        leave: () => session.end(),
      };
    },
    close: () => driver.stop(),
  };
}

const LIBRARIES = ["/usr/lib", "/usr/lib64", "/usr/libexec", ...(existsSync("/usr/lib") ? readdirSync("/usr/lib").filter((name) => name.includes("-linux-")).map((name) => `/usr/lib/${name}`) : [])];
const miniBrowser = (...folders) => LIBRARIES.flatMap((base) => folders.map((folder) => path.join(base, folder, "MiniBrowser"))).find((file) => existsSync(file));

function webKitGtk() {
  const driver = findProgram("WebKitWebDriver");
  const binary = miniBrowser("webkit2gtk-4.1", "webkitgtk-6.0", "webkit2gtk-4.0");
  const display = process.env.DISPLAY ? [] : [findProgram("xvfb-run"), "-a"];
  if (!driver || !binary || display.includes(null)) return null;
  return {
    command: [...display, driver],
    vendor: "webkitgtk:browserOptions",
    binary,
    wasmSwitch: "JSC_useWasm",
  };
}

function wpe() {
  const driver = findProgram("WPEWebDriver");
  const binary = miniBrowser("wpe-webkit-1.1", "wpe-webkit-2.0", "wpe-webkit-1.0");
  if (!driver || !binary) return null;
  return {
    command: [driver],
    vendor: "wpe:browserOptions",
    binary,
    args: ["--headless"],
    wasmSwitch: "JSC_useWebAssembly",
  };
}

// ── which engines there are ────────────────────────────────────────────────────────────────────────────────────────────────

const ENGINES = {
  chromium: { find: findChromium, launch: launchChromium, packages: "chromium" },
  firefox: { find: () => findProgram("firefox-esr", "firefox"), launch: launchFirefox, packages: "firefox-esr" },
  webkitgtk: { find: webKitGtk, launch: launchWebdriver, packages: "webkit2gtk-driver and xvfb" },
  wpe: { find: wpe, launch: launchWebdriver, packages: "wpewebkit-driver and libwpewebkit-1.1-0" },
};

/**
 * All engines by name: `{name, missing, launch({network, wasm, cookies, prerendering})}`; `missing` says what to install where one is not there.
 * A launched browser has `visitor({phone, javascript, userAgent})`: somebody new, without a cookie, with `page()` (a new tab), `leave()`, and `errors`,
 * what the page's scripts threw. Phones, JavaScript switched off and another User-Agent (the browser's own is a bot's) are Chromium's alone; WebKit
 * tells no errors.
 */
export const engines = Object.entries(ENGINES).map(([name, { find, launch, packages }]) => {
  const found = find();
  return {
    name,
    missing: found ? null : `${name} is not installed (${packages})`,
    launch: ({ network, wasm = true, cookies = true, prerendering = false }) => launch(found, { network, wasm, cookies, prerendering }),
  };
});
