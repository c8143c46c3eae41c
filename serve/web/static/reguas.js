// The editor of réguas beyond its form: steps that are dragged along the axis by
// mouse, touch and keys, completion of columns, and faults while somebody writes.
// The form works without any of it. The days of the axis and the distance of lanes
// are those of reguas_axis.go.
(function () {
  "use strict";
  var FROM = -7, TO = 60, LANE_DAYS = 7, NEAR = 4;
  var form = null, checking = null, asked = 0, touched = {};

  function field(name) { return form.elements.namedItem(name); }
  function all(selector, root) { return Array.prototype.slice.call((root || form).querySelectorAll(selector)); }
  function narrow() { return matchMedia("(max-width:700px)").matches; }

  // --- the axis ---

  function label(offset, business) {
    var text = offset === 0 ? "D0" : offset > 0 ? "D+" + offset : "D−" + -offset;
    return business ? text + "\u00a0" + form.dataset.business : text;
  }

  // steps reads what the axis shows from the form's fields.
  function steps() {
    return all(".step").map(function (box) {
      var at = "p" + box.dataset.step + ".";
      var channels = all("select[name='" + at + "canal']", box).filter(function (s) { return s.value; });
      return {
        box: box, input: field(at + "dias"), anchor: field(at + "ancora").value, offset: parseInt(field(at + "dias").value, 10) || 0,
        business: field(at + "uteis").checked, template: field(at + "modelo").value,
        channels: channels.map(function (s) { return s.selectedIndex - 1; }),
        names: channels.map(function (s) { return s.options[s.selectedIndex].text; })
      };
    });
  }

  function dots(place, channels) {
    place.replaceChildren.apply(place, channels.map(function (c) {
      var dot = document.createElement("span");
      dot.className = "dot c" + c;
      return dot;
    }));
  }

  // lanes gives each step the first lane on which nothing is near it.
  function lanes(list) {
    var ends = [];
    list.slice().sort(function (a, b) { return a.at - b.at; }).forEach(function (s) {
      var lane = ends.findIndex(function (end) { return s.at - end >= LANE_DAYS; });
      if (lane < 0) lane = ends.length;
      ends[lane] = s.at;
      s.lane = lane;
    });
    return Math.max(1, ends.length);
  }

  function words(s) { return label(s.offset, s.business) + ", " + s.names.join(", "); }

  // draw puts the steps on their axes. A rung that is there already is moved, so
  // that what is held or has the focus stays.
  function draw() {
    var list = steps(), place = form.querySelector("[data-timeline]");
    list.forEach(function (s) { s.at = Math.min(Math.max(s.offset, FROM), TO) - FROM; });
    var anchors = Array.prototype.map.call(document.querySelectorAll("[data-timeline] .track"), function (t) { return t.dataset.anchor; });
    list.forEach(function (s) {
      if (anchors.indexOf(s.anchor) < 0) { // the first step of its anchor: an axis like the others
        var made = place.querySelector(".track").cloneNode(true), select = field("p" + s.box.dataset.step + ".ancora");
        made.dataset.anchor = s.anchor;
        made.querySelector(".track-name").textContent = select.options[select.selectedIndex].text;
        made.querySelector(".rungs").replaceChildren();
        place.append(made);
        anchors.push(s.anchor);
      }
    });
    all(".track", place).forEach(function (track) {
      var mine = list.filter(function (s) { return s.anchor === track.dataset.anchor; });
      if (!mine.length && track.dataset.anchor !== "due") { track.remove(); return; }
      track.className = "track lanes" + Math.min(12, lanes(mine));
      var rungs = track.querySelector(".rungs");
      all(".rung", rungs).forEach(function (rung) {
        if (!mine.some(function (s) { return rung.dataset.of === s.box.dataset.step; })) rung.remove();
      });
      mine.forEach(function (s) { rungs.append(rungOf(rungs, s)); });
    });
    list.forEach(function (s) {
      s.box.querySelector("[data-label]").textContent = label(s.offset, s.business);
      s.box.querySelector("[data-template]").textContent = s.template;
      dots(s.box.querySelector("[data-dots]"), s.channels);
      var hours = s.box.querySelector("[data-hours]");
      s.box.classList.toggle("nowindow", hours.value !== "janela");
    });
  }

  function rungOf(rungs, s) {
    var rung = rungs.querySelector("[data-of='" + s.box.dataset.step + "']");
    if (!rung) {
      rung = document.createElement("li");
      rung.dataset.of = s.box.dataset.step;
      var made = document.createElement("button");
      made.type = "button";
      made.setAttribute("role", "slider");
      made.setAttribute("aria-valuemin", FROM);
      made.setAttribute("aria-valuemax", TO);
      made.setAttribute("aria-describedby", "h-linha");
      made.append(document.createElement("b"), document.createElement("i"));
      rung.append(made);
    }
    var button = rung.firstChild;
    var held = rung.classList.contains("held") ? " held" : "";
    rung.className = "rung at" + s.at + " lane" + Math.min(11, s.lane) + (s.business ? " business" : "") + held;
    button.setAttribute("aria-label", field("p" + s.box.dataset.step + ".id").value || s.box.dataset.step);
    button.setAttribute("aria-valuenow", Math.min(Math.max(s.offset, FROM), TO));
    button.setAttribute("aria-valuetext", words(s));
    button.firstChild.textContent = label(s.offset, false);
    dots(button.lastChild, s.channels);
    // Moving an element in the document takes its focus: only a new one is put.
    return rung.parentNode === rungs ? document.createDocumentFragment() : rung;
  }

  function move(step, offset) {
    var input = field("p" + step + ".dias"), anchor = field("p" + step + ".ancora").value;
    offset = Math.min(Math.max(offset, anchor === "payment" ? 0 : FROM), TO);
    if (String(offset) === input.value) return;
    input.value = offset;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function openStep(step) {
    var box = document.getElementById("passo" + step);
    box.open = true;
    box.scrollIntoView({ block: "nearest" });
    field("p" + step + ".dias").focus({ preventScroll: true });
  }

  var drag = null;
  document.addEventListener("pointerdown", function (event) {
    var button = form && event.button === 0 && event.target.closest("[data-timeline] .rung button");
    if (!button) return;
    var rung = button.parentNode, axis = rung.closest(".axis").getBoundingClientRect();
    drag = { rung: rung, button: button, step: rung.dataset.of, x: event.clientX, y: event.clientY, from: parseInt(field("p" + rung.dataset.of + ".dias").value, 10) || 0,
      perDay: narrow() ? axis.height / (TO - FROM) : axis.width / (TO - FROM), moved: false };
    drag.from = Math.min(Math.max(drag.from, FROM), TO);
    button.setPointerCapture(event.pointerId);
  });
  document.addEventListener("pointermove", function (event) {
    if (!drag) return;
    var way = narrow() ? event.clientY - drag.y : event.clientX - drag.x;
    if (!drag.moved && Math.abs(way) < NEAR) return;
    drag.moved = true;
    drag.rung.classList.add("held");
    move(drag.step, drag.from + Math.round(way / drag.perDay));
  });
  function drop() {
    if (!drag) return;
    drag.rung.classList.remove("held");
    var was = drag;
    drag = null;
    if (was.moved) was.button.dataset.dragged = "yes"; // the click after it opens nothing
  }
  document.addEventListener("pointerup", drop);
  document.addEventListener("pointercancel", drop);
  document.addEventListener("click", function (event) {
    var button = form && event.target.closest("[data-timeline] .rung button");
    if (!button) return;
    if (button.dataset.dragged) { delete button.dataset.dragged; return; }
    openStep(button.parentNode.dataset.of);
  });
  var KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 7, PageDown: -7 };
  document.addEventListener("keydown", function (event) {
    var button = form && event.target.closest && event.target.closest("[data-timeline] .rung button");
    if (!button || event.altKey || event.ctrlKey || event.metaKey) return;
    var step = button.parentNode.dataset.of, now = parseInt(field("p" + step + ".dias").value, 10) || 0;
    if (KEYS[event.key]) move(step, now + KEYS[event.key]);
    else if (event.key === "Home") move(step, FROM);
    else if (event.key === "End") move(step, TO);
    else return;
    event.preventDefault();
  });

  // --- faults while somebody writes ---

  function check() {
    var mine = ++asked;
    fetch(form.dataset.check, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" } }).then(function (answer) {
      if (!answer.ok || (answer.headers.get("Content-Type") || "").indexOf("application/json") < 0) throw new Error("no answer");
      return answer.json();
    }).then(function (found) {
      if (mine === asked) tell(found);
    }).catch(function () { document.getElementById("lost").hidden = false; });
  }

  function tell(found) {
    document.getElementById("lost").hidden = true;
    var saves = form.querySelector("[data-saves]");
    if (field("codigo").value) saves.textContent = found.saves;
    all("[data-fault]").forEach(function (place) {
      var name = place.dataset.fault, first = found.faults.find(function (f) { return f.field === name; });
      // What nobody has written yet is not wrong yet; conditions and steps are.
      var text = first && (touched[name] || first.at >= 0 || !name || name.indexOf(".") > 0) ? first.text : "";
      if (place.textContent !== text) place.textContent = text;
      var input = document.getElementById(name);
      if (input) {
        if (text) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
      }
    });
    all(".rung", form.querySelector("[data-timeline]")).forEach(function (rung) {
      rung.classList.toggle("bad", found.faults.some(function (f) { return f.field.indexOf("p" + rung.dataset.of + ".") === 0; }));
    });
  }

  function stale() {
    var note = document.getElementById("velho");
    if (!document.querySelector("#ensaio [data-tried]")) return;
    note.textContent = form.dataset.stale;
    note.hidden = false;
  }

  // --- completion of columns ---

  var offered = null; // {area, list, from, to}

  function columnsFor(area) {
    return Array.prototype.map.call(document.querySelectorAll("#colunas [data-column]"), function (row) {
      return { name: row.dataset.column, kind: row.cells[1].textContent, words: row.cells[2].firstChild.textContent, invoice: row.dataset.invoice === "true" };
    }).filter(function (c) { return !c.invoice || area.dataset.condition === "invoice"; });
  }

  function withdraw() {
    if (!offered) return;
    offered.list.remove();
    offered.area.removeAttribute("aria-activedescendant");
    offered.area.removeAttribute("aria-controls");
    offered = null;
  }

  function offer(area) {
    withdraw();
    var before = area.value.slice(0, area.selectionStart), word = /[A-Za-z_][A-Za-z_0-9]*$/.exec(before);
    if (!word || (before.split('"').length + before.split("'").length) % 2 === 1) return; // within a text
    var start = word[0].toLowerCase(), found = columnsFor(area).filter(function (c) { return c.name.indexOf(start) >= 0 && c.name !== word[0]; });
    found.sort(function (a, b) { return (b.name.indexOf(start) === 0) - (a.name.indexOf(start) === 0); });
    if (!found.length) return;
    var list = document.createElement("ul");
    list.className = "suggest";
    list.id = "sugestoes";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", form.dataset.suggestions);
    found.slice(0, 8).forEach(function (c, i) {
      var one = document.createElement("li"), name = document.createElement("code"), about = document.createElement("small");
      one.id = "sugestao" + i;
      one.setAttribute("role", "option");
      one.dataset.name = c.name;
      name.textContent = c.name;
      about.textContent = c.kind + " · " + c.words;
      one.append(name, about);
      list.append(one);
    });
    area.parentNode.append(list);
    area.setAttribute("aria-controls", list.id);
    offered = { area: area, list: list, from: area.selectionStart - word[0].length, to: area.selectionStart };
    choose(0);
    announce(form.dataset.found.replace("%d", Math.min(8, found.length)));
  }

  function announce(text) {
    var voice = document.getElementById("voz");
    if (!voice) {
      voice = document.createElement("p");
      voice.id = "voz";
      voice.className = "skip";
      voice.setAttribute("role", "status");
      form.append(voice);
    }
    voice.textContent = text;
  }

  function choose(n) {
    var options = offered.list.children;
    offered.at = (n + options.length) % options.length;
    Array.prototype.forEach.call(options, function (o, i) { o.setAttribute("aria-selected", i === offered.at); });
    options[offered.at].scrollIntoView({ block: "nearest" });
    offered.area.setAttribute("aria-activedescendant", options[offered.at].id);
  }

  function take(option) {
    var area = offered.area, from = offered.from, name = option.dataset.name;
    area.setRangeText(name, from, offered.to, "end");
    withdraw();
    area.focus();
    area.dispatchEvent(new Event("input", { bubbles: true }));
    withdraw();
  }

  document.addEventListener("keydown", function (event) {
    if (!offered || event.target !== offered.area) return;
    if (event.key === "ArrowDown") choose(offered.at + 1);
    else if (event.key === "ArrowUp") choose(offered.at - 1);
    else if (event.key === "Enter" || event.key === "Tab" && !event.shiftKey) take(offered.list.children[offered.at]);
    else if (event.key === "Escape") withdraw();
    else return;
    event.preventDefault();
  });
  document.addEventListener("mousedown", function (event) {
    var option = offered && event.target.closest(".suggest li");
    if (!option) return;
    event.preventDefault(); // the focus stays where it is
    take(option);
  });
  document.addEventListener("focusout", function (event) { if (offered && event.target === offered.area) withdraw(); });

  // --- what ties them ---

  document.addEventListener("input", function (event) {
    if (!form || !form.contains(event.target)) return;
    var name = event.target.name || "";
    touched[event.target.id] = touched[name] = true;
    if (/^p\d+\.|^passo$/.test(name)) draw();
    if (event.target.dataset.condition) offer(event.target);
    stale();
    clearTimeout(checking);
    checking = setTimeout(check, 300);
  });

  function begin() {
    form = document.getElementById("regua");
    if (!form) return;
    var place = form.querySelector("[data-timeline]");
    if (place.dataset.drawn) return;
    place.dataset.drawn = "yes";
    all(".rungs", place).forEach(function (rungs) { rungs.replaceChildren(); });
    draw();
  }
  function swapped(event) {
    if (!form) return;
    begin();
    if (document.querySelector("#ensaio [data-tried], #ensaio #ensaio-agora")) document.getElementById("velho").hidden = true;
    if (event && event.detail && !document.getElementById("ensaio").contains(event.target)) check();
  }
  document.addEventListener("htmx:after:swap", swapped);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
