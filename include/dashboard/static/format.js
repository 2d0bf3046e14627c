// Numbers and names as people read them, and elements made of text, never of HTML.
"use strict";
const Format = (() => {
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const one = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
  const two = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const minus = (text) => text.replace("-", "\u2212");

  const count = (value) => minus(Number.isInteger(value) ? whole.format(value) : two.format(value));
  const money = (value) => minus(value < 0 ? `-$${two.format(-value)}` : `$${two.format(value)}`);
  const signed = (text, value) => (value > 0 ? `+${text}` : text);
  const percent = (part) => `${whole.format(part * 100)} %`;
  const measured = (value, measure) => (measure === "conversions" ? count(value) : money(value));
  const dateOf = (text) => day.format(new Date(text.length === 10 ? `${text}T00:00:00Z` : text));
  const timeOf = (text) => `${dateOf(text)}, ${text.slice(11, 16)} UTC`;
  const name = (text) => text.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());

  const counted = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;

  const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];
  const unitOf = (seconds) => UNITS.find(([, size]) => seconds >= size) || ["s", 1];

  function span(seconds) {
    if (seconds === null || seconds === undefined) return "–";
    for (const [unit, size] of UNITS) {
      if (seconds >= size) return `${one.format(Math.floor((seconds / size) * 10) / 10)} ${unit}`;
    }
    return `${one.format(seconds)} s`;
  }

  const ago = (text) => span(Math.max(0, Math.round((Date.now() - Date.parse(text)) / 1000)));

  function el(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  }

  const fill = (id, ...children) => document.getElementById(id).replaceChildren(...children.flat().filter(Boolean));

  return { count, money, signed, percent, measured, dateOf, timeOf, name, counted, span, unitOf, ago, el, fill };
})();
