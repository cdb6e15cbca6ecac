// Who comes, from which ad, and joins.
import assert from "node:assert/strict";
import { AD, CHROMIUM, LANDING, ONCE, TAG, WITH_TABS, WWW, carriesAd } from "../harness/scenarios.mjs";
import { never, until } from "../harness/wait.mjs";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The tag that Umami documents. */
export const ANOTHERS = `<script defer src="${LANDING}/script.js" data-website-id="94db1cb1-74f4-4a40-ad6c-962362670409"></script>`;

/** Sets cookies of other scripts before the tag comes. */
async function withCookies({ page }, cookies) {
  await page.open(`${WWW}/plain.html?notag`);
  await page.eval((pairs) => pairs.forEach((pair) => (document.cookie = `${pair}; path=/; domain=shop.test`)), cookies);
}

/** A visit in Meta's in-app browser, whose answer comes after `wait` ms or never; `more` is of the page's query. */
const inApp = (wait, tells, more = "") => ({
  visits: 1,
  clicks: 1,
  engines: ONCE,
  async run(story) {
    await story.open(`/in-app.html?answer=${wait}&utm_source=fb${more}`);
    if (tells) await until(async () => (await story.world.visits())[0]?.fbc, "the app's click id kept");
    await story.visited();
    await story.join();
  },
  check({ visit }) {
    assert.equal(visit.utmSource, "fb");
    if (tells) assert.match(visit.fbc, /^fb\.1\.\d{13}\.App_Click-1$/);
    else assert.equal(visit.fbc, undefined);
  },
});

export const visits = {
  "from an ad, then a tap": {
    visits: 1,
    clicks: 1,
    both: true,
    async run(story) {
      await story.open();
      await story.visited();
      assert.equal(await story.page.eval(async () => (await edgeway.ready) === edgeway), true);
      const cookies = await story.page.cookies();
      await story.join();
      return cookies;
    },
    check({ visit, outcome: cookies, story }) {
      carriesAd(visit);
      assert.match(visit.tempId, UUID);
      assert.match(visit.clientSessionId, UUID);
      assert.equal(visit.href, `${WWW}/plain.html?${AD}`);
      assert.equal(visit.landingPage, visit.href);
      assert.equal(Boolean(visit.bot), true, "a driven browser says so");
      assert.equal(cookies.adtarget_temp_id.value, visit.tempId);
      assert.equal(cookies.adtarget_session_id.value, visit.clientSessionId);
      assert.equal(cookies._fbc.value, visit.fbc);
      assert.match(cookies.adtarget_temp_id.domain, /^\.?shop\.test$/);
      assert.equal(cookies.edgeway_domain, undefined);
      assert.deepEqual(story.world.telegram.arrivals[0].host, "t.me");
    },
  },

  "whose cookies are gone: localStorage knows them still": {
    visits: 2,
    engines: ONCE,
    async run(story) {
      await story.open();
      await story.visited();
      await story.page.driver.raw.context().clearCookies();
      await story.open("/plain.html?second");
      await story.visited(2);
    },
    check: ({ visits: [first, second] }) => assert.equal(second.tempId, first.tempId),
  },

  "whose browser refuses localStorage: the cookies know them": {
    visits: 2,
    clicks: 1,
    engines: ONCE,
    async run(story) {
      await story.page.driver.raw.addInitScript(() => Object.defineProperty(window, "localStorage", { get() { throw new DOMException("refused", "SecurityError"); } }));
      await story.open();
      await story.visited();
      await story.open("/plain.html?second");
      await story.visited(2);
      await story.join();
    },
    check: ({ visits: [first, second] }) => assert.equal(second.tempId, first.tempId),
  },

  "on a phone": {
    visits: 1,
    clicks: 1,
    engines: CHROMIUM,
    visitor: { phone: true },
    async run(story) {
      await story.open();
      await story.joins(() => story.page.tap("#join"));
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "with the cookies of the pixels": {
    visits: 1,
    clicks: 1,
    async run(story) {
      await withCookies(story, ["_fbp=fb.1.1700000000001.77", "_fbc=fb.1.1700000000000.Earlier", "_ttp=TTP", "_scid=SCID", "_gcl_aw=GCL.1700000000.GadId", "_ga=GA1.1.1234567890.1700000000"]);
      await story.open("/plain.html");
      await story.join();
    },
    check({ visit }) {
      const { fbp, fbc, ttp, scid, gclid, ga } = visit;
      assert.deepEqual(
        { fbp, fbc, ttp, scid, gclid, ga },
        { fbp: "fb.1.1700000000001.77", fbc: "fb.1.1700000000000.Earlier", ttp: "TTP", scid: "SCID", gclid: "GadId", ga: "GA1.1.1234567890.1700000000" },
      );
    },
  },

  "twice from one ad, then from another": {
    engines: ONCE,
    visits: 3,
    async run(story) {
      await story.open("/plain.html?fbclid=First");
      await story.visited(1);
      await story.open("/plain.html?fbclid=First&again");
      await story.visited(2);
      await story.open("/plain.html?fbclid=Second");
    },
    check({ visits: [first, again, second] }) {
      assert.equal(again.fbc, first.fbc, "the click's own time stays");
      assert.match(second.fbc, /^fb\.1\.\d{13}\.Second$/);
      assert.equal(new Set([first, again, second].map(({ tempId }) => tempId)).size, 1);
      assert.equal(new Set([first, again, second].map(({ clientSessionId }) => clientSessionId)).size, 1);
    },
  },

  // Safari keeps what a script has set for 7 days.
  "keeps the cookies that the edge sets, where a script can set none": {
    visits: 1,
    both: true,
    async run(story) {
      await story.open("/plain.html?notag");
      await story.page.eval((tag) => {
        Object.defineProperty(document, "cookie", { get: () => "", set() {} });
        document.head.append(document.createRange().createContextualFragment(tag));
      }, TAG);
      await story.visited();
      return story.page.cookies();
    },
    check({ visit, outcome: { adtarget_temp_id: visitor, edgeway_touch: touch } }) {
      assert.equal(visitor.value, visit.tempId);
      assert.ok(visitor.expires > Date.now() / 1000 + 364 * 86_400, "a year");
      for (const { domain } of [visitor, touch]) assert.match(domain, /^\.?shop\.test$/);
    },
  },

  "from another site's page, without an ad": {
    visits: 1,
    async run(story) {
      await story.page.open(`${LANDING}/plain.html?notag`);
      await story.page.leads(() => story.page.eval((url) => void (location.href = url), `${WWW}/plain.html`));
    },
    check({ visit }) {
      assert.equal(visit.referrer, `${LANDING}/`);
      assert.equal(visit.fbc ?? visit.gclid ?? visit.utmSource, undefined);
    },
  },

  "on a page of another site than the edge's": {
    visits: 2,
    clicks: 1,
    both: true,
    async run(story) {
      await story.open(undefined, { on: LANDING });
      await story.visited();
      await story.open("/plain.html?later", { on: LANDING });
      await story.visited(2);
      const cookies = await story.page.cookies();
      await story.join();
      return cookies;
    },
    check({ visits: [first, later], outcome: cookies }) {
      carriesAd(first);
      assert.equal(later.tempId, first.tempId, "the page keeps the ids itself");
      assert.equal(later.fbc, first.fbc);
      assert.equal(cookies.adtarget_temp_id.value, first.tempId);
      assert.match(cookies.adtarget_temp_id.domain, /^\.?landing\.test$/);
    },
  },

  "with a late _fbp": {
    visits: 1,
    clicks: 1,
    both: true,
    async run(story) {
      await story.open(`/late-fbp.html?${AD}`);
      await story.page.until(() => window.edgeway.log.some(({ type, data }) => type === "answered" && data.to === "update-fbp"));
      await story.join();
      return story.network.requests.filter(({ method, url }) => method === "POST" && url.endsWith("/update-fbp"));
    },
    check({ visit, outcome: patches }) {
      carriesAd(visit);
      assert.match(visit.fbp, /^fb\.1\.\d{13}\.1234567890$/);
      assert.equal(patches.length, 1, "told once");
    },
  },

  "with an _fbp that comes as the visitor leaves": {
    visits: 1,
    async run(story) {
      await story.open();
      await story.visited();
      await story.page.leads(() =>
        story.page.eval(() => {
          document.cookie = "_fbp=fb.1.1700000000001.77; path=/";
          location.href = "/plain.html?notag";
        }),
      );
      await until(async () => (await story.world.visits())[0].fbp, "the _fbp kept");
    },
    check: ({ visit }) => assert.equal(visit.fbp, "fb.1.1700000000001.77"),
  },

  "with a malformed _fbp, then a good one": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      await withCookies(story, ["_fbp=deleted"]);
      await story.open();
      await story.visited();
      await never(() => story.network.requests.some(({ url }) => url.endsWith("/update-fbp")), "a malformed _fbp told", 1_500);
      await story.page.eval(() => void (document.cookie = "_fbp=fb.1.1700000000001.77; path=/; domain=shop.test"));
      await until(async () => (await story.world.visits())[0].fbp, "the _fbp kept");
    },
    check: ({ visit }) => assert.equal(visit.fbp, "fb.1.1700000000001.77"),
  },

  "from an address longer than the edge takes, in letters and in bytes": {
    engines: ONCE,
    visits: 2,
    async run(story) {
      await story.open(`/plain.html?${AD}#state=${"x".repeat(18_000)}`);
      await story.visited();
      await story.open(`/plain.html?fbclid=Summer&utm_campaign=${"夏".repeat(340)}&utm_source=${"夏".repeat(420)}`);
    },
    check({ visits: [long, wide] }) {
      carriesAd(long);
      assert.match(wide.fbc, /\.Summer$/);
      assert.match(wide.utmSource, /^夏+$/);
    },
  },

  "in an app that tells the click id": inApp(50, true),
  "in an app that never answers": inApp(0, false),
  "in an app that has none to tell": inApp(50, false, "&tells=undefined"),

  "with three tags": {
    visits: 1,
    clicks: 1,
    async run(story) {
      await story.open(`/two-tags.html?${AD}`);
      await story.join();
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "called for twice, before and after the load": {
    visits: 1,
    clicks: 1,
    async run(story) {
      await story.open(`/commands.html?${AD}`);
      await story.page.eval(() => {
        edgeway("visit");
        edgeway("visit");
      });
      await story.join();
    },
    check({ visit, story }) {
      carriesAd(visit);
      if (story.backend === "ledger") assert.equal(visit.externalUserId, "customer-42");
    },
  },

  "identified later": {
    engines: ONCE,
    visits: 1,
    async run(story) {
      await story.open();
      await story.visited();
      await story.page.eval(() => edgeway("identify", "customer-7"));
      await story.page.until(() => window.edgeway.log.filter(({ type, data }) => type === "answered" && data.to === "init").length === 2);
    },
    check({ visit, story }) {
      carriesAd(visit);
      if (story.backend === "ledger") assert.equal(visit.externalUserId, "customer-7");
    },
  },

  "in two tabs": {
    visits: 2,
    clicks: 2,
    both: true,
    engines: WITH_TABS,
    async run(story) {
      await story.open();
      const second = await story.tab();
      await story.open("/plain.html?fbclid=OtherTab", { page: second });
      await story.visited(2);
      await story.join("#join", { page: second });
      await story.join();
    },
    check({ visits: [first, second], clicks }) {
      assert.equal(second.tempId, first.tempId);
      assert.match(second.fbc, /\.OtherTab$/);
      carriesAd(first);
      assert.equal(clicks.length, 2);
    },
  },

  "with commands that are none": {
    engines: ONCE,
    visits: 1,
    clicks: 1,
    head: `<script>
      window.edgeway = function () { (edgeway.q = edgeway.q || []).push(arguments); };
      edgeway("identify", 12345); edgeway("consent", true); edgeway("consent"); edgeway.q.push({ event: "visit" }, null);
    </script>`,
    async run(story) {
      await story.open();
      await story.page.eval(() => {
        edgeway.q.push({ event: "visit" });
        edgeway("consent", "yes");
      });
      await story.visited();
      const failed = await story.page.eval(() => edgeway.log.filter(({ type }) => type === "failed").map(({ data }) => [data.to ?? "", data.why]));
      await story.join();
      return failed;
    },
    check({ visit, story, outcome: failed }) {
      carriesAd(visit);
      assert.deepEqual(failed.filter(([to]) => to), [["consent", "true"], ["consent", "undefined"], ["consent", "yes"]]);
      assert.equal(failed.length, 6);
      if (story.backend === "ledger") assert.deepEqual([visit.externalUserId, visit.consent], ["12345", undefined]);
    },
  },

  "loaded again": {
    visits: 2,
    async run(story) {
      await story.open();
      await story.visited(1);
      await story.page.leads(() => story.page.eval(() => location.reload()));
    },
    check: ({ visits }) => visits.forEach((visit) => carriesAd(visit)),
  },

  "with the tag as a module": {
    visits: 1,
    clicks: 1,
    tag: { type: "module" },
    async run(story) {
      await story.open();
      await story.join();
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "with the tag as a module, behind another tool's tag with the same attribute": {
    visits: 1,
    clicks: 1,
    tag: { type: "module" },
    head: ANOTHERS,
    async run(story) {
      await story.open();
      await story.join();
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "with the script imported by a module of the page": {
    visits: 1,
    clicks: 1,
    async run(story) {
      await story.open(`/imports.html?${AD}`);
      await story.told("sent");
      await story.join();
    },
    check: ({ visit }) => carriesAd(visit),
  },

  "where a wrapper turns calls into pushes": {
    visits: 1,
    clicks: 1,
    engines: ["chromium", "firefox"],
    async run(story) {
      await story.open(`/wrapped.html?${AD}`);
      await story.page.eval(() => edgeway("visit"));
      await story.join();
    },
    check({ visit, story }) {
      carriesAd(visit);
      if (story.backend === "ledger") assert.equal(visit.externalUserId, "customer-42");
    },
  },
};
