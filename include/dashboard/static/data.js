// Asking for figures: from the server, or from the file itself where the page is a report.
"use strict";
const Data = (() => {
  const { el, fill } = Format;
  const embedded = document.getElementById("embedded");
  const kept = embedded ? JSON.parse(embedded.textContent) : null;

  const TITLES = {
    empty: "Nothing to show yet",
    broken: "The figures cannot be read",
    outdated: "These figures are of an earlier version",
    unreachable: "The warehouse does not answer",
    login: "You are logged out",
    forbidden: "You may not see this",
    question: "This filter does not work",
    offline: "Airflow does not answer",
  };

  class Refused extends Error {
    constructor(state, message) {
      super(message);
      this.state = state;
    }
  }

  function told(answer, body) {
    if (answer.status === 401) return new Refused("login", "Log in to Airflow again, then reload this page.");
    if (answer.status === 403) {
      return new Refused("forbidden", "Ask your Airflow administrator for the right to read the DAG attribution_microbatch.");
    }
    if (answer.status === 404) return new Refused("missing", body.detail || "Not found.");
    if (answer.status === 503) return new Refused(body.state || "broken", body.detail);
    if (answer.status === 400) return new Refused("question", body.detail);
    if (answer.status === 422) {
      const [first] = body.detail;
      return new Refused("question", `${first.loc.slice(1).join(".")}: ${first.msg}`);
    }
    return new Refused("broken", "The log of Airflow's API server says why.");
  }

  async function ask(question, values = {}) {
    if (kept) {
      return question === "conversion" ? kept.largest.find((one) => one.conversion.conversion_id === values.id) : kept[question];
    }
    const parts = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
    const query = new URLSearchParams(parts).toString();
    let answer;
    try {
      answer = await fetch(`api/${question}${query ? `?${query}` : ""}`, { headers: { Accept: "application/json" } });
    } catch {
      throw new Refused("offline", "Check the network, then try again.");
    }
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw told(answer, body);
    return body;
  }

  function show(error, retry) {
    const state = error instanceof Refused ? error.state : "broken";
    if (!(error instanceof Refused)) console.error(error);
    const help = {
      question: el("a", { class: "button", href: location.pathname }, "Show the last 28 days"),
      login: el("a", { class: "button", href: location.href }, "Log in"),
    };
    fill(
      "state",
      el("h2", {}, TITLES[state] || TITLES.broken),
      el("p", {}, error.message),
      help[state] || el("button", { type: "button", onclick: retry }, "Try again"),
    );
    const place = document.getElementById("state");
    place.dataset.state = state;
    place.hidden = false;
  }

  function hide() {
    document.getElementById("state").hidden = true;
  }

  const wrong = (message) => new Refused("question", message);

  return { ask, show, hide, wrong, isReport: kept !== null };
})();
