// The operator's page: a key, five views, and what of them the address says.

import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Refusal, call, health, key } from "./api.js";
import { Deliveries } from "./deliveries.js";
import { Feed } from "./feed.js";
import { Funnel } from "./funnel.js";
import { Health } from "./health.js";
import { Problem, Select, hashOf, html } from "./parts.js";
import { Trail } from "./trail.js";

const VIEWS = { funnel: ["Funnel", Funnel], deliveries: ["Deliveries", Deliveries], feed: ["Live", Feed], health: ["Health", Health], trail: ["Trail", Trail] };

/** The address: `#deliveries?state=dead`. */
function place() {
  const [view, query] = location.hash.slice(1).split("?");
  return { view: Object.hasOwn(VIEWS, view) ? view : "funnel", params: Object.fromEntries(new URLSearchParams(query)) };
}

function App() {
  const [has, setHas] = useState(Boolean(key.read()));
  const [{ view, params }, setPlace] = useState(place);
  const [sites, setSites] = useState([]);
  const heading = useRef();
  useEffect(() => {
    const moved = () => setPlace(place());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  const seen = useRef(has && view);
  useEffect(() => {
    document.title = `${VIEWS[view][0]} · Edgeway`;
    if (has && seen.current !== view) heading.current?.focus();
    seen.current = has && view;
  }, [view, has]);
  useEffect(() => {
    if (has) health().then(({ sites }) => setSites(sites.map(({ websiteId }) => websiteId)), () => {});
  }, [has]);
  const forget = () => {
    key.forget();
    setHas(false);
  };
  const set = (changed) => {
    const next = hashOf(view, { ...params, ...changed });
    // So that Back leads to what was chosen before.
    if (next !== hashOf(view, params)) history.pushState(null, "", next);
    setPlace(place());
  };
  const [title, View] = VIEWS[view];
  const site = params.site ?? "";
  return html`
    <header class="top">
      <div class="wrap">
        <svg class="mark" viewBox="0 0 28 28" aria-hidden="true"><path d="M3 5h22M3 8h17M3 11h20M3 14h12M3 17h18M3 20h9M3 23h15" /></svg>
        <span class="brand">Edgeway</span>
        ${has && html`<nav aria-label="Views">${Object.entries(VIEWS).map(([name, [label]]) => html`<a key=${name} href=${hashOf(name, { site })} aria-current=${name === view ? "page" : undefined}>${label}</a>`)}</nav>
          <button type="button" class="forget" onClick=${forget}>Forget key</button>`}
      </div>
    </header>
    <main class="wrap">${has
      ? html`<div class="heading"><h1 tabindex="-1" ref=${heading}>${title}</h1>
          ${(sites.length > 1 || site) && html`<${Select} label="Site" value=${site} choices=${[["", "All sites"], ...[...new Set([...sites, ...(site ? [site] : [])])].map((each) => [each, each])]} onChoose=${(site) => set({ site })} />`}</div>
          <${View} key=${view} params=${params} set=${set} site=${site} forget=${forget} />`
      : html`<${Gate} onOpen=${() => setHas(true)} />`}
    </main>`;
}

/** Asks for the key, and tries it. */
function Gate({ onOpen }) {
  const [state, setState] = useState({});
  const field = useRef();
  useEffect(() => field.current.focus(), []);
  const open = async (event) => {
    event.preventDefault();
    const typed = field.current.value.trim();
    if (!typed) return setState({ error: new Refusal(400, "NO_KEY", "Type the operator’s key.") });
    // No header can hold anything else.
    if (!/^[\x21-\x7e]+$/.test(typed)) return setState({ error: new Refusal(400, "NO_KEY", "A key is letters, digits and signs, without spaces.") });
    setState({ busy: true });
    try {
      await call("GET", "sends", { query: { limit: 1 }, as: typed });
      key.keep(typed);
      onOpen();
    } catch (error) {
      setState({ error: error.status === 401 ? new Refusal(400, error.code, error.message) : error });
      field.current.select();
    }
  };
  return html`<form class="gate" onSubmit=${open}>
    <h1>Operator’s page</h1>
    <label class="field"><span>Operator key</span><input ref=${field} type="password" autocomplete="off" spellcheck=${false} /></label>
    <button type="submit" class="strong" disabled=${state.busy}>Open</button>
    <p class="quiet">The secret OPERATOR_KEY of this edge. It stays in this tab until you close it or press “Forget key”.</p>
    <${Problem} error=${state.error} />
  </form>`;
}

render(html`<${App} />`, document.querySelector("#app"));
