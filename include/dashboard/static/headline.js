// What is always in sight, the answer in a sentence, and the figures in one row.
"use strict";
const Headline = (() => {
  const { el, fill, money, count, measured, percent, dateOf, span, ago, name } = Format;
  const { state } = Filters;

  function health({ health: found }) {
    const warned = found.warnings.map((one) => `${one.name}: ${one.failures ?? "did not run"}`).join("; ");
    const rejected = found.last.rejected_rows + found.last.rejected_files;
    const part = (what, text, tone, title) => el("span", { class: `fact ${tone || ""}`, title }, `${what} `, el("b", {}, text));
    fill("health",
      part("Published", `${ago(found.last.published_at)} ago`, found.stale_minutes ? "bad" : "good", found.last.published_at),
      part("Landed to published", span(found.landed_p50_seconds), "", `95 in 100 events within ${span(found.landed_p95_seconds)}`),
      part(found.warnings.length ? "Checks that warn" : "Checks passed",
        found.warnings.length ? `${found.warnings.length} of ${found.passed + found.warnings.length}` : `${found.passed}`, found.warnings.length ? "warn" : "good", warned),
      part("Rejected rows", count(rejected), rejected ? "warn" : "good"),
      part("Complete look-backs", found.conversions ? percent(Math.floor((found.complete / found.conversions) * 100) / 100) : "–",
        found.complete < found.conversions ? "warn" : found.conversions ? "good" : "",
        `${count(found.complete)} of ${count(found.conversions)} conversions of the period`));
    stale(found);
  }

  function stale(found) {
    const old = document.getElementById("stale");
    if (old) old.remove();
    if (!found.stale_minutes) return;
    document.getElementById("content").prepend(el("p", { id: "stale", class: "banner" },
      el("b", {}, `No new events for ${span(found.stale_minutes * 60)}. `),
      "The figures below are the last that were published. Look whether the source still sends, and at ",
      Data.isReport ? "the pipeline." : el("a", { href: "operations" }, "Operations"), Data.isReport ? null : "."));
  }

  const best = (rows, prefix) => rows.reduce((top, row) =>
    (top === null || row[prefix + state.measure] > top[prefix + state.measure] ? row : top), null);

  function answer({ rows, total }) {
    if (!rows.length) return fill("answer", "No channel earned anything in this period under these filters. Choose a longer period.");
    const sides = [["", state.model], ["other_", state.other]].map(([prefix, model]) => {
      const top = best(rows, prefix);
      const value = top[prefix + state.measure];
      const all = total[prefix + state.measure];
      if (state.channel) return [el("strong", {}, name(model)), ` ${measured(value, state.measure)}`];
      const share = all ? ` (${percent(value / all)})` : "";
      return [el("strong", {}, `${name(model)}: ${top.channel}`), ` ${measured(value, state.measure)}${share}`];
    });
    const [first, second] = sides;
    const what = state.channel ? `${name(state.measure)} of ${state.channel}` : `Most ${name(state.measure).toLowerCase()}`;
    const narrowed = [state.device && `, touches on ${state.device}`, state.customer && `, ${state.customer} customers`];
    fill("answer", `${what}, ${dateOf(state.start)} to ${dateOf(state.end)}${narrowed.join("")}: `, first,
      state.model === state.other ? [] : [" · ", ...second], ".");
  }

  function tiles({ channels: { total }, lengths, summary }) {
    const tile = (title, value, more) => el("div", {}, el("dt", {}, title), el("dd", {}, value), more ? el("dd", { class: "more" }, more) : null);
    fill("tiles",
      tile("Revenue", money(total.revenue), `${money(total.net_revenue)} after refunds`),
      tile("Conversions", count(total.conversions), total.conversions ? `${money(total.revenue / total.conversions)} each` : null),
      tile("Spend", total.spend === null ? "–" : money(total.spend), total.roas === null ? "no spend known" : `ROAS ${total.roas.toFixed(2)}`),
      tile("Median time to convert", span(lengths.median_seconds)),
      tile("Median touches", lengths.median_touches === null ? "–" : count(lengths.median_touches)),
      tile("Complete look-back", summary.health.conversions ? `${count(summary.health.complete)} of ${count(summary.health.conversions)}` : "–"));
  }

  return { health, answer, tiles };
})();
