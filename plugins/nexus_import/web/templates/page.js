(function () {
  // Links to Airflow itself open in the whole window, not in the frame: the frame's sandbox forbids a target.
  document.addEventListener("click", function (event) {
    var link = event.target.closest ? event.target.closest("a[data-airflow]") : null;
    if (!link || window.parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
    try {
      var outside = window.parent.document.createElement("a");
      outside.href = link.href;
      event.preventDefault();
      outside.click();
    } catch (error) { /* the link opens where it is */ }
  });

  var EVERY_MS = 5000;
  var live = document.getElementById("live");
  if (!live || !live.hasAttribute("data-live")) return;
  function say(text) {
    var place = document.getElementById("refreshed");
    if (place) place.textContent = text;
  }
  function swap(fresh) {
    var open = {}, focused = document.activeElement && document.activeElement.id, shown = document.getElementById("headline");
    var before = shown ? shown.textContent : "";
    live.querySelectorAll("details[id]").forEach(function (each) { open[each.id] = each.open; });
    live.innerHTML = fresh.innerHTML;
    live.querySelectorAll("details[id]").forEach(function (each) { if (each.id in open) each.open = open[each.id]; });
    var again = focused && document.getElementById(focused);
    if (again && live.contains(again)) again.focus({ preventScroll: true });
    var now = document.getElementById("headline");
    if (now && now.textContent !== before) document.getElementById("announce").textContent = now.textContent;
    if (!fresh.hasAttribute("data-live")) live.removeAttribute("data-live");
  }
  function refresh() {
    if (document.hidden) { window.setTimeout(refresh, EVERY_MS); return; }
    fetch(window.location.href, { credentials: "same-origin", headers: { Accept: "text/html" } })
      .then(function (answer) {
        return answer.text().then(function (text) {
          var fresh = answer.ok && new DOMParser().parseFromString(text, "text/html").getElementById("live");
          if (!fresh) throw new Error("no report");
          swap(fresh);
        });
      })
      .then(function () {
        var ended = !live.hasAttribute("data-live");
        say((ended ? "The run has ended. Last refreshed " : "Refreshed ") + new Date().toLocaleTimeString());
        if (!ended) window.setTimeout(refresh, EVERY_MS);
      })
      .catch(function () {
        say("Could not be refreshed at " + new Date().toLocaleTimeString() + "; trying again.");
        window.setTimeout(refresh, EVERY_MS);
      });
  }
  window.setTimeout(refresh, EVERY_MS);
})();
