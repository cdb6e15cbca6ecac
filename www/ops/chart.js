// A count or an amount by day, drawn by uPlot.

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { DAY_MS, short } from "./format.js";
import { html } from "./parts.js";

const DARK = matchMedia("(prefers-color-scheme: dark)");

/** What days that are named may be apart. */
const WEEKS = [1, 2, 7, 14, 28];
/** The least room of a day's name, in px. */
const NAME_PX = 64;

/** The days that are named: the last, and before it as many as have room; or the first and the last. */
function named(days, px) {
  const last = days.length - 1;
  const room = Math.floor((px * last) / days.length / NAME_PX);
  const fitting = WEEKS.find((step) => last / step <= room);
  const step = fitting * 2 <= last ? fitting : last;
  return days.filter((_, index) => (last - index) % step === 0);
}

/** What a grid's lines may be apart: whole numbers, since half a visit is none. */
const STEPS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

/**
 * `days` are Unix times of UTC midnights in ms; `series` are `{label, values, color, show}`, `color` a CSS variable's name and `show` how
 * a value reads. One series is drawn as bars, two as lines. The caption reads the day under the pointer, else the sum.
 */
export function DayChart({ title, days, series, sums }) {
  const place = useRef();
  const [at, setAt] = useState(null);
  const [scheme, setScheme] = useState(DARK.matches);
  useEffect(() => {
    const change = () => setScheme(DARK.matches);
    DARK.addEventListener("change", change);
    return () => DARK.removeEventListener("change", change);
  }, []);
  useEffect(() => {
    const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const axis = { stroke: color("--ink-soft"), font: "11px system-ui, sans-serif", ticks: { show: false } };
    const grid = { stroke: color("--rule"), width: 1 };
    const chart = new uPlot(
      {
        width: place.current.clientWidth,
        height: 132,
        padding: [8, 24, 0, 0],
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
        legend: { show: false },
        cursor: { y: false, sync: { key: "days" }, drag: { x: false, y: false }, points: { show: series.length > 1 } },
        scales: {
          x: { range: (_, from, to) => [from - DAY_MS / 2e3, to + DAY_MS / 2e3] },
          y: { range: (_, from, to) => [Math.min(0, from), to > 0 ? to * 1.08 : 1] },
        },
        axes: [
          {
            ...axis, size: 24, gap: 4, grid: { show: false }, space: 0, incrs: [DAY_MS / 1e3],
            splits: (chart) => named(days, chart.bbox.width / devicePixelRatio).map((day) => day / 1e3), values: (_, ticks) => ticks.map(dayName),
          },
          { ...axis, size: 38, gap: 4, grid, space: 20, incrs: STEPS, values: (_, ticks) => ticks.map((tick) => (tick ? short(tick) : "")) },
        ],
        series: [
          {},
          ...series.map((each) => (series.length === 1
            ? { label: each.label, fill: color(each.color), width: 0, paths: uPlot.paths.bars({ size: [0.72, 40], radius: 0.12 }), points: { show: false } }
            : { label: each.label, stroke: color(each.color), width: 2, points: { show: days.length < 14, size: 5, fill: color(each.color) } })),
        ],
        hooks: { setCursor: [({ cursor }) => setAt(cursor.idx ?? null)] },
      },
      [days.map((day) => day / 1e3), ...series.map(({ values }) => values)],
      place.current,
    );
    const fit = new ResizeObserver(() => chart.setSize({ width: place.current.clientWidth, height: 132 }));
    fit.observe(place.current);
    return () => {
      fit.disconnect();
      chart.destroy();
    };
  }, [days, series, scheme]);
  const seen = at !== null && at < days.length ? at : null;
  return html`<figure class="chart">
    <figcaption>
      <b>${title}</b>
      <span>${series.map((each, index) => html`<span class="key" key=${each.label}>${series.length > 1 && html`<i class=${each.color.slice(2)}></i>${each.label} `}
        <output>${seen === null ? sums[index] : each.show(each.values[seen])}</output></span> `)}</span>
      <span class=${`when ${seen === null ? "all" : ""}`}>${seen === null ? "in all" : dayName(days[seen] / 1e3)}</span>
    </figcaption>
    <div class="plot" ref=${place} role="img" aria-label=${`${title} by day: ${series.map(({ label }, index) => `${label} ${sums[index]}`).join(", ")} in all. The table by day has the numbers.`}></div>
  </figure>`;
}

const DAY_NAME = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const dayName = (seconds) => DAY_NAME.format(new Date(seconds * 1e3));
