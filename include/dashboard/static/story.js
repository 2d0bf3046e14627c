// Why one conversion went where it did: its touches in order, and what each earned under every model.
"use strict";
const Story = (() => {
  const { el, money, timeOf, percent, name, counted } = Format;
  const { state } = Filters;

  const touchOf = (story, position) => story.touches.find((one) => one.position === position);

  // Whom a model credits, in words.
  function whom(model) {
    const shares = model.earned.map(({ channel, credit }) => (credit === 1 ? channel : `${channel} ${percent(credit)}`));
    return shares.length > 1 ? `${shares.slice(0, -1).join(", ")} and ${shares.at(-1)}` : shares[0] || "nobody";
  }

  const credited = (story, wanted) => story.models.filter((model) => model.model === wanted).map(whom)[0]; // none: not fitted

  function sentence(story, model) {
    const why = model.rule ? `: ${model.rule}.` : ".";
    const sole = model.credits.filter((one) => one.credit === 1);
    const where = sole.length ? ` (touch ${sole[0].position} of ${story.touches.length})` : "";
    return el("p", { class: "why" }, el("strong", {}, `${name(model.model)} credits ${whom(model)}${where}`), why);
  }

  function touch(one, models) {
    const shares = models.map((model) => {
      const credit = model.credits.find((each) => each.position === one.position)?.credit ?? 0;
      return el("span", { class: credit > 0 ? "share earned" : "share" }, `${name(model.model)} ${percent(credit)}`);
    });
    return el("li", {},
      el("span", { class: "place", style: `--colour: ${Charts.colour(one.channel)}` }, String(one.position)),
      el("div", {},
        el("p", { class: "what" }, el("strong", {}, one.channel), ` ${one.source} / ${one.medium} / ${one.campaign}`),
        el("p", {}, `${timeOf(one.started_at)} · ${one.device_category || "unknown device"} · ${counted(one.events, "event", "events")} in ${one.lasted}`),
        el("p", {}, one.standing.replace(/^touch \d+ of \d+: /, "")),
        el("p", {}, `Source by ${name(one.source_rule).toLowerCase()}: ${one.evidence}`),
        el("p", { class: "shares" }, shares)));
  }

  const other = (one) => el("li", {}, el("strong", {}, one.channel), ` ${timeOf(one.started_at)}: ${one.standing.replace("no touch: ", "")}`);

  async function tell(id) {
    const story = await Data.ask("conversion", { id });
    const one = story.conversion;
    const first = [state.model, state.other].map((wanted) => story.models.find((model) => model.model === wanted)).filter(Boolean);
    const rest = story.models.filter((model) => !first.includes(model));
    const columns = [
      { title: "Touch", value: (row) => `${row.position} ${touchOf(story, row.position)?.channel ?? ""}` },
      ...[...first, ...rest].map((model) => ({
        title: name(model.model), number: true,
        value: (row) => {
          const given = model.credits.find((each) => each.position === row.position);
          return given ? `${percent(given.credit)} · ${money(given.revenue)}` : "–";
        },
      })),
    ];
    return [
      el("h3", {}, `${one.transaction_id ? `Order ${one.transaction_id}` : "An order without an id"}: ${money(one.revenue)} on ${timeOf(one.converted_at)}`),
      one.net_revenue === one.revenue ? null : el("p", {}, `After refunds ${money(one.net_revenue)}.`),
      one.revenue_issue ? el("p", { class: "warning" }, `Counted as $0.00, because the amount is ${one.revenue_issue}.`) : null,
      ...[...new Set(first)].map((model) => sentence(story, model)),
      el("h4", {}, `${counted(story.touches.length, "touch", "touches")} in the ${counted(story.lookback_days, "day", "days")} before`),
      one.lookback_complete ? null : el("p", { class: "warning" }, "The look-back reaches before the history begins: earlier touches may be missing."),
      el("ol", { class: "touches" }, story.touches.map((each) => touch(each, [...new Set(first)]))),
      story.others.length ? el("details", {}, el("summary", {}, `${counted(story.others.length, "other session", "other sessions")} around it, and why each is no touch`),
        el("ul", {}, story.others.map(other))) : null,
      el("h4", {}, "Every model"),
      Tables.table("Credit and revenue of each touch under every model", columns, story.touches),
      ...rest.map((model) => sentence(story, model)),
    ];
  }

  return { tell, credited };
})();
