// The page of channels.
"use strict";
(() => {
  const { el, fill, money, count, signed, measured, percent, dateOf, span, ago, name } = Format;
  const { state, asked } = Filters;
  const NAMES = { revenue: "revenue", net_revenue: "net revenue", conversions: "conversions" };
  let answers = {};

  function health({ health: found }) {
    const warned = found.warnings.map((one) => `${one.name}: ${one.failures ?? "did not run"}`).join("; ");
    const rejected = found.last.rejected_rows + found.last.rejected_files;
    const part = (text, what, tone, title) => el("span", { class: `fact ${tone || ""}`, title }, el("b", {}, text), ` ${what}`);
    fill("health",
      part(`${ago(found.last.published_at)} ago`, "published", found.stale_minutes ? "bad" : "good", found.last.published_at),
      part(span(found.lag_p50_seconds), "event to published", "", `95 in 100 within ${span(found.lag_p95_seconds)}`),
      part(found.warnings.length ? `${found.warnings.length} of ${found.passed + found.warnings.length}` : `${found.passed}`,
        found.warnings.length ? "checks warn" : "checks passed", found.warnings.length ? "warn" : "good", warned),
      part(count(rejected), "rejected rows", rejected ? "warn" : "good"),
      part(found.conversions ? percent(Math.floor((found.complete / found.conversions) * 100) / 100) : "–", "complete look-backs",
        found.complete < found.conversions ? "warn" : "good",
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
      const share = all ? ` (${percent(value / all)})` : "";
      return [el("strong", {}, `${name(model)}: ${top.channel}`), ` ${measured(value, state.measure)}${share}`];
    });
    const [first, second] = sides;
    fill("answer", `Most ${NAMES[state.measure]}, ${dateOf(state.start)} to ${dateOf(state.end)}: `, first,
      state.model === state.other ? [] : [" · ", ...second], ".");
  }

  function tiles({ total }) {
    const { lengths, summary } = answers;
    const tile = (title, value, more) => el("div", {}, el("dt", {}, title), el("dd", {}, value), more ? el("dd", { class: "more" }, more) : null);
    fill("tiles",
      tile("Revenue", money(total.revenue), `${money(total.net_revenue)} after refunds`),
      tile("Conversions", count(total.conversions), total.conversions ? `${money(total.revenue / total.conversions)} each` : null),
      tile("Spend", total.spend === null ? "–" : money(total.spend), total.roas === null ? "no spend known" : `ROAS ${total.roas.toFixed(2)}`),
      tile("Median time to convert", span(lengths.median_seconds)),
      tile("Median touches", lengths.median_touches === null ? "–" : count(lengths.median_touches)),
      tile("Complete look-back", summary.health.conversions ? `${count(summary.health.complete)} of ${count(summary.health.conversions)}` : "–"));
  }

  function channels({ rows, total }) {
    const { measure } = state;
    const drawn = rows.slice(0, MOST);
    const words = drawn.map((row) => `${row.channel} ${measured(row[measure], measure)} and ${measured(row[`other_${measure}`], measure)}`);
    Charts.draw("channels-chart", () => ({
      words: `${name(measure)} by channel under ${name(state.model)} and ${name(state.other)}: ${words.join("; ")}`,
      traces: rows.length ? [["", state.model, 0], ["other_", state.other, 1]].map(([prefix, model, index]) => ({
        type: "bar", orientation: "h", name: name(model), y: drawn.map((row) => row.channel),
        x: drawn.map((row) => row[prefix + measure]), marker: { color: Charts.models()[index] },
        hovertemplate: measure === "conversions" ? "%{y}: %{x:,.2f}" : "%{y}: $%{x:,.2f}",
      })).slice(0, state.model === state.other ? 1 : 2) : [],
      layout: { barmode: "group", bargap: 0.25, yaxis: { autorange: "reversed" }, legend: { orientation: "h", y: 1.02, yanchor: "bottom" },
        xaxis: { tickprefix: measure === "conversions" ? "" : "$", tickformat: ",~s" } },
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
    fill("channels-note", `${rows.length > MOST ? `The chart has the ${MOST} that earned most. ` : ""}Choose a channel to see its campaigns. ${spent ? "ROAS is revenue by spend, under " + name(state.model).toLowerCase() + "." : "Spend and ROAS stand here where spend is known."}`);
  }

  const money_measure = () => (state.measure === "net_revenue" ? "net_revenue" : "revenue");

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
      layout: { barmode: "stack", hovermode: "x unified", xaxis: { type: "date" }, yaxis: { tickprefix: measure === "conversions" ? "" : "$", tickformat: ",~s" } },
    }));
    fill("days-table", Tables.behind(`${name(measure)} by ${grain.name}`, [
      { title: grain.title, value: (date) => dateOf(date) },
      ...[...new Set(keys)].map((key) => ({ title: one ? name(key) : key, number: true, value: (date) => measured(value(date, key), measure) })),
    ], dates));
    fill("days-note", one ? `${state.channel} under both models, by ${grain.name}.` : `Under ${name(state.model).toLowerCase()}, by ${grain.name}; UTC.`);
  }

  const MOST = 12; // channels that a chart tells apart; the table and the download have all
  const OTHERS = "All others";

  function largestChannels(rows, measure) {
    const sums = new Map();
    for (const row of rows) sums.set(row.channel, (sums.get(row.channel) || 0) + row[measure]);
    const ranked = [...sums].sort((one, other) => other[1] - one[1]).slice(0, MOST).map(([channel]) => channel);
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
    const value = (rows) => rows.map((row) => ({ name: row.name, value: row.conversions }));
    const words = (rows) => rows.map((row) => `${row.name}: ${count(row.conversions)}`).join("; ");
    for (const [id, title] of [["spans", "Time"], ["touches", "Touches"]]) {
      Charts.bars(`${id}-chart`, value(found[id]), `Conversions by ${title.toLowerCase()}: ${words(found[id])}`, { layout: { xaxis: { type: "category" } } });
      fill(`${id}-table`, Tables.behind(`Conversions by ${title.toLowerCase()}`, [
        { title, value: (row) => row.name },
        { title: "Conversions", number: true, value: (row) => count(row.conversions) },
      ], found[id]));
    }
    fill("lengths-note", `Half of the buyers took up to ${span(found.median_seconds)} and ${found.median_touches === null ? "–" : count(found.median_touches)} touches.`);
  }

  function render() {
    answer(answers.channels);
    tiles(answers.channels);
    channels(answers.channels);
    days(answers.days);
    paths(answers.paths);
    lengths(answers.lengths);
  }

  let turn = 0;

  async function load() {
    const mine = ++turn;
    const busy = document.getElementById("figures");
    busy.setAttribute("aria-busy", "true");
    try {
      if (state.unknown.length) throw Data.wrong(`There is no filter called ${state.unknown.join(", ")}.`);
      const questions = ["summary", "channels", "days", "paths", "lengths"];
      const found = await Promise.all(questions.map((one) => Data.ask(one, asked())));
      if (mine !== turn) return; // asked again meanwhile
      answers = Object.fromEntries(questions.map((one, index) => [one, found[index]]));
      Charts.know(answers.summary.choices.channels);
      Filters.show(answers.summary);
      health(answers.summary);
      Data.hide();
      busy.hidden = false;
      render();
      await Drill.show();
    } catch (error) {
      if (mine !== turn) return;
      busy.hidden = true;
      Data.show(error, load);
    } finally {
      if (mine === turn) busy.removeAttribute("aria-busy");
    }
  }

  async function change(askAgain) {
    if (askAgain) return load();
    render();
    await Drill.show();
  }

  Filters.read();
  Filters.listen(change);
  Drill.listen();
  load();
})();
