// Whether the edge is well, and a test event to each platform.

import { useState } from "preact/hooks";
import { call, health } from "./api.js";
import { apart, count, span } from "./format.js";
import { Chip, Loading, Problem, Scroll, Time, hashOf, html, useLoaded, useTicks } from "./parts.js";

const POLL_MS = 30_000;

export function Health({ site, forget }) {
  const state = useLoaded((signal) => health({ signal }), []);
  useTicks(state.reload, POLL_MS);
  const { data } = state;
  return html`
    <${Problem} error=${state.error} retry=${state.reload} forget=${forget} />
    <${Loading} ...${state} />
    ${data && html`<${State} health=${data} site=${site} />`}
    <${SelfTest} forget=${forget} />`;
}

function State({ health: { status, version, backend, bindings, settings, sites, deliveries, adstat, webhooks = [], backlog, cautions = [], problems }, site }) {
  const ours = (each) => !site || each.websiteId === site;
  const channels = sites.filter(ours).flatMap(({ websiteId, channels }) => channels.map((channel) => ({ websiteId, ...channel })));
  const look = cautions.filter((each) => !each.websiteId || ours(each));
  const cautionOf = (about, name, websiteId) => look.find((each) => each.about === about && each.name === name && each.websiteId === websiteId);
  const [kind, verdict] = status === "failing" ? ["bad", "Something is wrong"] : look.length ? ["warn", "It works, but look at this:"] : ["good", "All is well"];
  return html`
    <div class=${`notice ${kind}`}><p><b>${verdict}</b>${kind === "bad" && look.length ? " Look at this, too:" : ""}${look.length ? ` ${look.map((each) => wordsOf(each)).join("; ")}. ` : " "}
      <span class="version">Edgeway ${version}, backend ${backend.name}${backend.reachable ? "" : ", which does not answer"}</span></p></div>
    ${problems.length > 0 && html`<section><h2>Problems</h2><dl class="pairs problems">${problems.map(({ setting, message }) => html`<div key=${setting + message}><dt><code>${setting}</code></dt><dd>${message}</dd></div>`)}</dl></section>`}
    ${backlog && html`<${Backlog} backlog=${backlog} />`}
    <h2>Deliveries</h2>
    ${!deliveries ? html`<p class="quiet">What waits is not known: the ledger does not say.</p>` : deliveries.filter(ours).length ? html`<${Scroll} label="Deliveries that wait or fail"><table>
        <thead><tr><th scope="col">Destination</th><th scope="col" class="number">Waiting</th><th scope="col" class="number">Dead, 7 days</th><th scope="col">Paused</th><th scope="col">Site</th></tr></thead>
        <tbody>${deliveries.filter(ours).map(({ websiteId, destination, pending, held, dead, paused }) => html`<tr key=${`${websiteId} ${destination}`}>
          <td><a href=${hashOf("deliveries", { destination, site: websiteId })}>${destination}</a></td><td class="number">${count(pending)}</td>
          <td class="number">${dead ? html`<a href=${hashOf("deliveries", { state: "dead", destination, site: websiteId })}>${count(dead)}</a>` : "0"}</td>
          <td>${paused ? html`<${Chip} kind="dead">${paused}<//>` : held ? html`${count(held)} <${Chip} kind="dead">KIND_REFUSED<//>` : "no"}</td><td>${websiteId}</td></tr>`)}</tbody>
      </table><//>` : html`<p class="quiet">Nothing waits, nothing fails.</p>`}
    <h2>Invite links</h2>
    ${channels.length ? html`<${Scroll} label="Invite links by channel"><table>
        <thead><tr><th scope="col">Channel</th><th scope="col" class="number">Ready</th><th scope="col" class="number">Handed out</th><th scope="col">State</th><th scope="col">Mode</th><th scope="col">Fallback</th><th scope="col">Site</th></tr></thead>
        <tbody>${channels.map(({ websiteId, slug, mode, invite, pool, poolSize }) => html`<tr key=${`${websiteId} ${slug}`}><td>${slug}</td>
          <td class="number">${count(pool?.ready)}${pool && poolSize && html` <span class="quiet">of ${count(poolSize)}</span>`}</td><td class="number">${count(pool?.handedOut)}</td><td><${Pool} pool=${pool} caution=${cautionOf("invites", slug, websiteId)} /></td><td>${mode}</td><td>${invite}</td><td>${websiteId}</td></tr>`)}</tbody>
      </table><//>` : html`<p class="quiet">No channel is configured.</p>`}
    ${webhooks.length > 0 && html`<h2>Telegram’s webhooks</h2>
      <${Scroll} label="Telegram’s webhooks"><table>
        <thead><tr><th scope="col">Bot</th><th scope="col">State</th><th scope="col" class="number">Waiting</th><th scope="col">Last update</th><th scope="col">Leads to</th></tr></thead>
        <tbody>${webhooks.map((webhook) => html`<${Webhook} key=${webhook.bot} ...${webhook} caution=${cautionOf("webhook", webhook.bot)} />`)}</tbody>
      </table><//>`}
    <div class="cards">
      ${adstat && html`<section class="card"><h3>AdStat</h3>
        ${cautionOf("adstat")?.state === "behind" && html`<p class="notice warn">${cautionOf("adstat").why}</p>`}
        ${adstat.warning && html`<p class="notice warn">${adstat.warning}</p>`}
        <dl class="pairs">
          ${adstat.pulledAt && html`<div><dt>Spend as of</dt><dd><${Time} at=${adstat.pulledAt} /></dd></div>`}
          ${adstat.tokenFetchedAt && html`<div><dt>Token fetched</dt><dd><${Time} at=${adstat.tokenFetchedAt} /></dd></div>`}
          <div><dt>Token</dt><dd><${Until} at=${adstat.tokenExpiresAt} /></dd></div>
          <div><dt>Refresh token</dt><dd><${Until} at=${adstat.refreshTokenExpiresAt} /></dd></div>
          ${adstat.lastError && html`<div><dt>Last error</dt><dd class="off">${adstat.lastError}</dd></div>`}
        </dl></section>`}
      <section class="card"><h3>Bindings</h3><dl class="pairs">${Object.entries(bindings).map(([name, value]) => html`<div key=${name}><dt>${apart(name)}</dt>
        <dd class=${value === "bound" ? "" : "off"}>${value}</dd></div>`)}</dl></section>
      <section class="card"><h3>Settings</h3><dl class="pairs">${Object.entries(settings).map(([name, value]) => html`<div key=${name}><dt>${apart(name)}</dt>
        <dd>${value === null ? "not set" : value === true ? "yes" : value === false ? "no" : value}</dd></div>`)}</dl></section>
      ${sites.filter(ours).map(({ websiteId, domains, destinations }) => html`<section class="card" key=${websiteId}><h3>${websiteId}</h3><dl class="pairs">
        <div><dt>Domains</dt><dd>${domains.join(", ") || "none"}</dd></div><div><dt>Destinations</dt><dd>${destinations.join(", ") || "none"}</dd></div></dl></section>`)}
    </div>`;
}

/** What a caution is about, in words. */
const ABOUT = {
  invites: (slug) => `links for ${slug}`,
  webhook: (name, websiteId) => (websiteId ? `webhook events of ${name}` : `webhook of @${name}`),
  queue: () => "queue of visits and clicks",
  deliveries: (destination) => `deliveries to ${destination ?? "ad platforms"}`,
  adstat: () => "AdStat",
};
/** A caution in words; with its reason where no table below has that. */
function wordsOf({ about, name, websiteId, state, why }) {
  const isAlone = (about === "webhook" && websiteId) || name === "AdTarget";
  return `${ABOUT[about](name, websiteId)}: ${state}${isAlone ? ` (${why})` : ""}`;
}

/** States that mend themselves, or may be none. */
const PASSING = ["low", "paused", "not known"];

/** A caution's word, or that all is well. */
const Stand = ({ caution, good }) => html`<${Chip} kind=${!caution ? "sent" : PASSING.includes(caution.state) ? "pending" : "dead"}>${caution?.state ?? good}<//>`;

function Webhook({ caution, ...webhook }) {
  return html`<tr><td>@${webhook.bot}</td><td><${Stand} caution=${caution} good="good" /> ${caution?.why}</td><td class="number">${count(webhook.pendingUpdates)}</td>
    <td>${webhook.lastUpdateAt ? html`<${Time} at=${webhook.lastUpdateAt} />` : html`<span class="quiet">none in 7 days</span>`}</td><td>${webhook.host ?? "nowhere"}</td></tr>`;
}

/** What waits where, and since when. */
function Backlog({ backlog: { queue, outbox, owed } }) {
  const places = [["Queue of visits and clicks", queue], ["Deliveries to ad platforms", outbox], ["Conversions for AdTarget", owed]].filter(([, waiting]) => waiting);
  return html`<h2>What waits</h2>
    <${Scroll} label="What waits"><table>
      <thead><tr><th scope="col">Where</th><th scope="col" class="number">Waiting</th><th scope="col">The oldest since</th><th scope="col" class="number">Given up, 7 days</th></tr></thead>
      <tbody>${places.map(([place, { pending, oldestAt, dead }]) => html`<tr key=${place}><td>${place}</td><td class="number">${count(pending)}</td>
        <td>${oldestAt ? html`<${Time} at=${oldestAt} /> <span class="quiet">${span(Date.now() - oldestAt)}</span>` : "–"}</td><td class="number">${count(dead)}</td></tr>`)}</tbody>
    </table><//>`;
}

function Pool({ pool, caution }) {
  if (!pool && !caution) return html`<span class="quiet">no pool</span>`;
  return html`<${Stand} caution=${caution} good="filled" /> ${caution?.why}${caution?.state === "paused" && html`until <${Time} at=${pool.pausedUntil} />`}`;
}

function Until({ at }) {
  if (!at) return "none yet";
  const left = at - Date.now();
  return html`<${Time} at=${at} /> <span class="quiet">${left > 0 ? `in ${span(left)}` : "expired"}</span>`;
}

/** What came of a self-test, in words; those without a test door were not asked. */
function told(destinations) {
  if (!destinations.length) return "No ad platform is configured.";
  const asked = destinations.filter(({ accepted }) => accepted !== null);
  const untested = destinations.length - asked.length;
  return `${asked.filter(({ accepted }) => accepted).length} of ${asked.length} accepted${untested ? `; ${untested} can’t be tested` : ""}.`;
}

function SelfTest({ forget }) {
  const [test, setTest] = useState({});
  const run = async () => {
    setTest({ busy: true });
    try {
      setTest({ data: await call("POST", "selftest") });
    } catch (error) {
      setTest({ error });
    }
  };
  const word = (value) => (value === null ? "–" : html`<${Chip} kind=${value ? "sent" : "dead"}>${value ? "yes" : "no"}<//>`);
  return html`<section aria-labelledby="selftest">
    <div class="bar"><h2 id="selftest">Self-test</h2><button type="button" disabled=${test.busy} onClick=${run}>Send one test event to each platform</button></div>
    <p class="quiet">Through each platform’s own test door, where it is no conversion. Meta keeps it, as EdgewaySelfTest.</p>
    <div role="status">${test.busy && html`<p class="quiet">Asking the platforms…</p>`}${test.data && html`<p>${told(test.data.destinations)}</p>`}</div>
    <${Problem} error=${test.error} retry=${run} forget=${forget} />
    ${test.data?.destinations.length > 0 && html`<${Scroll} label="What each platform said"><table>
      <thead><tr><th scope="col">Destination</th><th scope="col">Accepted</th><th scope="col">Reachable</th><th scope="col">Credentials</th><th scope="col">Says</th><th scope="col">Site</th></tr></thead>
      <tbody>${test.data.destinations.map(({ websiteId, destination, reachable, credentials, accepted, message, matchKeys }) => html`<tr key=${`${websiteId} ${destination}`}>
        <td>${destination}</td><td>${word(accepted)}</td><td>${word(reachable)}</td><td>${word(credentials)}</td><td class="long">${message ?? matchKeys.join(", ")}</td><td>${websiteId}</td></tr>`)}</tbody>
    </table><//>`}
  </section>`;
}
