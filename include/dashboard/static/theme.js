// Light or dark as Airflow is, which keeps its choice under this name; else as the system is.
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  function chosen() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is forbidden in some frames
    }
  }
  function apply() {
    const theme = chosen();
    const next = theme === "light" || theme === "dark" ? theme : dark.matches ? "dark" : "light";
    if (document.documentElement.dataset.theme === next) return;
    document.documentElement.dataset.theme = next;
    document.dispatchEvent(new Event("theme"));
  }
  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", apply);
  document.addEventListener("visibilitychange", apply);
})();
