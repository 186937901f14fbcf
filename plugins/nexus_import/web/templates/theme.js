// The page stands in a frame of the Airflow UI, on the same origin: it looks as Airflow does.
(function () {
  function theme() {
    try {
      if (window.parent !== window) {
        var names = window.parent.document.documentElement.classList;
        if (names.contains("dark")) return "dark";
        if (names.contains("light")) return "light";
      }
      var stored = window.localStorage.getItem("theme");
      if (stored === "dark" || stored === "light") return stored;
    } catch (error) { /* another origin, or no storage: the system's own theme is followed */ }
    return "";
  }
  function apply() {
    var found = theme();
    if (found) document.documentElement.dataset.theme = found;
    else delete document.documentElement.dataset.theme;
  }
  apply();
  try {
    if (window.parent !== window) {
      var watched = new MutationObserver(apply);
      watched.observe(window.parent.document.documentElement, { attributes: true, attributeFilter: ["class"] });
      window.addEventListener("pagehide", function () { watched.disconnect(); });
    }
  } catch (error) { /* as above */ }
  window.addEventListener("storage", apply);
})();
