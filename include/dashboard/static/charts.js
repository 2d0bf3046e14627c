// Charts by plotly.js in the page's colours. Each says in words what it shows; its table stands beside it.
"use strict";
const Charts = (() => {
  const drawn = new Map();
  // Okabe and Ito: told apart by every kind of colour vision.
  const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8A8A8A"];
  let channels = [];

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const know = (names) => { channels = names; };
  const colour = (channel) => COLOURS[Math.max(0, channels.indexOf(channel)) % COLOURS.length];
  const models = () => [css("--first"), css("--second")];

  function layout(more) {
    const axis = { gridcolor: css("--line"), zerolinecolor: css("--line"), automargin: true, fixedrange: true };
    return {
      font: { family: css("--font"), size: 13, color: css("--text") },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 8, r: 16, t: 8, b: 8 },
      hoverlabel: { bgcolor: css("--raised"), bordercolor: css("--line"), font: { color: css("--text") } },
      legend: { orientation: "h", y: -0.12, x: 0, xanchor: "left", yanchor: "top" },
      ...more,
      xaxis: { ...axis, ...more.xaxis }, yaxis: { ...axis, ...more.yaxis },
    };
  }

  // make() -> {traces, layout, words}; called again where the colours change.
  function draw(id, make) {
    drawn.set(id, make);
    const place = document.getElementById(id);
    const { traces, layout: more, words } = make();
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", words);
    place.hidden = !traces.length;
    if (!traces.length) return;
    Plotly.react(place, traces, layout(more), { displayModeBar: false, responsive: true, showTips: false });
  }

  function bars(id, rows, words) {
    draw(id, () => ({
      words,
      traces: [{
        type: "bar", x: rows.map((row) => row.name), y: rows.map((row) => row.conversions),
        marker: { color: models()[0] }, hovertemplate: "%{y:,} conversions<extra></extra>",
      }],
      layout: { xaxis: { type: "category" } },
    }));
  }

  document.addEventListener("theme", () => drawn.forEach((make, id) => draw(id, make)));
  return { draw, bars, know, colour, models, css };
})();
