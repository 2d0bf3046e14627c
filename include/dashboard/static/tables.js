// Tables: what every chart has beside or below it, for those who read rather than look.
"use strict";
const Tables = (() => {
  const { el } = Format;

  // columns: {title, value(row) -> text or node, number, time, mark(row) -> class, group: a heading over several}
  function table(caption, columns, rows, options = {}) {
    if (!rows.length) return el("p", { class: "nothing" }, options.nothing || "Nothing here in this period.");
    const head = el("thead", {}, groups(columns), el("tr", {}, columns.map((column) =>
      el("th", { scope: "col", class: column.number ? "number" : null }, column.title))));
    const body = el("tbody", {}, rows.map((row) => line(columns, row)));
    const foot = options.total ? el("tfoot", {}, line(columns, options.total, true)) : null;
    return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      el("table", {}, el("caption", { class: options.caption ? null : "hidden" }, caption), head, body, foot));
  }

  function groups(columns) {
    if (!columns.some((column) => column.group)) return null;
    const cells = [];
    for (const column of columns) {
      const last = cells.at(-1);
      if (last && column.group && last.name === column.group) last.span += 1;
      else cells.push({ name: column.group, span: 1 });
    }
    return el("tr", { class: "groups" }, cells.map((cell) => cell.name
      ? el("th", { scope: "colgroup", colspan: cell.span }, cell.name)
      : el("td", { colspan: cell.span })));
  }

  function line(columns, row, isTotal = false) {
    return el("tr", {}, columns.map((column, index) => {
      const value = isTotal && index === 0 ? "Total" : column.value(row);
      const tag = index === 0 ? "th" : "td";
      return el(tag, {
        scope: index === 0 ? "row" : null,
        class: [column.number ? "number" : column.time ? "time" : "", column.mark ? column.mark(row) : ""].join(" ").trim() || null,
      }, value ?? "–");
    }));
  }

  const behind = (caption, ...more) => el("details", { class: "as-table" },
    el("summary", {}, `Table: ${caption.charAt(0).toLowerCase()}${caption.slice(1)}`), table(caption, ...more));

  return { table, behind };
})();
