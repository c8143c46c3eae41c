// Draws the charts of a page from the options that the server wrote beside
// them, in the colours of the stylesheet and the numbers of the language.
(function () {
  "use strict";
  var tag = document.documentElement.lang || "pt-BR";
  var number = function (options) {
    var format = new Intl.NumberFormat(tag, options);
    return function (value) {
      if (Array.isArray(value)) value = value[value.length - 1];
      return value === null || value === undefined || value === "" || isNaN(value) ? "–" : format.format(value);
    };
  };
  var formats = {
    int: number({ maximumFractionDigits: 0 }),
    dec: number({ maximumFractionDigits: 2 }),
    pct: number({ style: "percent", maximumFractionDigits: 1 }),
    money: number({ style: "currency", currency: "BRL" }),
    brief: number({ style: "currency", currency: "BRL", notation: "compact", maximumFractionDigits: 1, minimumFractionDigits: 0 })
  };

  // token resolves a colour of the stylesheet for the theme in force.
  var probe = null;
  function token(name) {
    if (!probe) {
      probe = document.createElement("span");
      probe.hidden = true;
      document.body.append(probe);
    }
    probe.style.color = "var(--" + name + ")";
    return getComputedStyle(probe).color;
  }

  function resolve(value, key) {
    if (Array.isArray(value)) return value.map(function (v) { return resolve(v, key); });
    if (value && typeof value === "object") {
      var out = {};
      Object.keys(value).forEach(function (k) { out[k] = resolve(value[k], k); });
      return out;
    }
    if (typeof value === "string") {
      if (value[0] === "$") return token(value.slice(1));
      if ((key === "formatter" || key === "valueFormatter") && formats[value]) return formats[value];
    }
    return value;
  }

  // What all charts share, under what a page asks for. Tooltips are drawn on
  // the canvas: those made of HTML need styles that the page's policy forbids.
  function base(option) {
    var ink = token("ink"), mute = token("mute"), line = token("line"), paper = token("paper");
    var font = getComputedStyle(document.body).fontFamily;
    var axis = { axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, axisLabel: { color: mute, fontSize: 12 }, splitLine: { lineStyle: { color: line } }, nameTextStyle: { color: mute, fontSize: 12 } };
    var merge = function (under, over) {
      var out = Object.assign({}, under);
      Object.keys(over || {}).forEach(function (k) {
        var both = out[k] && typeof out[k] === "object" && !Array.isArray(out[k]) && over[k] && typeof over[k] === "object" && !Array.isArray(over[k]);
        out[k] = both ? merge(out[k], over[k]) : over[k];
      });
      return out;
    };
    var each = function (v) { return Array.isArray(v) ? v.map(function (a) { return merge(axis, a); }) : v ? merge(axis, v) : v; };
    var out = merge({
      textStyle: { fontFamily: font, color: ink },
      color: ["$series-1", "$series-2", "$series-3", "$series-4", "$series-5"].map(function (c) { return resolve(c); }),
      grid: { left: 8, right: 16, top: 16, bottom: 8, containLabel: true },
      animationDuration: 300,
      legend: { textStyle: { color: mute }, inactiveColor: line, icon: "roundRect", itemWidth: 12, itemHeight: 12 },
      tooltip: { backgroundColor: paper, borderColor: line, textStyle: { color: ink, fontSize: 13, fontFamily: font } }
    }, option);
    if (!option.legend) delete out.legend;
    out.tooltip.renderMode = "richText";
    out.xAxis = each(option.xAxis);
    out.yAxis = each(option.yAxis);
    if (!out.xAxis) delete out.xAxis;
    if (!out.yAxis) delete out.yAxis;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) out.animation = false;
    return out;
  }

  function draw(element) {
    var source = document.querySelector('script[data-for="' + element.id + '"]');
    if (!source) return;
    var chart = echarts.getInstanceByDom(element) || echarts.init(element, null, { renderer: "canvas" });
    var option = base(resolve(JSON.parse(source.textContent)));
    if (option.legend && option.grid.top < 50 && element.clientWidth < 420) option.legend.type = "scroll"; // there is room for one line
    chart.setOption(option, true);
  }
  function all() { document.querySelectorAll("[data-chart]").forEach(draw); }

  window.dunningCharts = all;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  var waiting = 0;
  window.addEventListener("resize", function () {
    clearTimeout(waiting);
    waiting = setTimeout(function () {
      document.querySelectorAll("[data-chart]").forEach(function (e) { var c = echarts.getInstanceByDom(e); if (c) c.resize(); });
    }, 100);
  });
})();
