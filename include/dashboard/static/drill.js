// From a channel to its campaigns, to single conversions, to one conversion's explanation.
"use strict";
const Drill = (() => {
  const { el, fill, money, count, signed, timeOf, percent, name } = Format;
  const { state, set, asked } = Filters;
  const body = () => document.getElementById("drill-body");
  const FIRST = 20; // campaigns in sight; the rest unfold
  let turn = 0;

  const top = { drill: "", source: "", medium: "", campaign: "", conversion: "" };
  const go = (values) => () => { set({ ...top, ...values }, { ask: false }); body().focus({ preventScroll: true }); };
  const link = (text, values, label) => el("button", { type: "button", class: "link", "aria-label": label, onclick: go(values) }, text);
  const touch = () => ({ drill: state.drill, source: state.source, medium: state.medium, campaign: state.campaign });

  function crumbs() {
    const all = [["All campaigns", {}]];
    if (state.drill) all.push([state.drill, { drill: state.drill }]);
    const campaign = state.source === "*" ? "All conversions" : `${state.source} / ${state.medium} / ${state.campaign}`;
    if (state.source || state.campaign) all.push([campaign, touch()]);
    if (state.conversion) all.push(["One conversion", { ...touch(), conversion: state.conversion }]);
    const last = all.length - 1;
    fill("crumbs", el("ol", {}, all.map(([text, values], index) =>
      el("li", {}, index === last ? el("span", { "aria-current": "location" }, text) : link(text, values)))));
  }

  async function campaigns() {
    const answer = await Data.ask("campaigns", { ...asked(), channel: state.drill || state.channel });
    const rows = answer.rows.filter((row) => !Data.isReport || !state.drill || row.channel === state.drill);
    const earned = (prefix) => ({ title: "Revenue", number: true, group: name(state[prefix ? "other" : "model"]),
      value: (row) => money(row[`${prefix}revenue`]) });
    const conversions = (prefix) => ({ title: "Conversions", number: true, group: name(state[prefix ? "other" : "model"]),
      value: (row) => count(row[`${prefix}conversions`]) });
    const columns = [
      { title: "Source / medium / campaign", value: (row) => {
        const text = `${row.source} / ${row.medium} / ${row.campaign}`;
        const values = { drill: row.channel, source: row.source, medium: row.medium, campaign: row.campaign };
        return Data.isReport ? text : link(text, values, `Conversions of ${text}`);
      } },
      { title: "Channel", value: (row) => (Data.isReport ? row.channel : link(row.channel, { drill: row.channel })) },
      conversions(""), earned(""), conversions("other_"), earned("other_"),
      { title: "Difference", number: true, value: (row) => signed(money(row.difference_revenue), row.difference_revenue) },
      ...(rows.some((row) => row.spend !== null) ? [
        { title: "Spend", number: true, value: (row) => (row.spend === null ? "–" : money(row.spend)) },
        { title: "ROAS", number: true, value: (row) => (row.roas === null ? "–" : row.roas.toFixed(2)) },
      ] : []),
    ];
    const more = answer.campaigns > answer.rows.length
      ? `The ${count(answer.rows.length)} that earned most of ${count(answer.campaigns)}; the download has all.` : null;
    const all = state.drill && !Data.isReport
      ? link(`All conversions of ${state.drill}`, { drill: state.drill, source: "*" }) : null;
    return [all, Tables.table("Campaigns", columns, rows.slice(0, FIRST)),
      rows.length > FIRST ? Tables.behind("More campaigns", columns, rows.slice(FIRST)) : null, more && el("p", { class: "note" }, more),
      ...(Data.isReport ? await largest() : [])];
  }

  const converted = { title: "Converted", time: true, value: (row) => timeOf(row.converted_at) };
  const revenue = { title: "Revenue", number: true, value: (row) => money(row.revenue) };
  const order = { title: "Order", value: (row) => link(row.transaction_id || "(no order id)",
    { ...touch(), conversion: row.conversion_id }, `Why order ${row.transaction_id || row.conversion_id}`) };

  // The conversions that a report explains.
  async function largest() {
    const [stories, { conversions: all }] = await Promise.all([Data.ask("largest"), Data.ask("paths")]);
    const models = [...new Set([state.model, state.other])];
    const columns = [converted, order, revenue,
      { title: "Path", value: (row) => row.path },
      ...models.map((model) => ({ title: `${name(model)} credits`, value: (row) => row[model] }))];
    const rows = stories.map((story) => ({
      ...story.conversion, path: story.touches.map((one) => one.channel).join(" > "),
      ...Object.fromEntries(models.map((model) => [model, Story.credited(story, model)])),
    }));
    return [
      el("h3", {}, "Largest conversions"),
      el("p", { class: "note" }, `${rows.length < all ? `The ${count(rows.length)} with the most revenue of ${count(all)}; the dashboard has all. ` : ""}Choose an order to see why it went where it did.`),
      Tables.table("Largest conversions", columns, rows),
    ];
  }

  async function conversions(page = 0) {
    const any = state.source === "*";
    const narrower = any ? {} : { source: state.source, medium: state.medium, campaign: state.campaign };
    const answer = await Data.ask("conversions", { ...asked(), channel: state.drill || state.channel, ...narrower, page });
    const columns = [
      converted, order, revenue,
      { title: "Earned here", number: true, value: (row) => money(row.earned) },
      { title: "Credit", number: true, value: (row) => percent(row.credit) },
      { title: "Touches", number: true, value: (row) => count(row.touchpoints) },
      { title: "Look-back", value: (row) => (row.lookback_complete ? "complete" : "cut short") },
    ];
    const turnPage = (text, next) => el("button", { type: "button", onclick: () => show(next) }, text);
    return [
      el("p", { class: "note" }, `Conversions that these touches earned something of by ${name(state.model).toLowerCase()}. Choose one to see why.`),
      Tables.table("Conversions", columns, answer.rows),
      el("p", { class: "pages" }, page > 0 ? turnPage("Later ones", page - 1) : null, answer.more ? turnPage("Earlier ones", page + 1) : null),
    ];
  }

  async function show(page = 0) {
    const mine = ++turn;
    crumbs();
    body().setAttribute("aria-busy", "true");
    const parts = await (state.conversion ? Story.tell(state.conversion)
      : state.source || state.campaign ? conversions(page) : campaigns()).catch((error) => [el("p", { class: "nothing" }, error.message)]);
    if (mine !== turn) return; // asked again meanwhile
    body().removeAttribute("aria-busy");
    body().replaceChildren(...parts.filter(Boolean));
  }

  async function find(event) {
    event.preventDefault();
    const id = event.target.id.value.trim();
    if (!id) return;
    const { rows } = await Data.ask("find", { id });
    if (rows.length === 1) return go({ conversion: rows[0].conversion_id })();
    body().replaceChildren(rows.length ? Tables.table("Orders with this id", [
      converted,
      { title: "Conversion", value: (row) => link(row.conversion_id, { conversion: row.conversion_id }) },
      revenue,
    ], rows) : el("p", { class: "nothing" }, `No order or conversion ${id} is published.`));
  }

  function listen() {
    const form = document.getElementById("find");
    if (Data.isReport) form.remove();
    else form.addEventListener("submit", (event) => find(event).catch((error) => Data.show(error, () => find(event))));
  }

  return { show, listen, go };
})();
