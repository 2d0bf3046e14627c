// Day by day: channels under one model, or one channel under both.
"use strict";
const Days = (() => {
  const { fill, measured, dateOf, name } = Format;
  const { state } = Filters;
  const OTHERS = "All others";

  function days({ rows }) {
    const { measure } = state;
    const one = Boolean(state.channel);
    const grain = grainOf(rows);
    const shown = rows.filter((row) => one || row.model === state.model);
    const largest = largestChannels(shown, measure);
    const keyOf = (row) => (one ? row.model : largest.has(row.channel) ? row.channel : OTHERS);
    const sums = new Map();
    for (const row of shown) {
      const key = `${grain.of(row.conversion_date)}\n${keyOf(row)}`;
      sums.set(key, (sums.get(key) || 0) + row[measure]);
    }
    const dates = [...new Set(shown.map((row) => grain.of(row.conversion_date)))].sort();
    const keys = one ? [state.model, state.other] : [...largest, OTHERS].filter((key) => shown.some((row) => keyOf(row) === key));
    const value = (date, key) => sums.get(`${date}\n${key}`) || 0;
    Charts.draw("days-chart", () => ({
      words: `${name(measure)} by ${grain.name}, ${dates.length} of them; the table below has every figure`,
      traces: [...new Set(keys)].map((key, index) => ({
        ...(one ? { type: "scatter", mode: "lines+markers", line: { color: Charts.models()[index], width: 2.5, dash: index ? "dot" : "solid" } }
          : { type: "bar", marker: { color: Charts.colour(key), line: { color: Charts.css("--surface"), width: 0.5 } } }),
        name: one ? name(key) : key, x: dates, y: dates.map((date) => value(date, key)),
        hovertemplate: measure === "conversions" ? "%{y:,.2f}" : "$%{y:,.2f}",
      })),
      layout: { barmode: "stack", hovermode: "x unified", xaxis: { type: "date" }, yaxis: { tickprefix: measure === "conversions" ? "" : "$", exponentformat: "B" } },
    }));
    fill("days-table", Tables.behind(`${name(measure)} by ${grain.name}`, [
      { title: grain.title, value: (date) => dateOf(date) },
      ...[...new Set(keys)].map((key) => ({ title: one ? name(key) : key, number: true, value: (date) => measured(value(date, key), measure) })),
    ], dates));
    fill("days-note", one ? `${state.channel} under both models, by ${grain.name}.` : `Under ${name(state.model).toLowerCase()}, by ${grain.name}; UTC.`);
  }

  function largestChannels(rows, measure) {
    const sums = new Map();
    for (const row of rows) sums.set(row.channel, (sums.get(row.channel) || 0) + row[measure]);
    const ranked = [...sums].sort((one, other) => other[1] - one[1]).slice(0, Channels.MOST).map(([channel]) => channel);
    return new Set(Filters.choices().channels.filter((channel) => ranked.includes(channel)));
  }

  // More points than a screen has room for are added up.
  function grainOf(rows) {
    const dates = new Set(rows.map((row) => row.conversion_date)).size;
    if (dates <= 120) return { name: "day", title: "Day", of: (date) => date };
    if (dates <= 800) return { name: "week", title: "Week from", of: monday };
    return { name: "month", title: "Month from", of: (date) => `${date.slice(0, 7)}-01` };
  }

  function monday(date) {
    const moment = new Date(`${date}T00:00:00Z`);
    moment.setUTCDate(moment.getUTCDate() - ((moment.getUTCDay() + 6) % 7));
    return moment.toISOString().slice(0, 10);
  }

  return { show: days };
})();
