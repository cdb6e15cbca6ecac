// Deliveries to ad platforms: which, what became of them, and sending again what came to nothing.

import { useEffect, useState } from "preact/hooks";
import { call } from "./api.js";
import { count } from "./format.js";
import { Chip, Confirm, Gauge, Loading, Problem, Select, Time, hashOf, html, useLoaded } from "./parts.js";

const PAGE = 50;
const STATES = ["pending", "sent", "skipped", "rejected", "dead"];
const REPLAYABLE = ["skipped", "rejected", "dead"];
/** Google does not say which of those that went together it refused. */
const isReplayable = ({ state, code }) => REPLAYABLE.includes(state) || code === "PARTLY_REFUSED";
const PLATFORMS = [["meta", "Meta"], ["tiktok", "TikTok"], ["snapchat", "Snapchat"], ["google", "Google Ads"], ["ga4", "GA4"], ["telegram", "Telegram Ads"]];
const TWICE = "A platform knows an event again for about 48 hours: what it took longer ago, unknown to us, counts twice.";

export const platformName = (platform) => PLATFORMS.find(([each]) => each === platform)?.[1] ?? platform;

export function Deliveries({ params, set, site, forget }) {
  const { state = "", platform = "", destination = "", conversionId = "" } = params;
  const filter = { state, platform, destination, conversionId, websiteId: site };
  const inputs = Object.values(filter);
  const page = (before, signal) => call("GET", "sends", { query: { ...filter, limit: PAGE, before }, signal });
  const first = useLoaded((signal) => page(undefined, signal), inputs);
  const quality = useLoaded((signal) => call("GET", "match-quality", { query: { platform, destination, websiteId: site }, signal }), [platform, destination, site]);
  const [older, setOlder] = useState({ sends: [] });
  const [question, setQuestion] = useState(null);
  const [outcome, setOutcome] = useState(null);
  useEffect(() => setOlder({ behind: first.data, sends: [] }), [first.data]);
  useEffect(() => setOutcome(null), inputs);

  const sends = first.data ? [...first.data.sends, ...older.sends] : [];
  const isMore = sends.length > 0 && (older.last ?? first.data.sends.length) >= PAGE;
  const turnPage = async () => {
    const behind = first.data;
    // What comes late, behind another first page, is of another question.
    const change = (changed) => setOlder((older) => (older.behind === behind ? { ...older, busy: false, ...changed(older) } : older));
    change(() => ({ busy: true, error: null }));
    try {
      const next = await page(sends.at(-1).madeAt);
      change((older) => ({ sends: [...older.sends, ...next.sends], last: next.sends.length }));
    } catch (error) {
      change(() => ({ error }));
    }
  };
  const replay = async (isMeant) => {
    setQuestion(null);
    if (!isMeant) return;
    try {
      const { replayed } = await call("POST", "sends/replay", { body: question.body });
      setOutcome({ text: replayed === 1 ? "1 delivery is sent again." : `${count(replayed)} deliveries are sent again.` });
      await first.reload();
    } catch (error) {
      setOutcome({ error });
    }
  };
  const listed = sends.filter(isReplayable);
  const askAll = () => {
    // The API narrows a replay by all of these but the conversion.
    const body = conversionId ? { sendIds: listed.map(({ sendId }) => sendId) } : Object.fromEntries(Object.entries(filter).filter(([, value]) => value));
    const words = [state === "sent" ? "sent but refused in part" : state, platform && `to ${platformName(platform)}`, destination && `at ${destination}`, site && `of ${site}`, conversionId && `of conversion ${conversionId}`].filter(Boolean);
    setQuestion({ title: "Send all of these again?", text: `Every delivery that is ${words.join(", ")}: those listed and those further back, 10,000 at most. ${TWICE}`, action: "Send all again", body });
  };
  const askOne = (send) => setQuestion({ title: "Send this again?", text: `${send.eventId} to ${send.destination}. ${TWICE}`, action: "Send again", body: { sendIds: [send.sendId] } });

  return html`
    <form class="bar" onSubmit=${(event) => event.preventDefault()}>
      <${Select} label="State" value=${state} choices=${[["", "Any"], ...STATES.map((each) => [each, each])]} onChoose=${(state) => set({ state })} />
      <${Select} label="Platform" value=${platform} choices=${[["", "Any"], ...PLATFORMS]} onChoose=${(platform) => set({ platform })} />
      <${Text} label="Destination" value=${destination} onTell=${(destination) => set({ destination })} />
      <${Text} label="Conversion" value=${conversionId} onTell=${(conversionId) => set({ conversionId })} wide />
      <button type="button" onClick=${first.reload}>Refresh</button>
      ${state !== "" && listed.length > 0 && html`<button type="button" class="strong" onClick=${askAll}>Send all again…</button>`}
    </form>
    <div role="status">${outcome?.text && html`<div class="notice good"><p>${outcome.text}</p></div>`}</div>
    <${Problem} error=${outcome?.error} forget=${forget} />
    <${Problem} error=${first.error} retry=${first.reload} forget=${forget} />
    <${Loading} ...${first} />
    ${first.data && !sends.length && html`<p class="quiet">No deliveries match.</p>`}
    <ul class="deliveries" aria-label="Deliveries">${sends.map((send) => html`<${Send} key=${send.sendId} send=${send} site=${site} onReplay=${askOne} />`)}</ul>
    <${Problem} error=${older.error} retry=${turnPage} forget=${forget} />
    ${isMore && html`<p class="row"><button type="button" disabled=${older.busy} onClick=${turnPage}>Show older</button></p>`}
    <h2>Match quality, last 7 days</h2>
    <p class="quiet">By what each platform could recognise people: the share of deliveries that each key went with, of those it could have gone with.</p>
    ${quality.error?.code !== first.error?.code && html`<${Problem} error=${quality.error} retry=${quality.reload} forget=${forget} />`}
    <${Loading} ...${quality} />
    ${quality.data && !quality.data.destinations.length && html`<p class="quiet">Nothing was sent in this time.</p>`}
    <div class="cards">${quality.data?.destinations.map((each) => html`<${Quality} key=${`${each.websiteId} ${each.destination}`} ...${each} />`)}</div>
    <${Confirm} question=${question} onAnswer=${replay} />`;
}

/** A field that tells its text when one leaves it or presses Enter. */
function Text({ label, value, onTell, wide }) {
  return html`<label class=${`field ${wide ? "wide" : ""}`}><span>${label}</span>
    <input type="text" value=${value} spellcheck=${false} autocapitalize="off" placeholder="Any" onChange=${(event) => onTell(event.currentTarget.value.trim())} /></label>`;
}

function Send({ send, site, onReplay }) {
  const { state, platform, destination, websiteId, code, message, requestId, matchKeys, missingKeys, attempts, madeAt, changedAt, dueAt, conversionId } = send;
  return html`<li class="delivery">
    <div class="what"><${Chip} kind=${state}>${state}<//> <b>${destination}</b>${destination !== platform && html` <span class="quiet">${platformName(platform)}</span>`}
      <span class="quiet">${websiteId}</span></div>
    <div class="when"><${Time} at=${madeAt} />
      <span class="quiet">${attempts === 1 ? "1 attempt" : `${count(attempts)} attempts`}${changedAt !== madeAt && html`, last <${Time} at=${changedAt} />`}${dueAt && html`, next <${Time} at=${dueAt} />`}</span></div>
    <div class=${`words ${state === "sent" ? "quiet" : ""}`}>${code && html`<code>${code}</code> `}${message !== code && message}${requestId && html` <span class="quiet">request ${requestId}</span>`}</div>
    <div class="keys">
      ${matchKeys.length > 0 && html`<p><span class="hidden">Sent with: </span>${matchKeys.map((each) => html`<span class="match" key=${each}>${each}</span> `)}</p>`}
      ${missingKeys.length > 0 && html`<p class="quiet">without ${missingKeys.join(", ")}</p>`}
    </div>
    <div class="act"><a href=${hashOf("trail", { id: conversionId, site })}>Trail<span class="hidden"> of conversion ${conversionId}</span></a>
      ${isReplayable(send) && html`<button type="button" onClick=${() => onReplay(send)}>Send again…<span class="hidden"> ${conversionId} to ${destination}</span></button>`}</div>
  </li>`;
}

function Quality({ websiteId, destination, platform, sent, averageKeys, keys }) {
  return html`<section class="card" aria-label=${`${destination}, ${websiteId}`}>
    <h3>${destination} <span class="quiet">${destination === platform ? "" : `${platformName(platform)} `}${websiteId}</span></h3>
    <p><b>${count(sent)}</b> sent, <b>${averageKeys}</b> keys each</p>
    <dl class="shares">${[...keys].sort((one, other) => other.share - one.share).map(({ key, sent, missing, share }) => html`<div key=${key} title=${`${sent} of ${sent + missing}`}>
      <dt>${key}</dt><dd><${Gauge} share=${share} />${Math.round(share * 100)} %</dd>
    </div>`)}</dl>
  </section>`;
}
