// The funnel: today, over a time, by day, and by what brought people.

import { useMemo, useState } from "preact/hooks";
import { call, file } from "./api.js";
import { DayChart } from "./chart.js";
import { DAY_MS, coded, count, download, money, rate, ratio, utcDay } from "./format.js";
import { Choice, Gauge, Loading, Problem, Scroll, Time, hashOf, html, useLoaded, useTicks } from "./parts.js";

const DAYS = [["7", "7 days"], ["30", "30 days"], ["90", "90 days"]];
const BY = [["ad", "Ad"], ["campaign", "Campaign"], ["source", "Source"], ["channel", "Channel"], ["day", "Day"]];
const STEPS = [["visits", "Visits"], ["inviteClicks", "Invite clicks"], ["joins", "Joins"], ["purchases", "Purchases"]];
const MINUTE_MS = 60_000;
/** From so many on four numbers have no room beside each other on a phone. */
const LONG = 1_000_000;
/** What ads cost comes once an hour. */
const LATE_MS = 3 * 3_600_000;

export function Funnel({ params, set, site, forget }) {
  const days = DAYS.some(([each]) => each === params.days) ? params.days : "30";
  const by = BY.some(([each]) => each === params.by) ? params.by : "ad";
  const asked = (by) => {
    const today = Date.now();
    return { from: utcDay(today - (days - 1) * DAY_MS), to: utcDay(today + DAY_MS), by, websiteId: site };
  };
  const daily = useLoaded((signal) => call("GET", "report", { query: asked("day"), signal }), [days, site]);
  const parted = useLoaded((signal) => call("GET", "report", { query: asked(by), signal }), [days, by, site]);
  const [saving, setSaving] = useState({});
  const save = async () => {
    const query = asked(by);
    setSaving({ busy: true });
    try {
      download(`edgeway-${by}-${query.from}-${utcDay(Date.parse(query.to) - DAY_MS)}.csv`, await file("report", { ...query, format: "csv" }));
      setSaving({});
    } catch (error) {
      setSaving({ error });
    }
  };
  const reload = () => Promise.all([daily.reload(), parted.reload()]);
  useTicks(reload, MINUTE_MS);
  return html`
    <div class="bar">
      <${Choice} label="Time" choices=${DAYS} value=${days} onChoose=${(days) => set({ days })} />
      <span class="quiet">Days are UTC; bots are not counted; ROAS and cost per join in all are of all revenue and joins</span>
    </div>
    ${daily.data && html`<${Late} at=${daily.data.spendAt} site=${site} />`}
    <${Problem} error=${daily.error} retry=${reload} forget=${forget} />
    <${Loading} ...${daily} />
    ${daily.data && html`<${Steps} report=${daily.data} days=${days} /><${Charts} report=${daily.data} days=${Number(days)} />`}
    <div class="bar">
      <h2>By</h2>
      <${Choice} label="Rows" choices=${BY} value=${by} onChoose=${(by) => set({ by })} />
      ${parted.data && html`<button type="button" class="push" disabled=${saving.busy} onClick=${save}>Download CSV</button>`}
    </div>
    <${Problem} error=${saving.error} retry=${save} forget=${forget} />
    ${parted.error && parted.error.code !== daily.error?.code && html`<${Problem} error=${parted.error} retry=${reload} forget=${forget} />`}
    <${Loading} ...${parted} />
    ${parted.data && html`<${Rows} report=${parted.data} by=${by} params=${params} set=${set} /><${Rates} report=${parted.data} />`}`;
}

function Steps({ report, days }) {
  const today = report.rows.find(({ key }) => dayOf(key) === utcDay(Date.now())) ?? {};
  return html`<div class="strips">
    <${Strip} name="Today" row=${today} report=${report} />
    <${Strip} name=${`${days} days`} row=${totalOf(report)} report=${report} />
  </div>`;
}

/** All rows together, with what of them is in no sum. */
const totalOf = ({ total, unconverted }) => ({ ...total, unconverted });

/** Where what ads cost has not come for long: since when. */
function Late({ at, site }) {
  if (!at || Date.now() - at < LATE_MS) return null;
  return html`<div class="notice warn" role="status"><p><b>Spend is of <${Time} at=${at} />.</b> What ads cost since has not come from AdStat, so ROAS looks better than it is: <a href=${hashOf("health", { site })}>Health</a> says why.</p></div>`;
}

function Strip({ name, row, report: { currency } }) {
  const most = Math.max(1, ...STEPS.map(([field]) => row[field] ?? 0));
  row = withoutUnknown(row);
  const sums = [
    ["Spend", money(row.spend, currency)], ["Revenue", money(row.revenue, currency)], ["ROAS", ratio(row.roas)], ["Cost per join", money(row.costPerJoin, currency)],
    ["Impressions", count(row.impressions)], ["Ad clicks", count(row.adClicks)], ["Leaves", count(row.leaves ?? 0)],
  ];
  return html`<section class="strip" aria-label=${name}>
    <h2>${name}</h2>
    <ol class=${`steps ${most >= LONG ? "long" : ""}`}>
      ${STEPS.map(([field, label], index) => html`<li key=${field}>
        <span class="label">${label}</span>
        <span class="big">${count(row[field] ?? 0)}</span>
        <span class="rate">${index ? html`${rate(row[field] ?? 0, row[STEPS[index - 1][0]] ?? 0)}<span class="hidden"> of ${STEPS[index - 1][1].toLowerCase()}</span>` : "\u00a0"}</span>
        <${Gauge} share=${(row[field] ?? 0) / most} />
      </li>`)}
    </ol>
    <dl class="sums">${sums.map(([label, value]) => html`<div key=${label}><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
  </section>`;
}

/** The UTC day a row of a report by day is of; its key is that, or its midnight in ms. */
const dayOf = (key) => (/^\d{9,}$/.test(key) ? utcDay(Number(key)) : String(key).slice(0, 10));

function Charts({ report, days }) {
  const [dates, charts] = useMemo(() => {
    const last = Date.parse(utcDay(Date.now()));
    const dates = Array.from({ length: days }, (_, index) => last - (days - 1 - index) * DAY_MS);
    const rows = new Map(report.rows.map((row) => [dayOf(row.key), row]));
    const values = (field) => dates.map((day) => Number(rows.get(utcDay(day))?.[field] ?? 0));
    const total = report.total ?? {};
    const amount = (value) => money(value, report.currency);
    const charts = STEPS.map(([field, title], index) => ({ title, sums: [count(total[field] ?? 0)], series: [{ label: title, values: values(field), color: `--c${index + 1}`, show: count }] }));
    if (report.rows.some(({ spend, revenue }) => spend || revenue)) {
      const series = [["Spend", "spend", "--c5"], ["Revenue", "revenue", "--c4"]].map(([label, field, color]) => ({ label, values: values(field), color, show: amount }));
      charts.push({ title: "Money", sums: [amount(total.spend), amount(total.revenue)], series });
    }
    return [dates, charts];
  }, [report, days]);
  return html`<section class="charts" aria-label="By day">${charts.map((chart) => html`<${DayChart} key=${chart.title} days=${dates} ...${chart} />`)}</section>`;
}

const COLUMNS = [
  ["impressions", "Impr.", count], ["adClicks", "Ad clicks", count], ["spend", "Spend", money], ["visits", "Visits", count],
  ["inviteClicks", "Invite clicks", count], ["clickRate", "Click rate", (value) => rate(value, 1)], ["joins", "Joins", count], ["joinRate", "Join rate", (value) => rate(value, 1)],
  ["leaves", "Leaves", count], ["purchases", "Purchases", count], ["revenue", "Revenue", money], ["costPerJoin", "Cost/join", money], ["roas", "ROAS", ratio],
];
const per = (part, whole) => (whole > 0 ? part / whole : null);
/** What ads cost is known of what AdStat counts, and of nothing else. */
const withoutUnknown = (row) => {
  if (!row.impressions && !row.adClicks && !row.spend) return { ...row, impressions: null, adClicks: null, spend: null, costPerJoin: null, roas: null };
  // Nothing of what has a rate.
  return !row.spend && row.unconverted?.some(({ spend }) => spend > 0) ? { ...row, spend: null } : row;
};
const withRates = (row) => ({ ...withoutUnknown(row), clickRate: per(row.inviteClicks, row.visits), joinRate: per(row.joins, row.inviteClicks) });
const nameOf = ({ key, label }) => label || key || "(none)";

function Rows({ report, by, params, set }) {
  const column = params.sort?.replace("-", "") || (by === "day" ? "key" : "visits");
  const falling = params.sort ? params.sort.startsWith("-") : true;
  const value = (row) => (column === "key" ? (by === "day" ? row.key : nameOf(row)) : row[column]);
  const rows = report.rows.map(withRates).sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    // What is not known stands last, either way.
    if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) === (b ?? null) ? 0 : (a ?? null) === null ? 1 : -1;
    return (typeof a === "number" ? a - b : String(a).localeCompare(String(b))) * (falling ? -1 : 1);
  });
  const head = (field, label) => html`<th key=${field} scope="col" class=${field === "key" ? "name" : ""} aria-sort=${field === column ? (falling ? "descending" : "ascending") : undefined}>
    <button type="button" onClick=${() => set({ sort: field === column && falling ? field : `-${field}` })}>${label}</button></th>`;
  const cells = (row) => COLUMNS.map(([field, , show]) => html`<td key=${field}>${show(row[field], report.currency)}</td>`);
  const what = BY.find(([each]) => each === by)[1];
  if (!rows.length) return html`<p class="quiet">Nothing in this time.</p>`;
  return html`<${Scroll} label=${`By ${what.toLowerCase()}`}><table class="numbers">
    <thead><tr>${head("key", what)}${COLUMNS.map(([field, label]) => head(field, label))}</tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.key}><th scope="row" class="name" title=${nameOf(row) === row.key ? row.key : `${nameOf(row)} (${row.key || "unknown"})`}><bdi>${nameOf(row)}</bdi></th>${cells(row)}</tr>`)}</tbody>
    ${report.total && html`<tfoot><tr><th scope="row" class="name">Total</th>${cells(withRates(totalOf(report)))}</tr></tfoot>`}
  </table><//>
    ${report.truncated && html`<p class="quiet">These are the ${count(rows.length)} that weigh the most; the total is of all, and the CSV lists more.</p>`}`;
}

/** What amounts were converted by, and which could not be. */
function Rates({ report }) {
  const rates = Object.entries(report.rates).filter(([currency]) => currency !== report.currency);
  const left = report.unconverted.flatMap(({ currency, spend, revenue }) => [[spend, currency, "spend"], [revenue, currency, "revenue"]]).filter(([amount]) => amount);
  return html`
    ${rates.length > 0 && html`<p class="quiet">Amounts in ${report.currency}; ${rates.map(([currency, rate]) => `1 ${currency} = ${rate} ${report.currency}`).join(", ")}.</p>`}
    ${left.length > 0 && html`<div class="notice warn" role="status"><p><b>Not counted</b> for want of a rate in REPORT_RATES: ${left.map(([amount, currency, what]) => `${coded(amount, currency)} of ${what}`).join(", ")}.</p></div>`}`;
}
