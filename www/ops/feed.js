// What happens, as it happens.

import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "./api.js";
import { time } from "./format.js";
import { Chip, Loading, Problem, Time, hashOf, html, useTicks } from "./parts.js";

const PAGE = 50;
const POLL_MS = 5_000;
/** Screen readers hear of news at most so often. */
const TOLD_MS = 30_000;
const MOST = 500;

const identity = (item) => JSON.stringify([item.kind, item.at, item.websiteId, item.title, item.detail]);

/** What brought somebody, as far as it is known. */
const origin = ({ campaign, ad }) => [campaign && `campaign ${campaign}`, ad && `ad ${ad}`];
const user = ({ telegramUserId }) => telegramUserId && `user ${telegramUserId}`;
/** The rest of an item's line, by its kind, and the id by which its trail is found. */
const LINES = {
  visit: (detail) => [[withoutScheme(detail.landingPage), ...origin(detail), detail.country, detail.bot && "a bot"], detail.tempId],
  fbp: (detail) => [[detail.fbp], detail.tempId],
  click: (detail) => [[...origin(detail), detail.mode === "personal" ? "a link of its own" : "the shared link"], detail.clickId],
  join: (detail) => [[user(detail), ...(detail.organic ? ["organic"] : [detail.source, ...origin(detail)])], detail.telegramUserId],
  leave: (detail) => [[user(detail), detail.status !== "left" && detail.status], detail.telegramUserId],
  conversion: (detail) => [[user(detail), detail.customEventName, detail.contentName, detail.coldLead && "a cold lead"], detail.conversionId],
  // What a platform says of what it took is of no news.
  send: (detail) => [[...(detail.state === "sent" ? [] : [detail.code, detail.message]), detail.attempts > 1 && `${detail.attempts} attempts`], detail.conversionId],
};
const lineOf = ({ kind, detail }) => {
  const [parts, id] = LINES[kind]?.(detail) ?? [[]];
  return { text: parts.filter(Boolean).join(", "), id };
};
const withoutScheme = (page) => page?.replace(/^https?:\/\//, "").split("?")[0];

/** `fresh` before `known`, without what stands in both. */
function merged(fresh, known) {
  const seen = new Set(known.map(identity));
  return [...fresh.filter((item) => !seen.has(identity(item))), ...known];
}

export function Feed({ site, forget }) {
  const [feed, setFeed] = useState({ busy: true });
  const [paused, setPaused] = useState(false);
  const [told, setTold] = useState("");
  const news = useRef({ many: 0, since: 0 });
  const items = feed.items;
  const page = (query) => call("GET", "feed", { query: { limit: PAGE, websiteId: site, ...query } });
  const shown = useRef();

  /** The latest page, and those before it until `known` is met: more may have happened since the last look than one page holds. */
  const latest = async (known) => {
    let { items, next } = await page({});
    while (known?.length && next && items.at(-1).at > known[0].at && items.length < MOST) {
      const older = await page({ before: next });
      items = [...items, ...older.items];
      next = older.next;
    }
    return { items, next };
  };
  const load = async () => {
    const of = (shown.current ??= {});
    try {
      const fresh = await latest(of.items);
      if (of !== shown.current) return;
      const many = of.items ? merged(fresh.items, of.items).length - of.items.length : 0;
      const all = merged(fresh.items, of.items ?? []);
      of.items = all.slice(0, MOST);
      // What is older goes on where the first page ended, or before what there is no room for any more.
      if (all.length > MOST) of.next = of.items.at(-1).at;
      else if (of.next === undefined) of.next = fresh.next;
      of.end ??= !fresh.next;
      setFeed({ items: of.items, end: of.end, at: Date.now() });
      tell(many);
    } catch (error) {
      if (of === shown.current) setFeed((feed) => ({ ...feed, busy: false, error }));
    }
  };
  const tell = (many) => {
    news.current.many += many;
    if (!news.current.many || Date.now() - news.current.since < TOLD_MS) return;
    setTold(`${news.current.many} new`);
    news.current = { many: 0, since: Date.now() };
  };
  const turnPage = async () => {
    const of = shown.current;
    try {
      const older = await page({ before: of.next });
      if (of !== shown.current) return;
      of.items = [...of.items, ...merged(older.items, of.items).slice(0, older.items.length).filter((item) => !of.items.includes(item))];
      of.next = older.next;
      of.end = !older.next || of.items.length >= MOST;
      setFeed({ items: of.items, end: of.end, at: Date.now() });
    } catch (error) {
      setFeed((feed) => ({ ...feed, error }));
    }
  };
  useEffect(() => {
    shown.current = {};
    setFeed({ busy: true });
    load();
    return () => (shown.current = undefined);
  }, [site]);
  // A refused key is not asked with again and again.
  useTicks(load, POLL_MS, !paused && feed.error?.status !== 401);

  return html`
    <div class="bar">
      <button type="button" aria-pressed=${String(paused)} onClick=${() => setPaused(!paused)}>Pause</button>
      <span class=${`live ${paused || feed.error ? "" : "on"}`}>${paused ? "Paused" : feed.error ? "Interrupted" : "Live"}</span>
      ${feed.at && html`<span class="quiet">as of ${time(feed.at)}</span>`}
      <span class="hidden" aria-live="polite">${told}</span>
    </div>
    <${Problem} error=${feed.error} retry=${load} forget=${forget} />
    <${Loading} busy=${feed.busy} data=${items} />
    ${items?.length === 0 && html`<p class="quiet">Nothing has happened yet.</p>`}
    <ol class="feed" aria-label="What happened, the latest first">${items?.map((item) => html`<${Item} key=${identity(item)} item=${item} site=${site} />`)}</ol>
    ${items?.length > 0 && !feed.end && html`<p class="row"><button type="button" onClick=${turnPage}>Show older</button></p>`}`;
}

function Item({ item, site }) {
  const { kind, at, title, detail, websiteId } = item;
  const { text, id } = lineOf(item);
  return html`<li>
    <${Time} at=${at} /><${Chip} kind=${kind === "send" ? detail.state : kind}>${kind}<//><span class="title">${title}</span>
    <span class="detail">${text}</span><span class="site">${websiteId}</span>
    <span class="more">${id && html`<a href=${hashOf("trail", { id, site })}>Trail<span class="hidden"> of ${kind} ${id}</span></a>`}</span>
  </li>`;
}
