// One person's way, from the visit to what the platforms were told.

import { useEffect, useState } from "preact/hooks";
import { call } from "./api.js";
import { apart, span } from "./format.js";
import { Chip, Loading, Problem, Time, html, useLoaded } from "./parts.js";

const IDS = { telegramUserId: "Telegram user", clickId: "click", tempId: "visitor", conversionId: "conversion", externalUserId: "customer of yours" };

/** What a text can be, the likeliest first, as `[name, id]`: an id of the site's own may be any. */
export function guesses(text) {
  const id = text.trim();
  return id === "" ? [] : [...ofEdgeways(id), ["externalUserId", id]];
}

/** Which of Edgeway's own ids it can be. A click, a conversion and a visitor may all be 32 hex digits. */
function ofEdgeways(id) {
  if (/^\d{1,19}$/.test(id)) return [["telegramUserId", id]];
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return [["tempId", id], ["clickId", id.replaceAll("-", "").toLowerCase()]];
  // A delivery's id ends with its destination, an event's id starts with a word.
  const [, before, hex, behind] = /^(adtarget_)?([0-9a-f]{32})(_.+)?$/i.exec(id) ?? [];
  if (before || behind) return [["conversionId", hex.toLowerCase()]];
  if (hex) return ["clickId", "conversionId", "tempId"].map((name) => [name, hex.toLowerCase()]);
  return [];
}

/** The trail of the first guess that has one: `{name, id, steps}`. */
async function find(text, websiteId, signal) {
  const possible = guesses(text);
  if (!possible.length) return null;
  let refused;
  for (const [name, id] of possible) {
    try {
      const { steps } = await call("GET", "trail", { query: { [name]: id, websiteId }, signal });
      if (steps.length) return { name, id, steps };
    } catch (error) {
      // It may be the id of something else.
      if (error.status !== 404 && error.status !== 400) throw error;
      refused = error;
    }
  }
  return { name: possible[0][0], possible, steps: [], refused };
}

export function Trail({ params, set, site, forget }) {
  const id = params.id ?? "";
  const [typed, setTyped] = useState(id);
  useEffect(() => setTyped(id), [id]);
  const trail = useLoaded((signal) => find(id, site, signal), [id, site]);
  const { data } = trail;
  const guess = guesses(typed);
  return html`
    <form class="bar" onSubmit=${(event) => {
      event.preventDefault();
      if (typed.trim() === id) trail.reload();
      else set({ id: typed.trim() });
    }}>
      <label class="field wide"><span>Any id</span>
        <input type="search" value=${typed} spellcheck=${false} autocapitalize="off" autocomplete="off" aria-describedby="guess" placeholder="Telegram user, click, visitor, conversion, delivery or customer"
          onInput=${(event) => setTyped(event.currentTarget.value)} /></label>
      <button type="submit" class="strong">Find</button>
    </form>
    <p class="quiet" id="guess">${guess.length ? `Read as the id of a ${guess.map(([name]) => IDS[name]).join(", or a ")}.`
      : "A Telegram user’s number, the id of a click, a visitor, a conversion or a delivery, or your own of a customer."}</p>
    <${Problem} error=${trail.error} retry=${trail.reload} forget=${forget} />
    ${id && html`<${Loading} ...${trail} />`}
    <div role="status">${data && html`<p class="quiet">${data.steps.length ? `${data.steps.length} ${data.steps.length === 1 ? "step" : "steps"} of the ${IDS[data.name]} ${data.id}`
      : `No trail of ${id}.${data.refused ? ` ${data.refused.message}` : ""}`}</p>`}</div>
    ${data?.steps.length > 0 && html`<ol class="trail">${data.steps.map((step, index, steps) => html`<${Step} key=${index} step=${step} last=${steps[index - 1]} />`)}</ol>`}`;
}

/** What a step's title has said already, and what is of no news. */
const SAID = {
  click: () => ["channel"],
  join: () => ["channel"],
  leave: () => ["channel"],
  conversion: () => ["eventType", "value", "currency"],
  send: ({ platform, destination, attempts, code }) => ["platform", "state", "sendId", "madeAt", destination === platform && "destination", attempts === 1 && "attempts", code === "OK" && "code"],
};
/** From so many characters on a value has a line of its own. */
const LONG = 44;

function Step({ step: { kind, at, title, websiteId, detail }, last }) {
  const said = SAID[kind]?.(detail) ?? [];
  const facts = factsOf(detail).filter(([name], at, all) => !said.includes(name) && all.findIndex(([other]) => other === name) === at);
  return html`<li data-kind=${kind}>
    <div class="head"><${Chip} kind=${kind === "send" ? detail.state : kind}>${kind}<//> <span class="title">${title}</span> <${Time} at=${at} />${last && html` <span class="quiet">${at - last.at > 0 ? `${span(at - last.at)} later` : "at once"}</span>`}
      <span class="quiet site">${websiteId}</span></div>
    <dl class="facts">${facts.map(([name, value]) => html`<div key=${name} class=${String(value).length > LONG ? "long" : ""}><dt>${apart(name)}</dt><dd>${fact(name, value)}</dd></div>`)}</dl>
  </li>`;
}

/** What is known, as names and values; what lies within another goes beside it. */
const factsOf = (detail) => Object.entries(detail).flatMap(([name, value]) => {
  if (value === null || value === undefined || value === "") return [];
  return typeof value === "object" && !Array.isArray(value) ? factsOf(value) : [[name, value]];
});

function fact(name, value) {
  if (typeof value === "number" && /At$/.test(name)) return html`<${Time} at=${value} />`;
  if (typeof value === "boolean") return value ? "yes" : "no";
  return Array.isArray(value) ? value.join(", ") : String(value);
}
