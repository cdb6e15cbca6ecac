// What every view is made of.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { html } from "htm/preact";
import { iso, time } from "./format.js";

export { html };

/** A view's address: `#deliveries?state=dead`. */
export function hashOf(view, params) {
  // Not by its `size`, which browsers before 2023 have not.
  const query = String(new URLSearchParams(Object.entries(params).filter(([, value]) => value)));
  return `#${view}${query && `?${query}`}`;
}

/**
 * What `load(signal)` gives, anew whenever one of `inputs` changes: `{data, error, busy, reload}`. `data` stays while it is loaded
 * again for the same inputs, and is gone with others, before anything is drawn.
 */
export function useLoaded(load, inputs) {
  const asked = useMemo(() => ({}), inputs);
  const [state, setState] = useState({});
  const running = useRef();
  const start = useCallback((fresh) => {
    running.current?.abort();
    const stop = (running.current = new AbortController());
    setState((state) => ({ ...(fresh ? {} : state), asked, busy: true }));
    return load(stop.signal).then(
      (data) => stop.signal.aborted || setState({ asked, data, busy: false }),
      (error) => stop.signal.aborted || setState((state) => ({ ...state, error, busy: false })),
    );
  }, inputs);
  useEffect(() => {
    start(true);
    return () => running.current.abort();
  }, inputs);
  return { ...(state.asked === asked ? state : { busy: true }), reload: () => start(false) };
}

/** Calls `tick` every `ms` while the page is seen and `on`. The next call waits for the last. */
export function useTicks(tick, ms, on = true) {
  const latest = useRef(tick);
  latest.current = tick;
  useEffect(() => {
    if (!on) return undefined;
    let timer;
    let gone = false;
    const next = () => {
      timer = setTimeout(async () => {
        if (!document.hidden) await latest.current();
        if (!gone) next();
      }, ms);
    };
    const seen = () => !document.hidden && latest.current();
    next();
    document.addEventListener("visibilitychange", seen);
    return () => {
      gone = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [ms, on]);
}

/** What went wrong, with a way on. */
export function Problem({ error, retry, forget }) {
  if (!error) return null;
  return html`<div class="notice bad" role="alert">
    <p><b>${error.code ?? "Failed"}</b> ${error.message}</p>
    ${error.status === 401 ? html`<button type="button" onClick=${forget}>Enter another key</button>` : retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

export const Loading = ({ busy, data }) => (busy && !data ? html`<p class="quiet" role="status">Loading…</p>` : null);

export const Chip = ({ kind, children }) => html`<span class=${`chip ${kind}`}>${children}</span>`;

/** A share, 0 to 1, as a bar beside its number. */
export const Gauge = ({ share }) => html`<span class="gauge" aria-hidden="true">${share > 0 && html`<i style=${{ width: `${share * 100}%` }}></i>`}</span>`;

export const Time = ({ at }) => html`<time datetime=${iso(at)} title=${iso(at)}>${time(at)}</time>`;

/** One of several, as buttons in a row. `choices` are `[value, label]`. */
export function Choice({ label, choices, value, onChoose }) {
  return html`<div class="choice" role="group" aria-label=${label}>
    ${choices.map(([each, text]) => html`<button type="button" key=${each} aria-pressed=${String(each === value)} onClick=${() => onChoose(each)}>${text}</button>`)}
  </div>`;
}

export function Select({ label, choices, value, onChoose }) {
  return html`<label class="field"><span>${label}</span>
    <select value=${value} onChange=${(event) => onChoose(event.currentTarget.value)}>
      ${choices.map(([each, text]) => html`<option key=${each} value=${each} selected=${each === value}>${text}</option>`)}
    </select></label>`;
}

/** A table that scrolls sideways where it does not fit, and can be scrolled by keyboard then. */
export function Scroll({ label, children }) {
  return html`<div class="scroll" role="region" aria-label=${label} tabindex="0">${children}</div>`;
}

/** Asks before something is done. `question` null: closed. */
export function Confirm({ question, onAnswer }) {
  const dialog = useRef();
  useEffect(() => {
    if (question) dialog.current.showModal();
    else dialog.current.close();
  }, [question]);
  return html`<dialog ref=${dialog} aria-labelledby="question" onCancel=${(event) => (event.preventDefault(), onAnswer(false))}>
    <h2 id="question">${question?.title}</h2>
    <p>${question?.text}</p>
    <div class="row end">
      <button type="button" autofocus onClick=${() => onAnswer(false)}>Cancel</button>
      <button type="button" class="strong" onClick=${() => onAnswer(true)}>${question?.action}</button>
    </div>
  </dialog>`;
}
