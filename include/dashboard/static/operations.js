// The page of operations.
"use strict";
(() => {
  const { el, fill, money, count, counted, span, unitOf, ago, timeOf, name } = Format;
  const tile = (title, value, more, tone) => el("div", { class: tone }, el("dt", {}, title), el("dd", {}, value), more ? el("dd", { class: "more" }, more) : null);
  const badge = (text) => el("span", { class: `badge ${text}` }, text);

  const titleOf = (page) => name(page.replace(/^.*\//, "").replace(".md", ""));

  function published({ runs, attention, findings, reasons, proofs }) {
    const last = runs[0];
    const timed = runs.find((run) => run.landed_p50_seconds !== null);
    const rejected = last.rejected_rows + last.rejected_files;
    const proof = proofs[0];
    fill("ops-tiles",
      tile("Last publish", `${ago(last.published_at)} ago`, timeOf(last.published_at)),
      tile("Last batch", `${count(last.batch_events)} events`, counted(last.batch_shards, "file or batch", "files and batches")),
      tile("Lag p50", span(timed?.landed_p50_seconds), "landed to published"),
      tile("Lag p95", span(timed?.landed_p95_seconds), "landed to published"),
      tile("Quarantine", count(rejected), `${count(last.rejected_files)} of them whole files`, rejected ? "warn" : ""),
      tile("Nightly proof", !proof ? "none yet" : proof.differing_rows ? `${count(proof.differing_rows)} rows differ` : "equal",
        proof ? timeOf(proof.proved_at) : "runs at 02:15 UTC", proof?.differing_rows ? "warn" : ""));
    document.getElementById("attention").hidden = attention.length === 0;
    fill("attention-table", Tables.table("What needs attention", [
      { title: "What", value: (one) => one.what },
      { title: "Shown by", value: (one) => el("code", {}, one.show) },
      { title: "What to do", value: (one) => (Data.isReport ? `docs/${one.page}` : el("a", { href: `docs/${one.page}` }, titleOf(one.page))) },
    ], attention, { nothing: "Nothing." }));
    lag(runs);
    fill("batches-table", Tables.table("Published runs", [
      { title: "Published", time: true, value: (run) => timeOf(run.published_at) },
      { title: "Batch events", number: true, value: (run) => count(run.batch_events) },
      { title: "Lag p50", number: true, value: (run) => span(run.landed_p50_seconds) },
      { title: "Lag p95", number: true, value: (run) => span(run.landed_p95_seconds) },
      { title: "Events", number: true, value: (run) => count(run.events) },
      { title: "Sessions", number: true, value: (run) => count(run.sessions) },
      { title: "Conversions", number: true, value: (run) => count(run.conversions) },
      { title: "Revenue", number: true, value: (run) => money(run.revenue) },
      { title: "Rejected", number: true, value: (run) => count(run.rejected_rows + run.rejected_files) },
      { title: "Run", value: (run) => run.run_id },
    ], runs));
    fill("findings-table", Tables.table("What checks found", [
      { title: "When", time: true, value: (one) => timeOf(one.checked_at) },
      { title: "Check", value: (one) => one.name },
      { title: "Stage", value: (one) => one.stage },
      { title: "Status", value: (one) => badge(one.status) },
      { title: "Rows", number: true, value: (one) => (one.failures === null ? "did not run" : count(one.failures)) },
      { title: "Detail", value: (one) => one.detail },
    ], findings, { nothing: "Every check passed in the runs that are kept." }));
    fill("reasons-table", Tables.table("Rejected rows and files by reason", [
      { title: "Reason", value: (one) => (Data.isReport ? one.reason
        : el("button", { type: "button", class: "link", onclick: () => Rejected.show(one.reason) }, one.reason)) },
      { title: "Rows or files", number: true, value: (one) => count(one.rejected) },
    ], reasons, { nothing: "Nothing stands in quarantine." }));
    fill("proofs-table", Tables.table("Nightly proofs", [
      { title: "Proved", time: true, value: (one) => timeOf(one.proved_at) },
      { title: "Rows compared", number: true, value: (one) => count(one.rows_compared) },
      { title: "Differing", number: true, value: (one) => count(one.differing_rows) },
      { title: "Took", number: true, value: (one) => span(one.seconds) },
    ], proofs, { nothing: "No proof was published yet; the upkeep makes one each night." }));
  }

  function lag(runs) {
    const known = runs.filter((run) => run.landed_p50_seconds !== null).reverse();
    const [unit, size] = unitOf(Math.max(0, ...known.map((run) => run.landed_p95_seconds)));
    Charts.draw("lag-chart", () => ({
      words: `Lag of the last ${known.length} runs that brought events; the table below has every figure`,
      traces: known.length > 1 ? [["landed_p50_seconds", "p50"], ["landed_p95_seconds", "p95"]].map(([key, label], index) => ({
        type: "scatter", mode: "lines+markers", name: label, x: known.map((run) => run.published_at), y: known.map((run) => run[key] / size),
        line: { color: Charts.models()[index], width: 2.5, dash: index ? "dot" : "solid" }, hovertemplate: `%{y:,.1f} ${unit}`,
      })) : [],
      layout: { hovermode: "x unified", xaxis: { type: "date" }, yaxis: { ticksuffix: ` ${unit}`, rangemode: "tozero" }, legend: { orientation: "h", y: 1.02, yanchor: "bottom" } },
    }));
    fill("lag-note", known.length > 1 ? "Events of a run, from when their file or table landed until readers saw them."
      : known.length ? "Drawn from the second run that brings events on." : "No run that brought events within a day of their landing is published yet.");
  }

  function airflow({ runs, tasks }) {
    document.getElementById("tasks-chart").style.height = `${80 + 26 * tasks.length}px`; // every task has its name
    Charts.draw("tasks-chart", () => ({
      words: `Seconds a task: ${tasks.map((one) => `${one.task} ${one.p50_seconds.toFixed(1)}`).join("; ")}`,
      traces: tasks.length ? [["p50_seconds", "p50", 0], ["p95_seconds", "p95", 1]].map(([key, label, index]) => ({
        type: "bar", orientation: "h", name: label, y: tasks.map((one) => one.task), x: tasks.map((one) => one[key]),
        marker: { color: Charts.models()[index] }, hovertemplate: "%{y}: %{x:.1f} s",
      })) : [],
      layout: { barmode: "group", yaxis: { autorange: "reversed" }, xaxis: { ticksuffix: " s" }, legend: { orientation: "h", y: 1.02, yanchor: "bottom" } },
    }));
    fill("tasks-table", Tables.behind("Seconds a task", [
      { title: "Task", value: (one) => one.task },
      { title: "Runs", number: true, value: (one) => count(one.runs) },
      { title: "p50", number: true, value: (one) => span(one.p50_seconds) },
      { title: "p95", number: true, value: (one) => span(one.p95_seconds) },
    ], tasks));
    fill("runs-table", Tables.table("Last runs", [
      { title: "Started", time: true, value: (run) => timeOf(run.started_at) },
      { title: "DAG", value: (run) => run.dag_id },
      { title: "State", value: (run) => badge(run.state) },
      { title: "Took", number: true, value: (run) => span(run.seconds) },
      { title: "Kind", value: (run) => name(run.type) },
      { title: "Run", value: (run) => run.run_id },
    ], runs, { nothing: "Airflow knows of no run yet." }));
  }

  const live = () => document.querySelectorAll("[data-live]");
  const still = () => document.querySelectorAll("#operations > :not([data-live])");

  // Airflow's own part stands also where nothing can be read of what was published: that is when it is needed.
  async function load() {
    Nav.keepFilters();
    if (Data.isReport) live().forEach((section) => section.remove());
    else Data.ask("airflow").then(airflow).catch((error) => fill("runs-table", el("p", { class: "nothing" }, error.message)));
    try {
      const answer = await Data.ask("operations");
      Data.hide();
      still().forEach((part) => { part.hidden = false; });
      published(answer);
    } catch (error) {
      still().forEach((part) => { part.hidden = true; });
      Data.show(error, load);
    }
  }

  load();
})();
