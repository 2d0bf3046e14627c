// Quarantined rows with the event as it came.
"use strict";
const Rejected = (() => {
  const { el, fill, count } = Format;

  function pretty(payload) {
    try {
      return JSON.stringify(JSON.parse(payload), null, 2);
    } catch {
      return payload; // no JSON: that is why it stands here
    }
  }

  const raw = (row) => (row.payload === null ? row.detail : el("details", {}, el("summary", {}, row.payload.slice(0, 60)), el("pre", {}, pretty(row.payload))));

  async function show(reason, page = 0) {
    try {
      const answer = await Data.ask("rejected", { reason, page });
      const turn = (text, next) => el("button", { type: "button", onclick: () => show(reason, next) }, text);
      fill("rejected", el("h3", {}, reason), Tables.table(`Rejected for ${reason}`, [
        { title: "File or batch", value: (row) => row.shard },
        { title: "Line", number: true, value: (row) => (row.line_number === null ? "–" : count(row.line_number)) },
        { title: "As it came", value: raw },
      ], answer.rows), el("p", { class: "pages" }, page > 0 ? turn("Back", page - 1) : null, answer.more ? turn("More", page + 1) : null));
    } catch (error) {
      fill("rejected", el("p", { class: "nothing" }, error.state === "forbidden"
        ? "Raw events hold people's data: they are shown to whoever may read the task logs of attribution_microbatch." : error.message));
    }
  }

  return { show };
})();
