// How buyers came: the flow of paths towards conversions, and how long it took.
"use strict";
const Paths = (() => {
  const { fill, money, count, counted, span } = Format;
  const { state } = Filters;

  // How many steps of a path the flow shows, counted from the conversion.
  const last = () => (innerWidth < 600 ? 2 : 4);

  function flow(rows) {
    const nodes = new Map();
    const links = new Map();
    const node = (depth, label) => {
      const key = `${depth}\n${label}`;
      if (!nodes.has(key)) nodes.set(key, { index: nodes.size, depth, label });
      return nodes.get(key).index;
    };
    for (const row of rows) {
      const steps = row.steps.slice(-last());
      const points = steps.map((step, index) => node(steps.length - index, step));
      points.push(node(0, "Conversion"));
      for (let at = 0; at + 1 < points.length; at += 1) {
        const key = `${points[at]}\n${points[at + 1]}`;
        links.set(key, (links.get(key) || 0) + row.conversions);
      }
    }
    return { nodes: [...nodes.values()], links: [...links].map(([key, value]) => [...key.split("\n").map(Number), value]) };
  }

  function paths({ rows, paths: number, conversions: all }) {
    const shown = rows.reduce((sum, row) => sum + row.conversions, 0);
    Charts.draw("paths-chart", () => {
      const { nodes, links } = flow(rows);
      const most = Math.max(1, ...nodes.map((one) => one.depth));
      const deeper = (hex) => `${hex}66`;
      return {
        words: `Flow of channels towards conversions: ${rows.slice(0, 5).map((row) => `${row.path}, ${count(row.conversions)}`).join("; ")}`,
        traces: rows.length ? [{
          type: "sankey", arrangement: "snap",
          node: {
            label: nodes.map((one) => one.label), pad: 14, thickness: 14, line: { width: 0 },
            x: nodes.map((one) => Math.min(0.999, Math.max(0.001, 1 - one.depth / most))),
            color: nodes.map((one) => (one.depth ? Charts.colour(one.label) : Charts.css("--text"))),
            hovertemplate: "%{label}: %{value:,}<extra></extra>",
          },
          link: {
            source: links.map(([from]) => from), target: links.map(([, to]) => to), value: links.map(([, , value]) => value),
            color: links.map(([from]) => deeper(Charts.colour(nodes[from].label))),
            hovertemplate: "%{source.label} → %{target.label}: %{value:,}<extra></extra>",
          },
        }] : [],
        layout: { margin: { l: 8, r: 8, t: 16, b: 16 } },
      };
    });
    fill("paths-table", Tables.table("Top conversion paths", [
      { title: "Path", value: (row) => row.path },
      { title: "Conversions", number: true, value: (row) => count(row.conversions) },
      { title: "Revenue", number: true, value: (row) => money(row.revenue) },
      { title: "Net revenue", number: true, value: (row) => money(row.net_revenue) },
    ], rows.slice(0, 10)), rows.length > 10 ? Tables.behind("More paths", [
      { title: "Path", value: (row) => row.path },
      { title: "Conversions", number: true, value: (row) => count(row.conversions) },
      { title: "Revenue", number: true, value: (row) => money(row.revenue) },
    ], rows.slice(10)) : null);
    const part = number > rows.length ? `The ${count(rows.length)} commonest of ${count(number)} paths, ${count(shown)} of ${count(all)} conversions. ` : "";
    fill("paths-note", `${part}The flow shows the last ${last()} touches before the conversion.${state.channel ? ` Conversions that ${state.channel} earned something of.` : ""}`);
  }

  function lengths(found) {
    const words = (rows) => rows.map((row) => `${row.name}: ${count(row.conversions)}`).join("; ");
    for (const [id, title] of [["spans", "Time"], ["touches", "Touches"]]) {
      Charts.bars(`${id}-chart`, found[id], `Conversions by ${title.toLowerCase()}: ${words(found[id])}`);
      fill(`${id}-table`, Tables.behind(`Conversions by ${title.toLowerCase()}`, [
        { title, value: (row) => row.name },
        { title: "Conversions", number: true, value: (row) => count(row.conversions) },
      ], found[id]));
    }
    fill("lengths-note", `Half of the buyers took up to ${span(found.median_seconds)} and ${counted(found.median_touches ?? 0, "touch", "touches")}.`);
  }

  return { show: paths, showLengths: lengths };
})();
