// The web page in Chromium: node tests/web/run.mjs [part of a test's name]...
// RUNXIN is the program, CHROMIUM the browser, SHOTS a folder for screenshots.

import { existsSync } from "node:fs";
import path from "node:path";
import * as days from "./days.mjs";
import { emptyFolder, equal, main, ok, passphrase, register, serve, sizes, test, visit } from "./lib.mjs";

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
    ok(existsSync(path.join(dir, "content.db")), "the register");
    // They must be confirmed.
    await p.locator("main form button.primary").click();
    equal(v.path(), "/setup", "not confirmed");
    await p.check("main form [type=checkbox]");
    await v.follow("main form button.primary");
    equal(v.path(), "/login", "then");
    await v.signIn("admin", secret);
    equal(v.path(), "/people", "the administrator");
    await v.signOut();
  });
  await s.stop();
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

test("the day begins by keyboard alone", async () => {
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

test("at twice the size nothing is cut off", async () => {
  const s = await common();
  for (const [user, paths] of Object.entries({
    dir1: ["/today", "/children", "/children/new", "/activities/new"], sup1: ["/review", "/coverage"],
    stat: ["/annex", "/table", "/releases"], admin: ["/people", "/people/new", "/units", "/safety"],
  })) {
    await visit(s.url, { size: "desktop" }, async (v) => {
      await v.page.setViewportSize({ width: 640, height: 400 });
      await v.signIn(user);
      for (const where of paths) { await v.go(where); }
    });
  }
});

test("the server ends without complaint", async () => {
  await (await common()).stop();
});

await main();
