// What each channel earned under both models: a chart, and the table beside it.
"use strict";
const Channels = (() => {
  const { el, fill, money, count, signed, measured, name } = Format;
  const { state } = Filters;

  const MOST = 12; // channels that a chart tells apart; the table and the download have all

  function channels({ rows, total }) {
    const { measure } = state;
    const drawn = rows.slice(0, MOST);
    const words = drawn.map((row) => `${row.channel} ${measured(row[measure], measure)} and ${measured(row[`other_${measure}`], measure)}`);
    document.getElementById("channels-chart").style.height = `${92 + 42 * drawn.length}px`;
    Charts.draw("channels-chart", () => ({
      words: `${name(measure)} by channel under ${name(state.model)} and ${name(state.other)}: ${words.join("; ")}`,
      traces: rows.length ? [["", state.model, 0], ["other_", state.other, 1]].map(([prefix, model, index]) => ({
        type: "bar", orientation: "h", name: name(model), y: drawn.map((row) => row.channel),
        x: drawn.map((row) => row[prefix + measure]), marker: { color: Charts.models()[index] },
        hovertemplate: measure === "conversions" ? "%{y}: %{x:,.2f}" : "%{y}: $%{x:,.2f}",
      })).slice(0, state.model === state.other ? 1 : 2) : [],
      layout: { barmode: "group", bargap: 0.25, yaxis: { autorange: "reversed" }, legend: { orientation: "h", y: 1.02, yanchor: "bottom" },
        xaxis: { tickprefix: measure === "conversions" ? "" : "$", exponentformat: "B" } },
    }));
    const side = (prefix, model) => [
      { title: "Conversions", group: name(model), number: true, value: (row) => count(row[`${prefix}conversions`]) },
      { title: measure === "net_revenue" ? "Net revenue" : "Revenue", group: name(model), number: true, value: (row) => money(row[prefix + money_measure()]) },
    ];
    const tone = (key) => (row) => (row[key] > 0 ? "up" : row[key] < 0 ? "down" : "");
    const spent = total.spend !== null;
    fill("channels-table", Tables.table("Channels under both models", [
      { title: "Channel", value: (row) => (Data.isReport ? row.channel : el("button", {
        type: "button", class: "link", "aria-label": `Campaigns of ${row.channel}`,
        onclick: () => { Drill.go({ drill: row.channel })(); document.getElementById("drill").scrollIntoView(); },
      }, row.channel)) },
      ...side("", state.model), ...side("other_", state.other),
      { title: "Conv.", group: "Difference", number: true, mark: tone("difference_conversions"), value: (row) => signed(count(row.difference_conversions), row.difference_conversions) },
      { title: "Revenue", group: "Difference", number: true, mark: tone(`difference_${money_measure()}`), value: (row) => signed(money(row[`difference_${money_measure()}`]), row[`difference_${money_measure()}`]) },
      ...(spent ? [
        { title: "Spend", number: true, value: (row) => (row.spend === null ? "–" : money(row.spend)) },
        { title: "ROAS", number: true, value: (row) => (row.roas === null ? "–" : row.roas.toFixed(2)) },
      ] : []),
    ], rows, { total }));
    fill("channels-note", `${rows.length > MOST ? `The chart has the ${MOST} that earned most. ` : ""}${Data.isReport ? "" : "Choose a channel to see its campaigns. "}${spent ? "ROAS is revenue by spend, under " + name(state.model).toLowerCase() + "." : "Spend and ROAS stand here where spend is known."}`);
  }

  const money_measure = () => (state.measure === "net_revenue" ? "net_revenue" : "revenue");

  return { show: channels, MOST };
})();
