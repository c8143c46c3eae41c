// What the pages need of a browser beyond forms and links: a word when the
// server is lost, and the charts' code where there are charts.
(function () {
  "use strict";
  var me = document.currentScript;

  function lost(on) {
    var banner = document.getElementById("lost");
    if (!banner) return;
    banner.hidden = !on;
    if (on) banner.scrollIntoView({ block: "nearest" });
  }

  // No answer came at all, or the server itself failed. Other refusals come as
  // a part of a page that says what to do.
  document.addEventListener("htmx:error", function () { lost(true); });
  document.addEventListener("htmx:after:request", function (event) {
    var response = event.detail && event.detail.ctx && event.detail.ctx.response;
    lost(!response || response.status >= 502);
  });
  document.addEventListener("click", function (event) {
    if (event.target.closest && event.target.closest("[data-reload]")) location.reload();
  });

  // Forms that choose something send themselves when the choice is made.
  document.addEventListener("change", function (event) {
    var form = event.target.closest && event.target.closest("form[data-auto]");
    if (form) form.requestSubmit();
  });

  // The charts' code is large: it is loaded by pages that have a chart.
  var loading = null;
  function load(address) {
    return new Promise(function (resolve, reject) {
      var script = document.createElement("script");
      script.src = address;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
  }
  function charts() {
    if (!document.querySelector("[data-chart]")) return;
    loading = loading || load(me.dataset.echarts).then(function () { return load(me.dataset.charts); });
    loading.then(function () { window.dunningCharts(); }, function () { lost(true); });
  }
  document.addEventListener("DOMContentLoaded", charts);
  document.addEventListener("htmx:after:swap", charts);
})();
