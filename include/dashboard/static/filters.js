// The filters, kept in the page's address, so that a link shows the same.
"use strict";
const Filters = (() => {
  const { el, name, fill } = Format;
  const ASKED = ["start", "end", "model", "other", "channel", "device", "customer"];
  const HERE = ["measure", "drill", "source", "medium", "campaign", "conversion"];
  const state = Object.fromEntries([...ASKED, ...HERE].map((one) => [one, ""]));
  let there = null;
  let changed = () => {};

  function read() {
    const given = new URLSearchParams(location.search);
    for (const one of Object.keys(state)) state[one] = given.get(one) || "";
    state.unknown = [...given.keys()].filter((one) => !(one in state));
    if (!["revenue", "net_revenue", "conversions"].includes(state.measure)) state.measure = "revenue";
  }

  const asked = () => Object.fromEntries(ASKED.map((one) => [one, state[one]]));

  function address() {
    const parts = [...ASKED, ...HERE].filter((one) => state[one]).map((one) => [one, state[one]]);
    return `${location.pathname}?${new URLSearchParams(parts)}`;
  }

  // Airflow takes over the address of the page it frames when that loads, so it is told that it changed.
  const tellFrame = () => window.frameElement?.dispatchEvent(new Event("load"));

  function go(how) {
    if (Data.isReport) return;
    history[how](null, "", address());
    Nav.keepFilters();
    tellFrame();
  }

  function set(values, { ask = true } = {}) {
    Object.assign(state, values);
    go("pushState");
    changed(ask);
  }

  const options = (values, all) => [
    ...(all ? [el("option", { value: "" }, all)] : []),
    ...values.map((value) => el("option", { value }, name(value))),
  ];

  function plusDays(text, days) {
    const moment = new Date(`${text}T00:00:00Z`);
    moment.setUTCDate(moment.getUTCDate() + days);
    return moment.toISOString().slice(0, 10);
  }

  function periodOf(days) {
    const { first_date: first, last_date: last } = there;
    if (days === "all") return { start: first, end: last };
    const start = plusDays(last, 1 - Number(days));
    return { start, end: last };
  }

  function show(summary) {
    there = summary.choices;
    Object.assign(state, summary.filters);
    const form = document.getElementById("filters");
    form.model.replaceChildren(...options(there.models));
    form.other.replaceChildren(...options(there.models));
    form.channel.replaceChildren(...there.channels.map((one) => el("option", { value: one }, one)));
    form.channel.prepend(el("option", { value: "" }, "All channels"));
    form.device.replaceChildren(...options(there.devices, "All devices"));
    form.customer.replaceChildren(...options(there.customers, "New and returning"));
    for (const one of [...ASKED, "measure"]) form[one].value = state[one];
    form.querySelector("fieldset").disabled = false; // which day is the last one is known now
    for (const button of form.querySelectorAll("[data-days]")) {
      const { start, end } = periodOf(button.dataset.days);
      button.setAttribute("aria-pressed", String(start === state.start && end === state.end));
    }
    go("replaceState");
    downloads();
  }

  function downloads() {
    const query = new URLSearchParams(Object.entries(asked()).filter(([, value]) => value));
    for (const place of document.querySelectorAll("[data-download]")) {
      const table = place.dataset.download;
      place.replaceChildren(`${place.dataset.label || "Download"}: `, ...["csv", "parquet"].map((kind) => el("a", {
        href: `download/${table}.${kind}?${query}`, download: true,
        "aria-label": `Download ${table} as ${kind === "csv" ? "CSV" : "Parquet"}`,
      }, kind === "csv" ? "CSV" : "Parquet")));
    }
  }

  async function copy() {
    const link = new URL(address(), location.href).href;
    try {
      await navigator.clipboard.writeText(link);
      fill("link-told", "Copied");
    } catch { // not allowed here: the link itself, to be copied by hand
      fill("link-told", el("input", { readonly: true, value: link, "aria-label": "Link to this view" }));
    }
  }

  function listen(onChange) {
    changed = onChange;
    const form = document.getElementById("filters");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => {
      const { name: one, value } = event.target;
      if (!(one in state)) return;
      if ((one === "start" || one === "end") && !value) return;
      set({ [one]: value, ...(one === "channel" ? { drill: value, source: "", medium: "", campaign: "", conversion: "" } : {}) },
        { ask: one !== "measure" });
    });
    for (const button of form.querySelectorAll("[data-days]")) {
      button.addEventListener("click", () => set(periodOf(button.dataset.days)));
    }
    document.getElementById("link").addEventListener("click", copy);
    addEventListener("popstate", () => { read(); changed(true); });
  }

  return { state, read, asked, set, show, listen, choices: () => there };
})();
