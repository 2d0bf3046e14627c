// The page of channels: asks all its figures for the filters, then shows them.
"use strict";
(() => {
  const { state, asked } = Filters;
  let answers = {};

  function render() {
    const nothing = !answers.channels.rows.length; // said once, in place of empty charts
    document.querySelectorAll("#figures > section").forEach((one) => { one.hidden = nothing && one.id !== "drill"; });
    Headline.answer(answers.channels);
    Headline.tiles(answers);
    Channels.show(answers.channels);
    Days.show(answers.days);
    Paths.show(answers.paths);
    Paths.showLengths(answers.lengths);
  }

  let turn = 0;

  async function load() {
    const mine = ++turn;
    const busy = document.getElementById("figures");
    const filters = document.getElementById("filters");
    busy.setAttribute("aria-busy", "true");
    try {
      if (state.unknown.length) throw Data.wrong(`There is no filter called ${state.unknown.join(", ")}.`);
      const questions = ["summary", "channels", "days", "paths", "lengths"];
      const found = await Promise.all(questions.map((one) => Data.ask(one, asked())));
      if (mine !== turn) return; // asked again meanwhile
      answers = Object.fromEntries(questions.map((one, index) => [one, found[index]]));
      Charts.know(answers.summary.choices.channels);
      Filters.show(answers.summary);
      Headline.health(answers.summary);
      Data.hide();
      filters.hidden = false;
      busy.hidden = false;
      render();
      await Drill.show();
    } catch (error) {
      if (mine !== turn) return;
      filters.hidden = !Filters.choices(); // there is nothing to choose from
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
