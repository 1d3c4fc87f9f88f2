// The little that needs script: everything else works without it.
"use strict";
(function () {
  // Idle: the server ends the session; leave the page before that.  Whoever
  // reads or types is not idle, and the server is told so.
  var idle = Number(document.body.dataset.idle || 0), last = Date.now();
  var told = last;
  function seen() { last = Date.now(); }
  ["keydown", "pointerdown", "scroll"].forEach(function (e) {
    addEventListener(e, seen, { passive: true });
  });
  function lock() {
    var form = document.querySelector('form[action="/logout"]');
    function leave() { location.replace("/login?locked=1"); }
    document.documentElement.classList.add("locked");	// no key brings it back
    idle = 0;
    fetch("/logout", { method: "POST", body: new URLSearchParams(new FormData(form)) })
      .then(leave, leave);
  }
  function tell() {
    told = Date.now();
    fetch("/alive").then(function (r) {
      if (r.status === 403) { lock(); }
    }).catch(function () { /* the next try */ });
  }
  if (idle) {
    setInterval(function () {
      if (!idle) { return; }
      if (Date.now() - last > idle * 1000) { lock(); }
      else if (last > told && Date.now() - told > idle * 300) { tell(); }
    }, 1000);
  }

  // Esc twice blanks the screen; a key brings it back.
  var esc = 0;
  addEventListener("keydown", function (e) {
    if (document.documentElement.classList.contains("blank")) {
      document.documentElement.classList.remove("blank");
      e.preventDefault();
      return;
    }
    if (e.key !== "Escape") { esc = 0; return; }
    if (Date.now() - esc < 700) {
      document.documentElement.classList.add("blank");
      esc = 0;
    } else { esc = Date.now(); }
  });

  // A page that comes back from the browser's memory is asked for again.
  addEventListener("pageshow", function (e) {
    if (e.persisted) { location.reload(); }
  });

  // A form goes once, but for one that only downloads.
  document.addEventListener("submit", function (e) {
    if ("again" in e.target.dataset) { return; }
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    e.target.dataset.sent = "1";
  });

  // Strength of a new passphrase: length and variety, nothing leaves the page.
  document.querySelectorAll("[data-meter]").forEach(function (input) {
    var meter = document.getElementById(input.dataset.meter);
    meter.parentNode.hidden = false;
    input.addEventListener("input", function () {
      var s = input.value, kinds = new Set(Array.from(s)).size;
      var wide = /[^\x00-\x7f]/.test(s) ? 2 : 1;
      meter.value = Math.min(100, kinds * 5 * wide + Math.min(s.length, 24));
    });
  });

  // Suggestions from the server while one types.
  document.querySelectorAll("[data-suggest]").forEach(function (input) {
    var list = document.getElementById(input.getAttribute("list")), timer;
    input.addEventListener("input", function () {
      clearTimeout(timer);
      timer = setTimeout(function () {
        if (input.value.length < 2) { return; }
        fetch(input.dataset.suggest + "?q=" + encodeURIComponent(input.value))
          .then(function (r) {
            if (!r.ok) { throw new Error(String(r.status)); }
            return r.json();
          })
          .then(function (units) {
            list.replaceChildren.apply(list, units.map(function (u) {
              var o = document.createElement("option");
              o.value = u.code + " " + u.name;
              return o;
            }));
          }).catch(function () { /* the whole code can be typed */ });
      }, 150);
    });
    input.form.addEventListener("submit", function () { clearTimeout(timer); });
  });

  // Search as one types: hide what does not fit.
  document.querySelectorAll("[data-filter]").forEach(function (input) {
    var items = document.querySelectorAll(input.dataset.filter);
    input.addEventListener("input", function () {
      var q = input.value.trim().toLowerCase();
      items.forEach(function (li) {
        li.hidden = q !== "" && (li.dataset.search || "").toLowerCase().indexOf(q) < 0;
      });
    });
  });

  // What was refused: mark the field that the summary leads to.
  document.querySelectorAll(".error a[href^='#'], .ask a[href^='#']").forEach(function (a) {
    var field = document.getElementById(a.hash.slice(1));
    if (!field) { return; }
    if (field.tagName !== "FIELDSET") { field.setAttribute("aria-invalid", "true"); }
    a.addEventListener("click", function (e) {
      var fold = field.closest("details");
      e.preventDefault();
      if (fold) { fold.open = true; }
      field.focus();
      field.scrollIntoView({ block: "center" });
    });
  });

  // Work that goes on in pieces: the next one is asked for by itself.
  document.querySelectorAll("form[data-go-on] button").forEach(function (b) {
    setTimeout(function () { b.click(); }, 400);
  });

  // Print buttons.
  document.querySelectorAll("[data-print]").forEach(function (b) {
    b.hidden = false;
    b.addEventListener("click", function () { print(); });
  });

  // Where one is.
  document.querySelectorAll(".top nav a").forEach(function (a) {
    if (location.pathname.indexOf(a.getAttribute("href")) === 0) { a.setAttribute("aria-current", "page"); }
  });
})();
