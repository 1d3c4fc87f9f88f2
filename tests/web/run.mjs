// The web page in Chromium: node tests/web/run.mjs [part of a test's name]...
// RUNXIN is the program, CHROMIUM the browser, SHOTS a folder for screenshots.

import { existsSync } from "node:fs";
import path from "node:path";
import * as days from "./days.mjs";
import { emptyFolder, equal, main, ok, passphrase, register, serve, sizes, test, village, visit } from "./lib.mjs";

const langs = ["zh", "en"];

for (const size of Object.keys(sizes)) {
  for (const lang of langs) {
    const where = { size, lang };
    let server;			// one for the four: each finds the others' work
    const s = async () => { server ||= await serve(await register()); return server.url; };
    test(`the director's day (${size}, ${lang})`, async () =>
      visit(await s(), { ...where, name: "director" }, (v) => days.director(v)));
    test(`the supervisor's day (${size}, ${lang})`, async () =>
      visit(await s(), { ...where, name: "supervisor" }, (v) => days.supervisor(v)));
    test(`the statistician's day (${size}, ${lang})`, async () =>
      visit(await s(), { ...where, name: "statistician" }, (v) => days.statistician(v)));
    test(`the administrator's day (${size}, ${lang})`, async () => {
      await visit(await s(), { ...where, name: "admin" }, (v) => days.admin(v, "newcomer"));
      await server.stop();
    });
    test(`the first run (${size}, ${lang})`, () => firstRun(where));
  }
}

for (const where of [{ size: "phone", lang: "zh" }, { size: "desktop", lang: "en" }]) {
  test(`a bundle goes from a copy to home (${where.size}, ${where.lang})`, async () => {
    const dir = await register();
    const copy = await village(dir, "dir1", "中山村");
    const away = await serve(copy), home = await serve(dir);
    const file = path.join(copy, "..", `${where.size}.rxb`);
    await visit(away.url, { ...where, name: "copy" }, (v) => days.bundleMade(v, file));
    await visit(home.url, { ...where, name: "home" }, (v) => days.bundleOpened(v, file));
    await visit(home.url, { ...where, name: "told" }, (v) => days.copiesTold(v));
    await away.stop();
    await home.stop();
  });
}

for (const [size, lang] of [["phone", "zh"], ["desktop", "en"]]) {
  test(`a file moves, is kept, is erased (${size}, ${lang})`, async () => {
    const s = await serve(await register());
    await visit(s.url, { size, lang, name: "settings" }, (v) => days.settings(v));
    await visit(s.url, { size, lang, name: "case" }, (v) => days.caseLife(v));
    await s.stop();
  });
}

async function firstRun(where) {
  const dir = emptyFolder();
  const s = await serve(dir);
  await visit(s.url, { ...where, name: "setup" }, async (v) => {
    const p = v.page;
    await v.go("/");
    equal(v.path(), "/setup", "an empty folder");
    // The unit by part of its name, as one types.
    await p.locator("#unit").pressSequentially("鼓楼");
    await p.waitForFunction(() => document.querySelectorAll("#units option").length > 0);
    const unit = await p.locator("#units option").first().getAttribute("value");
    ok(/^350102\d* 鼓楼区$/.test(unit), unit);
    await p.fill("#unit", unit);
    await p.fill("#name", "鼓楼区民政局");
    await p.fill("#user", "admin");
    // The meter, a refusal, and the form that comes back.
    equal(await p.locator("#strength").evaluate((m) => m.value), 0, "the meter");
    await p.fill("#new", "短");
    const weak = await p.locator("#strength").evaluate((m) => m.value);
    await p.fill("#new", "春天 江边 榕树 灯塔");
    ok(await p.locator("#strength").evaluate((m) => m.value) > weak, "the meter grows");
    await p.fill("#again", "不一样的口令啊啊");
    await v.follow("main form button.primary", 422);
    equal(await p.inputValue("#name"), "鼓楼区民政局", "what was typed");
    equal(await p.inputValue("#new"), "", "the passphrase does not come back");
    const secret = (await p.locator(".suggestion").innerText()).trim();
    await p.check("[name=how][value=suggested]");
    await v.follow("main form button.primary");
    equal(await p.locator(".codes .code").count(), 3, "codes");
    const codes = await p.locator(".codes .code dd").allInnerTexts();
    await printed(v, "鼓楼区民政局");
    ok(existsSync(path.join(dir, "content.db")), "the register");
    // They must be confirmed.
    await p.locator("main form button.primary").click();
    equal(v.path(), "/setup", "not confirmed");
    await p.check("main form [type=checkbox]");
    await v.follow("main form button.primary");
    equal(v.path(), "/login", "then");
    await v.signIn("admin", secret);
    equal(v.path(), "/people", "the administrator");
    await newCodes(v, codes);
    await v.signOut();
  });
  await s.stop();
}

// On paper there is a sheet a page and nothing else.
async function printed(v, name) {
  const p = v.page;
  await p.emulateMedia({ media: "print" });
  for (const [i, sheet] of (await p.locator(".sheet").all()).entries()) {
    const text = await sheet.innerText();
    ok(text.includes(name) && text.includes("ABC"[i]), `sheet ${i}: ${text}`);
    equal(await sheet.evaluate((e) => getComputedStyle(e).breakAfter), i < 2 ? "page" : "auto", `the end of sheet ${i}`);
  }
  for (const part of ["header.top", "main h1", "main form", "main button"]) {
    for (const e of await p.locator(part).all()) { equal(await e.isVisible(), false, `${part} on paper`); }
  }
  const paper = (await v.print()).toString("latin1");
  equal(paper.match(/\/Type\s*\/Page\b/g).length, 3, "pages of paper");
  await p.emulateMedia({ media: null });
}

// The custodians try their codes; then there are three new ones, in two steps.
async function newCodes(v, codes) {
  const p = v.page;
  const type = async (a, b) => { await p.fill("#code1", a); await p.fill("#code2", b); };
  await v.go("/safety");
  await v.follow("a[href='/safety/codes/test']");
  const veiled = () => p.locator("#code1").evaluate((e) => getComputedStyle(e).webkitTextSecurity);
  equal(await veiled(), "disc", "others do not read along");
  await p.check("#show1");
  equal(await veiled(), "none", "who types may look");
  await type(codes[0].slice(0, -1), codes[1]);
  await v.follow("main form button.primary", 422);
  equal(await p.inputValue("#code1") + await p.inputValue("#code2"), "", "codes do not come back");
  await p.locator(".error a").click();
  equal(await p.evaluate(() => document.activeElement.id), "code1", "the field that is wrong");
  await type(codes[2].toLowerCase().replaceAll("-", " "), codes[1]);
  await v.follow("main form button.primary");
  ok(await p.locator("main .flash").first().isVisible(), "they work");
  await v.go("/safety/codes");
  await type(codes[0], codes[1]);
  await v.follow("main form button.primary");
  equal(v.path(), "/safety/codes/new", "the sheets");
  const fresh = await p.locator(".codes .code dd").allInnerTexts();
  ok(fresh.length === 3 && fresh.every((c) => !codes.includes(c)), "three others");
  await printed(v, "鼓楼区民政局");
  const confirm = async (groups) => {
    for (const [i, c] of groups.entries()) { await p.fill(`#group${"ABC"[i]}`, c.slice(-4).toLowerCase()); }
  };
  await confirm([fresh[0], fresh[0], fresh[2]]);
  await v.follow("button.danger", 422);
  await p.locator(".error a").click();
  equal(await p.evaluate(() => document.activeElement.id), "groupB", "the sheet that is wrong");
  await confirm(fresh);
  await v.follow("button.danger");
  equal(v.path(), "/safety", "in force");
  for (let i = 0; i < 3; i++) {
    await p.goBack({ waitUntil: "load" }).catch(() => null);
    const text = await p.locator("body").innerText();
    ok(!fresh.some((c) => text.includes(c)), `shown again at ${v.path()}`);
  }
  await v.go("/safety/codes/test");
  await type(fresh[0], fresh[2]);
  await v.follow("main form button.primary");
  ok(await p.locator("main .flash").first().isVisible(), "the new ones work");
  await v.go("/keys");
  await v.go("/recover");
}

let shared;
const common = async () => { shared ||= await serve(await register()); return shared; };

test("the back button after signing out shows nothing", async () => {
  const s = await common();
  await visit(s.url, { scan: false }, async (v) => {
    const p = v.page;
    await v.signIn("dir1");
    await v.go("/children");
    const id = await p.locator("#results a.name").first().getAttribute("href");
    await v.go(id);
    const marks = (await v.text()).split("\n").filter((l) => l.length > 8);
    await v.signOut();
    for (let i = 0; i < 4; i++) {
      await p.goBack({ waitUntil: "load" }).catch(() => null);
      await p.waitForTimeout(300);
      const text = await p.locator("body").innerText();
      for (const m of marks) { ok(!text.includes(m), `step ${i}: ${m}`); }
      equal(await p.locator("form[action='/logout']").count(), 0, `step ${i}: signed in at ${v.path()}`);
    }
    await p.goto(s.url + id);
    equal(v.path(), "/login", "asked for again");
  });
});

test("escape twice blanks the screen and any key brings it back", async () => {
  const s = await common();
  await visit(s.url, { scan: false }, async (v) => {
    const p = v.page;
    await v.signIn("dir1");
    const visible = () => p.locator("main h1").isVisible();
    await p.keyboard.press("Escape");
    ok(await visible(), "once is nothing");
    await p.waitForTimeout(900);
    await p.keyboard.press("Escape");
    ok(await visible(), "twice, but slowly");
    await p.keyboard.press("Escape");
    equal(await visible(), false, "twice");
    const said = await p.evaluate(() => getComputedStyle(document.body, "::before").content);
    ok(/任意键/.test(said), said);
    equal(await p.locator("header.top").isVisible(), false, "the head of the page");
    // Not even to a screen reader, and no key does anything but wake it.
    await p.keyboard.press("Enter");
    ok(await visible(), "a key");
    equal(v.path(), "/today", "the key did something");
  });
});

test("an idle page locks itself", async () => {
  const s = await serve(await register(), "--idle", "3");
  await visit(s.url, { scan: false }, async (v) => {
    const p = v.page;
    await v.signIn("dir1");
    await p.waitForURL("**/login?locked=1", { timeout: 8000 });
    ok(await p.locator("main p").first().isVisible(), "why");
    await p.goto(s.url + "/today");
    equal(v.path(), "/login", "the session");
  });
  await s.stop();
});

test("no key uncovers a page that locks while its server is slow", async () => {
  const s = await serve(await register(), "--idle", "3");
  await visit(s.url, { scan: false }, async (v) => {
    const p = v.page;
    let answer;
    const slow = new Promise((go) => { answer = go; });
    await v.signIn("dir1");
    await p.route("**/logout", async (r) => { await slow; await r.continue(); });
    const visible = () => p.locator("main h1").isVisible();
    ok(await visible(), "before");
    await p.locator("main h1").waitFor({ state: "hidden", timeout: 8000 });
    await p.keyboard.press("ArrowDown");
    equal(await visible(), false, "after a key");
    answer();
    await p.waitForURL("**/login?locked=1", { timeout: 8000 });
  });
  await s.stop();
});

test("reading does not count as idle", async () => {
  const s = await serve(await register(), "--idle", "4");
  await visit(s.url, { scan: false }, async (v) => {
    await v.signIn("dir1");
    for (let i = 0; i < 7; i++) {
      await v.page.waitForTimeout(1000);
      await v.page.keyboard.press("ArrowDown");
    }
    equal(v.path(), "/today", "still there");
    // What is typed after long reading is not lost: the server waited too.
    await v.go("/children");
    equal(v.path(), "/children", "the session");
  });
  await s.stop();
});

test("a double click sends a form once", async () => {
  const s = await common();
  await visit(s.url, { scan: false }, async (v) => {
    const p = v.page;
    await v.signIn("dir1");
    await v.go("/children");
    const id = await p.locator("#results a.name").first().getAttribute("href");
    await v.go(`${id}/flag`);
    await p.fill("#reason", "点了两下");
    await p.locator("main form button.primary").dblclick();
    await p.waitForURL("**" + id);
    equal((await v.text()).split("点了两下").length - 1, 1, "flags");
    // Back at the form it is empty: what was sent is not sent again by chance.
    await p.goBack();
    equal(v.path(), `${id}/flag`, "back");
    equal(await p.inputValue("#reason"), "", "what was typed before");
    await v.go(id);
    equal((await v.text()).split("点了两下").length - 1, 1, "flags");
  });
});

test("the day begins, and a visit is recorded, by keyboard alone", async () => {
  const s = await common();
  await visit(s.url, {}, async (v) => {
    const p = v.page;
    await v.go("/login");
    await p.keyboard.type("dir1");
    await p.keyboard.press("Tab");
    await p.keyboard.type(passphrase("dir1"));
    await Promise.all([p.waitForURL("**/today"), p.keyboard.press("Enter")]);
    await p.keyboard.press("Tab");
    equal(await p.evaluate(() => document.activeElement.className), "skip", "the first stop");
    await p.keyboard.press("Enter");
    await p.keyboard.press("Tab");
    ok(await p.evaluate(() => document.querySelector("main").contains(document.activeElement)), "past the menu");
    // Every stop of the tab key can be seen.
    for (let i = 0; i < 25; i++) {
      await p.keyboard.press("Tab");
      const seen = await p.evaluate(() => {
        const e = document.activeElement, s = getComputedStyle(e);
        return e === document.body || s.outlineStyle !== "none" || s.boxShadow !== "none";
      });
      ok(seen, `stop ${i} is not marked`);
    }
    await v.press("main a[href$='/observe']");
    ok(v.path().endsWith("/observe"), "one key from recording");

    // One observation, with Tab, Space, arrows and Enter and nothing else.
    const on = (selector) => p.evaluate((s) => document.activeElement.matches(s), selector);
    const tabTo = async (selector) => {
      for (let i = 0; i < 80 && !(await on(selector)); i++) { await p.keyboard.press("Tab"); }
      ok(await on(selector), `${selector} is not reached by the tab key`);
    };
    await tabTo("#observe [name=signs][value=mood_low]");
    await p.keyboard.press("Space");
    await tabTo("#observe [name=risk]");
    await p.keyboard.press("ArrowDown");
    const risk = await p.locator("#observe [name=risk]:checked").getAttribute("value");
    await tabTo("#observe #note");
    await p.keyboard.type("只用键盘");
    await tabTo("#observe button.primary");
    await Promise.all([p.waitForURL(/\/child\/[0-9a-f-]{36}$/), p.keyboard.press("Enter")]);
    ok((await v.text()).includes("只用键盘"), "saved");
    ok(await p.locator(`.timeline .tag.${risk}`).first().isVisible(), `the risk ${risk} was chosen`);
  });
});

test("the page works without script", async () => {
  const s = await common();
  await visit(s.url, { script: false }, async (v) => {
    const p = v.page;
    await v.signIn("dir2");
    await v.go("/children");
    await v.follow("button[name=names]");
    const name = await p.locator("#results a.name").first().innerText();
    await p.fill("#q", name);
    await v.follow("main form button >> nth=0");
    ok((await p.locator("#results a.name").first().innerText()).includes(name), "search");
    const id = await p.locator("#results a.name").first().getAttribute("href");
    await v.go(`${id}/observe`);
    await p.check("[name=signs][value=death_talk]");
    await p.fill("#note", "没有脚本");
    await v.follow("#observe button.primary");
    ok((await v.text()).includes("没有脚本"), "saved");
    ok(await p.locator("section.help").isVisible(), "help");
    ok(await p.locator(".timeline .tag.red").first().isVisible(), "the risk was proposed");
    await v.signOut();

    // A decision, and the form of the notice.
    await v.signIn("sup1");
    await v.follow("main a[href^='/flag/']");
    await p.check("[name=decision][value=accept]");
    await p.fill("#reason", "没有脚本也能受理");
    await v.follow("form[action$='/decide'] button.primary");
    equal(v.path(), "/review", "decided");
    ok(await p.locator("p.flash").isVisible(), "what happened");
    await v.signOut();
    await v.signIn("stat");
    await v.follow("main a[href*='/annex?unit=']");
    for (const kind of ["xlsx", "csv"]) {
      equal(await (await days.download(v, `button[value=${kind}]`)).failure(), null, kind);
    }
    await v.signOut();
  });
});

test("the language is one click away and stays", async () => {
  const s = await common();
  await visit(s.url, { scan: false }, async (v) => {
    const p = v.page;
    await v.go("/login");
    equal(await p.locator("html").getAttribute("lang"), "zh-CN", "at first");
    await p.locator("a.lang").click();
    equal(await p.locator("html").getAttribute("lang"), "en", "English");
    await v.signIn("dir1");
    equal(await p.locator("html").getAttribute("lang"), "en", "after signing in");
    await p.locator("a.lang").click();
    equal(await p.locator("html").getAttribute("lang"), "zh-CN", "Chinese");
    equal(v.path(), "/today", "the same page");
  });
});

// Twice the size on a window of 1280 × 800, and the narrowest telephone: every
// page of every role, found by its links; look() refuses one that is too wide.
const small = { "at twice the size": { width: 640, height: 400 }, "360 pixels wide": { width: 360, height: 640 } };
for (const [how, viewport] of Object.entries(small)) {
  test(`${how} nothing is cut off, on any page`, async () => {
    const s = await common();
    for (const user of ["dir1", "sup1", "stat", "admin"]) {
      await visit(s.url, { size: "desktop" }, async (v) => {
        await v.page.setViewportSize(viewport);
        await v.signIn(user);
        await everyPage(v);
      });
    }
  });
}

// Follow every link within the site, one of each kind; downloads are not pages.
async function everyPage(v) {
  const kind = (href) => href.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "*").replace(/\d{4,}/g, "*").replace(/=[^&]*/g, "=");
  const done = new Set([kind(v.path())]), todo = [];
  const note = async () => {
    for (const href of await v.page.locator("a[href^='/']").evaluateAll((all) => all.map((a) => a.getAttribute("href")))) {
      const path = href.replace(/#.*$/, "");
      if (done.has(kind(path)) || /\/(csv|xlsx|json|moved\/address)$|lang=/.test(path)) { continue; }
      done.add(kind(path));
      todo.push(path);
    }
  };
  await note();
  while (todo.length > 0) {
    await v.go(todo.shift());
    await note();
  }
  ok(done.size > 4, `only ${done.size} pages`);
}

test("errors and empty pages are pages like the others", async () => {
  const s = await serve(await register());
  await visit(s.url, { size: "phone" }, async (v) => {
    await v.signIn("admin");
    for (const [user, role, unit] of [["dir-empty", "director", "350102009001"], ["sup-empty", "supervisor", "350102009"], ["stat-empty", "statistician", "350102"]]) {
      await v.go("/people/new");
      await v.page.check("[name=how][value=own]");
      await v.page.fill("#user", user);
      await v.page.check(`[name=role][value=${role}]`);
      await v.page.fill("#unit", unit);
      await v.page.fill("#new", passphrase(user));
      await v.page.fill("#again", passphrase(user));
      await v.follow("main form button.primary");
      equal(v.path(), "/people", `${user} is enrolled`);
    }
  });
  // A colleague hands on the keys of what they share.
  await visit(s.url, { scan: false }, (v) => v.signIn("stat"));
  for (const lang of langs) {
    await visit(s.url, { lang, size: "phone" }, async (v) => {
      await v.go("/nowhere", 404);
      await v.signIn("admin");
      await v.go("/people/nobody/disable", 404);
    });
    for (const [user, pages, foreign] of [
      ["dir-empty", ["/today", "/children", "/activities", "/activities/new"], "/review"],
      ["sup-empty", ["/review", "/review?show=overdue", "/coverage", "/coverage/all?what=overdue"], "/today"],
      ["stat-empty", ["/annex", "/releases", "/activities", "/table"], "/people"],
    ]) {
      await visit(s.url, { lang, size: "phone" }, async (v) => {
        await v.signIn(user);
        for (const where of pages) { await v.go(where); }
        await v.go(foreign, 403);
        await v.go("/child/00000000-0000-7000-8000-000000000000", user === "dir-empty" ? 404 : 403);
        await v.go("/flag/00000000-0000-7000-8000-000000000000", user === "sup-empty" ? 404 : 403);
      });
    }
  }
  await s.stop();
});

// What people type is text, wherever it is shown again and to whomever.
const probe = (n) => `<img src=x onerror="window.struck=${n}">'&amp;</title><script>window.struck=${n}</script>`;

async function unharmed(v, shown) {
  const p = v.page;
  equal(await p.evaluate(() => window.struck), undefined, `what was typed runs at ${v.path()}`);
  equal(await p.locator("img, script:not([src])").count(), 0, `what was typed is markup at ${v.path()}`);
  if (shown) { ok((await v.text()).includes("<img src=x"), `what was typed is not shown at ${v.path()}`); }
}

test("what is typed in any field is shown as text", async () => {
  const s = await serve(await register());
  let child, village;
  await visit(s.url, {}, async (v) => {
    const p = v.page;
    // The control: this page, without our templates, would be struck.
    await p.setContent(`<p>${probe(0)}</p>`);
    await p.waitForFunction(() => window.struck === 0);

    await v.signIn("dir1");
    await v.go("/children/new");
    const texts = "#name, #address, #school, #guardian_name";
    for (const [i, f] of (await p.locator(texts).all()).entries()) { await f.evaluate((e) => e.closest("details")?.setAttribute("open", "")); await f.fill(probe(i)); }
    await p.selectOption("#sex", { index: 1 });
    await p.fill("#birth", "2014-05");
    await p.locator("[name=categories]").nth(2).check();
    await p.selectOption("#legal_basis", "statutory_duty");
    await v.follow("main form button.primary");
    child = v.path();
    for (const f of ["name", "address", "school", "guardian_name"]) {
      await v.follow(`#identity button[value=${f}]`);
      await unharmed(v, true);
    }
    const forms = {
      observe: { "#note": probe(10) }, flag: { "#reason": probe(11) },
      intervene: { "#need": probe(12), "#note": probe(13) },
      report: { "#authority": probe(15), "#reference": probe(16) },
    };
    for (const [form, fields] of Object.entries(forms)) {
      await v.go(`${child}/${form}`);
      await p.locator("main details").evaluateAll((all) => all.forEach((d) => { d.open = true; }));
      for (const [f, text] of Object.entries(fields)) { await p.fill(f, text); }
      if (form === "observe") {
        await v.follow("button[formaction$='/draft']");
        await v.go(`${child}/observe`);
        await unharmed(v);
        equal(await p.inputValue("#note"), probe(10), "the draft");
        await p.check("[name=signs][value=death_talk]");
      }
      if (form === "intervene") { await p.selectOption("#kind", "companionship"); await p.check("[name=delivered]"); }
      if (form === "report") { await p.locator("[name=situations]").first().check(); }
      await v.follow("main form button.primary >> visible=true");
      equal(v.path(), child, `${form} is saved`);
      await unharmed(v, true);
    }
    await v.go("/activities/new");
    await p.selectOption("#kind", "theme_activity");
    await p.check("[name=held]");
    await p.fill("#venue", probe(20));
    await v.follow("main form button.primary");
    equal(v.path(), "/activities", "the activity is saved");
    await unharmed(v, true);
    await v.go("/children");
    await p.fill("#q", "<img");
    await v.follow("main form button >> nth=0");
    await unharmed(v);
    await v.follow("button[name=names]");
    await unharmed(v, true);
    await v.signOut();
    await p.fill("#user", probe(30));
    await p.fill("#passphrase", "x");
    await v.follow("form[action='/login'] button", 403);
    await unharmed(v);
  });
  await visit(s.url, {}, async (v) => {
    const p = v.page;
    await v.signIn("sup1");
    await v.go(`/review?child=${child.replace("/child/", "")}`);
    village = await p.locator("main a[href^='/flag/']").first().getAttribute("href");
    await v.go(village);
    await unharmed(v, true);
    await p.locator("details summary").first().click();
    await p.fill("#reveal-reason", probe(40));
    await v.follow("form[action$='/reveal'] button");
    await unharmed(v, true);
    await p.check("[name=decision][value=accept]");
    await p.fill("#reason", probe(41));
    await v.follow("form[action$='/decide'] button.primary");
    await v.go(village);
    await unharmed(v, true);
  });
  await visit(s.url, {}, async (v) => {
    const p = v.page;
    await v.signIn("admin");
    await v.go("/units");
    await p.fill("#code", "350102001998");
    await p.fill("#name", "<img src=x onerror=window.struck=50>");
    await v.follow("form[action='/units/add'] button");
    await unharmed(v, true);
    await v.go("/people/new");
    await p.fill("#user", "<img/src=x/onerror=window.struck=51>");
    await p.check("[name=role][value=director]");
    await p.fill("#unit", "350102001998");
    await v.follow("main form button.primary");
    await unharmed(v);
    ok((await v.text()).includes("<img/src=x"), "the name of a person");
  });
  await visit(s.url, { scan: false }, async (v) => {
    await v.signIn("sup1");
    await v.go("/coverage");
    await unharmed(v, true);
  });
  await s.stop();
});

test("the server ends without complaint", async () => {
  await (await common()).stop();
});

await main();
