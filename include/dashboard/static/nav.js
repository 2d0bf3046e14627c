// The links between the pages keep the filters.
"use strict";
const Nav = (() => {
  function keepFilters() {
    for (const link of document.querySelectorAll("nav[aria-label=Pages] a")) link.search = location.search;
  }

  return { keepFilters };
})();
