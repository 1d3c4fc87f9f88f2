// The observation form and the search: all of it works without this too.
"use strict";
(function () {
  var form = document.getElementById("observe");

  // Risk from the signs (director_forms.c, propose, does the same), and the
  // next visit from the risk, as long as nobody has chosen himself.
  function observe() {
    var signs = form.querySelectorAll("[name=signs]");
    var risks = form.querySelectorAll("[name=risk]");
    var date = form.elements.date, due = form.elements.follow_up_on;
    var card = document.getElementById("help-card");
    var chosen = false, dueChosen = false, opened = false;

    function proposal(list) {
      var weights = list.map(function (s) { return s.dataset.weight; });
      if (weights.indexOf("red") >= 0) { return "red"; }
      if (weights.indexOf("orange") >= 0 || list.length >= 3) { return "orange"; }
      return list.length > 0 ? "yellow" : "green";
    }
    function ticked() {
      return Array.from(signs).filter(function (s) { return s.checked; });
    }
    function visit() {
      var on = form.querySelector("[name=risk]:checked"), day;
      if (!on || !on.dataset.days || !date.value) { return due.value; }
      day = new Date(date.value + "T00:00:00Z");
      day.setUTCDate(day.getUTCDate() + Number(on.dataset.days));
      return day.toISOString().slice(0, 10);
    }
    function update() {
      var risk = proposal(ticked());
      if (!chosen) {
        risks.forEach(function (r) { r.checked = r.value === risk; });
      }
      if (!dueChosen) { due.value = visit(); }
      if (risk === "red" && !opened) {
        opened = true;
        card.hidden = false;
        card.scrollIntoView({ block: "start" });
      }
    }
    form.addEventListener("change", function (e) {
      if (e.target.name === "risk") { chosen = e.target.value !== ""; }
      if (e.target.name === "follow_up_on") { dueChosen = e.target.value !== ""; }
      update();
    });
    // A form that comes back (a draft, a refusal) may hold somebody's choice.
    var before = form.querySelector("[name=risk]:checked").value;
    chosen = before !== "" && before !== proposal(ticked());
    dueChosen = due.value !== "" && due.value !== visit();
    update();
  }

  // A draft goes to the server, sealed there, when something has changed.
  function drafts() {
    var status = document.getElementById("draft-status");
    var last = body(), busy = false, sent = false;

    function body() {
      var p = new URLSearchParams(new FormData(form));
      p.delete("id");
      return p.toString();
    }
    function keep() {
      var now = body();
      if (busy || sent || now === last) { return Promise.resolve(); }
      busy = true;
      return fetch(form.dataset.draft, {
        method: "POST", keepalive: true,
        body: new URLSearchParams(now + "&auto=1")
      }).then(function (r) {
        if (!r.ok) { throw new Error(String(r.status)); }
        return r.text();
      }).then(function (at) {
        last = now;
        status.textContent = form.dataset.draftSaved + " " + at;
      }).catch(function () {
        status.textContent = "";
      }).then(function () { busy = false; });
    }
    form.addEventListener("submit", function () { sent = true; });
    setInterval(keep, 5000);
    // Signing out waits for the draft, not for ever.
    document.addEventListener("submit", function (e) {
      var out = e.target;
      if (out.getAttribute("action") !== "/logout" || sent) { return; }
      e.preventDefault();
      e.stopPropagation();
      Promise.race([keep(), new Promise(function (go) { setTimeout(go, 3000); })])
        .then(function () { sent = true; out.submit(); });
    }, true);
    document.addEventListener("visibilitychange", function () {
      if (document.visibilityState === "hidden") { keep(); }
    });
  }

  if (form) { observe(); drafts(); }

  // Search as one types.  What is typed goes in the body, never in an address.
  document.querySelectorAll("[data-search]").forEach(function (f) {
    var out = document.getElementById(f.dataset.search), timer, turn = 0;
    f.elements.q.addEventListener("input", function () {
      clearTimeout(timer);
      timer = setTimeout(function () {
        var mine = ++turn, p = new URLSearchParams(new FormData(f));
        p.set("fragment", "1");
        fetch(f.getAttribute("action"), { method: "POST", body: p })
          .then(function (r) {
            if (!r.ok) { throw new Error(String(r.status)); }
            return r.text();
          }).then(function (html) {
            if (mine !== turn) { return; }
            var doc = new DOMParser().parseFromString(html, "text/html");
            out.replaceChildren.apply(out, Array.from(doc.body.childNodes));
          }).catch(function () { /* the button still works */ });
      }, 200);
    });
  });
})();
