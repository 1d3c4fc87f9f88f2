// The day of each role, through the page as it is.

import { equal, ok, passphrase } from "./lib.mjs";

const childLinks = "main a[href^='/child/']:not([href*='/observe'])";

// Each figure that counts a list below it on the same page is its length.
async function figuresAreLists(v, list) {
  for (const a of await v.page.locator("ul.figures a").all()) {
    const n = Number(await a.locator("b").innerText());
    const href = await a.getAttribute("href");
    equal(await list(href, a), n, `the list behind ${href}`);
  }
}

export async function director(v, user = "dir1") {
  const p = v.page;
  await v.signIn(user);
  equal(v.path(), "/today", "where the day begins");
  await figuresAreLists(v, (href) =>
    p.evaluate((id) => document.querySelectorAll(`${id} + ul > li, ${id} + p + ul > li`).length, href));

  // The names of those to be visited, when asked for.
  const due = await p.locator("main").innerText();
  await v.follow("form.names button");
  ok(due.includes("○") && !(await p.locator("main").innerText()).includes("○"), "the names of today");
  await v.follow("form.names a.button");

  // The register: masked until asked, then by name.
  await v.go("/children");
  const masked = await v.page.locator("#results a.name").allInnerTexts();
  ok(masked.length > 2, "children");
  await v.follow("button[name=names]");
  const names = await p.locator("#results a.name").allInnerTexts();
  ok(names.every((n, i) => n !== masked[i]), "names were shown before they were asked for");
  const name = names[0];
  await p.locator("#q").pressSequentially(name);
  await p.waitForFunction((n) => document.querySelectorAll("#results a.name").length === n,
    names.filter((n) => n.includes(name)).length);
  ok((await p.locator("#results a.name").first().innerText()).includes(name), "search as one types");
  await p.fill("#q", "没有这个人");
  await p.waitForSelector("#results .empty");

  // A new child.
  await v.go("/children/new");
  await p.fill("#name", "欧阳测试");
  await p.selectOption("#sex", { index: 1 });
  await p.fill("#birth", "2014-05");
  await p.locator("[name=categories]").nth(2).check();
  await p.selectOption("#legal_basis", "statutory_duty");
  await p.fill("#phone", "13800000000");
  await v.follow("main form button.primary");
  const child = v.path();
  ok(/^\/child\/[0-9a-f-]{36}$/.test(child), `saved: ${child}`);
  ok(!(await v.text()).includes("13800000000"), "the telephone is shown unasked");

  // Identity, one field at a time.
  await v.follow("#identity button[value=phone]");
  ok((await v.text()).includes("13800000000"), "the telephone was asked for");
  ok(!(await v.text()).includes("欧阳测试") || (await p.locator("#identity button[value=name]").count()) === 0, "the name came too");

  await observation(v, child);
  await records(v, child);
  await corrections(v, child);
  await activity(v);

  // Consent is withdrawn: no more observations.
  await v.go(`${child}/consent`);
  await p.selectOption("#by", { index: 1 });
  await v.follow("main form button.primary");
  equal(await p.locator(`a[href='${child}/observe']`).count(), 0, "observing goes on");
  await newKeys(v);
  await v.signOut();
}

// The sixty-second form: signs, proposal, urgent help, draft.
async function observation(v, child) {
  const p = v.page;
  await v.go(`${child}/observe`);
  const risk = () => p.locator("[name=risk]:checked").getAttribute("value");
  equal(await p.locator("#help-card").isVisible(), false, "help before it is needed");
  await p.check("[name=signs][value=mood_low]");
  equal(await risk(), "yellow", "proposed for one sign");
  const due = await p.inputValue("#follow_up_on");
  ok(due > await p.inputValue("#date"), "the next visit is filled in");
  await p.check("[name=risk][value=orange]");
  await p.check("[name=signs][value=irritable]");
  equal(await risk(), "orange", "what one chose stays");
  ok(await p.inputValue("#follow_up_on") < due, "sooner for orange");

  // A draft waits on the server.
  await p.fill("#note", "草稿里的一句话");
  await v.follow("button[formaction$='/draft']");
  await v.go(`${child}/observe`);
  equal(await p.inputValue("#note"), "草稿里的一句话", "the draft");
  await v.follow("form.notice button");
  await v.go(`${child}/observe`);
  equal(await p.inputValue("#note"), "", "the draft was dropped");

  // An urgent sign opens the card at once.
  await p.check("[name=signs][value=death_talk]");
  ok(await p.locator("#help-card").isVisible(), "the help card");
  for (const n of ["110", "120", "12356", "12355"]) {
    ok(await p.locator(`#help-card a[href='tel:${n}']`).isVisible(), n);
  }
  equal(await risk(), "red", "proposed for an urgent sign");
  await v.look();
  await p.fill("#note", "说了一句让人担心的话");
  await v.follow("#observe button.primary");
  equal(v.path(), child, "back at the child");
  ok((await v.text()).includes("说了一句让人担心的话"), "the timeline");
  ok(await p.locator("section.help").isVisible(), "help after saving");
}

// New keys for a unit, from behind one's own name.
async function newKeys(v) {
  const p = v.page;
  await v.go("/passphrase");
  await v.follow("main a[href='/keys']");
  await p.selectOption("#unit", { index: 1 });
  await p.check("[name=sure]");
  await v.follow("button.danger");
  equal(v.path(), "/keys", "new keys");
  ok(await p.locator("main .flash").isVisible(), "they are there");
  await v.go("/recover");
  ok(await p.locator("main .empty").isVisible(), "no keys are missing");
}

// Intervention, flag, mandatory report; a form that is refused comes back.
async function records(v, child) {
  const p = v.page;
  await v.go(`${child}/intervene`);
  await p.selectOption("#kind", "cash_condolence");
  await p.locator("main details summary").evaluateAll((all) => all.forEach((s) => { s.parentNode.open = true; }));
  await p.fill("#amount_fen", "三百");
  await v.follow("main form button.primary", 422);
  ok(await p.locator("p.error[role=alert]").isVisible(), "no reason is given");
  equal(await p.inputValue("#amount_fen"), "三百", "what was typed");
  await p.locator("main details summary").evaluateAll((all) => all.forEach((s) => { s.parentNode.open = true; }));
  await p.fill("#amount_fen", "300.50");
  await p.check("[name=delivered]");
  await v.follow("main form button.primary");
  ok((await v.text()).includes("300.50"), "the amount");

  await v.go(`${child}/flag`);
  await p.fill("#reason", "请督导员看一看");
  await v.follow("main form button.primary");
  ok((await v.text()).includes("请督导员看一看"), "the flag");

  await v.go(`${child}/report`);
  equal(await p.locator("[name=situations]").count(), 9, "situations");
  await p.locator("[name=situations]").first().check();
  await p.fill("#authority", "中山派出所");
  await v.follow("main form button.primary");
  ok((await v.text()).includes("中山派出所"), "the report");
}

// A visit by keyboard alone, from the list to the saved record; then what was
// odd, corrected, and what is kept when one signs out.
async function corrections(v, child) {
  const p = v.page;
  await v.go(`${child}/observe`);
  await p.focus("[name=signs][value=mood_low]");
  await p.keyboard.press("Space");
  equal(await p.isChecked("[name=signs][value=mood_low]"), true, "ticked by keyboard");
  await v.press("#observe button.primary");

  await v.go(`${child}/intervene`);
  await p.selectOption("#kind", "cash_condolence");
  await v.follow("main form button.primary", 422);
  ok(await p.locator(".ask[role=alert]").isVisible(), "money without an amount is asked about");
  await p.locator(".ask a").first().click();
  equal(await p.evaluate(() => document.activeElement.id), "amount_fen", "the summary leads to the field");
  await p.fill("#amount_fen", "88");
  await v.follow("main form button.primary");
  ok((await v.text()).includes("88.00"), "the amount");

  await v.follow(".timeline a[href*='/correct/']");
  equal(await p.inputValue("#amount_fen"), "88", "filled in");
  await p.fill("#amount_fen", "99");
  await v.follow("main form button.primary");
  ok(/88\.00[\s\S]*99\.00/.test(await v.text()), "what changed");
  await v.go(`${child}/correct`);
  await p.fill("#school", "更正小学");
  await v.follow("main form button.primary");
  ok(!(await v.text()).includes("更正小学"), "the identity is masked in the history");
  await v.follow("main form button");
  ok((await v.text()).includes("更正小学"), "and shown when asked for");

  // Signing out at once after typing loses nothing.
  await v.go(`${child}/observe`);
  await p.fill("#note", "没有保存就退出");
  await v.signOut();
  await v.signIn("dir1");
  await v.go(`${child}/observe`);
  equal(await p.inputValue("#note"), "没有保存就退出", "the draft after signing out");
  await v.follow("form.notice button");
}

async function activity(v) {
  const p = v.page;
  await v.go("/activities");
  const before = await p.locator("ul.list > li").count();
  await v.follow("a[href='/activities/new']");
  await p.selectOption("#kind", "theme_activity");
  await p.check("[name=held]");
  await p.fill("#venue", "村文化活动中心");
  await p.locator("[name=children]").nth(0).check();
  await p.locator("[name=children]").nth(1).check();
  await v.follow("main form button.primary");
  equal(v.path(), "/activities", "saved");
  equal(await p.locator("ul.list > li").count(), before + 1, "activities");
  const line = await p.locator("ul.list > li", { hasText: "村文化活动中心" }).innerText();
  ok(/ 2\b/.test(line), `attendance: ${line}`);
  // The number opens the list that it counts.
  await v.follow(p.locator("ul.list > li", { hasText: "村文化活动中心" }).locator("a").last());
  equal(await p.locator("ul.list a.name").count(), 2, "who took part");
  await v.follow("a[href$='/correct']");
  equal(await p.locator("[name=children]:checked").count(), 2, "filled in");
  await p.locator("[name=children]:checked").first().uncheck();
  await v.follow("main form button.primary");
  equal(await p.locator("ul.list a.name").count(), 1, "corrected");
}

export async function supervisor(v) {
  const p = v.page;
  await v.signIn("sup1");
  equal(v.path(), "/review", "where the day begins");
  const numbers = await p.locator("ul.figures a").evaluateAll((all) => all.map((a) => [a.getAttribute("href"), Number(a.querySelector("b").textContent)]));
  for (const [href, n] of numbers) {
    await v.go(href);
    equal(await p.locator("main ul.list > li").count(), n, `the list behind ${href}`);
  }
  await v.go("/review");
  const flags = await p.locator("main a[href^='/flag/']").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  ok(flags.length >= 4, `${flags.length} flags in review`);

  // A case without identity, until there is a reason.
  await v.go(flags[0]);
  equal(await p.locator(".identity-shown").count(), 0, "identity");
  await p.locator("details summary").first().click();
  await p.fill("#reveal-reason", "需要入户核实");
  await v.follow("form[action$='/reveal'] button");
  ok(await p.locator(".identity-shown").isVisible(), "identity with a reason");
  await v.go(flags[0]);
  equal(await p.locator(".identity-shown").count(), 0, "identity is shown once");

  // No decision without a reason; then each of the four.
  await p.check("[name=decision][value=accept]");
  await p.fill("#reason", "   ");
  await v.follow("form[action$='/decide'] button.primary", 422);
  ok(await p.locator("p.error").isVisible(), "an empty reason");
  for (const [i, decision] of ["accept", "return", "escalate", "close"].entries()) {
    await v.go(flags[i]);
    await p.check(`[name=decision][value=${decision}]`);
    await p.fill("#reason", `测试 ${decision}`);
    await v.follow("form[action$='/decide'] button.primary");
    if (decision === "close") {
      ok(!v.path().endsWith("/review"), "closed without asking again");
      await v.follow("button.danger");
    }
    equal(v.path(), "/review", decision);
    ok(await p.locator("p.flash").isVisible(), "what happened");
  }
  await v.go(flags[1]);
  ok((await v.text()).includes("测试 return"), "the decision is on record");

  // Coverage: each number opens the list that it counts.
  await v.go("/coverage");
  const counts = await p.locator("main a[href^='/coverage/']").evaluateAll((all) => all.map((a) => [a.getAttribute("href"), Number((a.querySelector("b") || a).textContent.match(/\d+/)[0])]));
  ok(counts.length > 4, "numbers");
  for (const [href, n] of counts) {
    await v.go(href);
    equal(await p.locator("main tbody tr").count(), n, `the list behind ${href}`);
    equal(await p.locator(childLinks).count(), 0, "a case is open");
  }
  await v.signOut();
}

export async function download(v, selector) {
  const [d] = await Promise.all([v.page.waitForEvent("download"), v.page.locator(selector).first().click()]);
  equal(await d.failure(), null, selector);
  return d;
}

export async function statistician(v) {
  const p = v.page;
  await v.signIn("stat");
  equal(v.path(), "/annex", "where the day begins");
  await v.follow("main a[href*='/annex?unit=']");
  ok(await p.locator(".form-sheet").isVisible(), "the form");
  const cells = await p.locator(".form-sheet tbody tr").count();
  ok(cells > 1, "rows");

  // Printed: the form alone, A4 landscape.
  await p.emulateMedia({ media: "print" });
  for (const hidden of [".top", "main form"]) {
    equal(await p.locator(hidden).first().isVisible(), false, `${hidden} on paper`);
  }
  ok(await p.locator(".sealbox").isVisible(), "the seal box on paper");
  const pdf = (await p.pdf({ preferCSSPageSize: true })).toString("latin1");
  const box = /\/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)/.exec(pdf);
  ok(box && Math.round(box[1]) === 842 && Math.abs(box[2] - 595) < 2, `paper: ${box && box[0]}`);
  await p.emulateMedia({ media: null });

  const xlsx = await download(v, "button[value=xlsx]");
  ok(xlsx.suggestedFilename().endsWith(".xlsx"), xlsx.suggestedFilename());
  const csv = await download(v, "button[value=csv]");
  ok(csv.suggestedFilename().endsWith(".csv"), csv.suggestedFilename());

  // A table, its chart, and the same again refused or found.
  await v.go("/table");
  await p.check("[name=count][value=children]");
  await p.check("[name=dim][value=sex]");
  await v.follow("main form button.primary");
  equal(v.path(), "/table", "asked first");
  await v.follow("main form button.danger");
  ok(/^\/release\//.test(v.path()), `released: ${v.path()}`);
  ok(await p.locator("svg[role=img]").first().isVisible(), "a chart");
  const again = await download(v, "a[href$='/csv']");
  ok(again.suggestedFilename().endsWith(".csv"), "the file again");
  await v.go("/table");
  await p.fill("#threshold", "3");
  await p.locator("[name=dim]:checked").evaluateAll((all) => all.forEach((x) => { x.checked = false; }));
  await p.locator("main form").evaluate((f) => { f.noValidate = true; });
  await p.fill("#from", "");
  await v.follow("main form button.primary", 422);

  await v.go("/releases");
  equal(await p.locator("ul.list > li").count() >= 2, true, "the ledger");
  await v.follow("form[action='/releases/verify'] button");
  await v.go("/activities");
  await v.signOut();
}

export async function admin(v, newcomer) {
  const p = v.page;
  await v.signIn("admin");
  equal(v.path(), "/people", "where the day begins");
  for (const [href, n] of await p.locator("ul.figures a").evaluateAll((all) => all.map((a) => [a.getAttribute("href"), Number(a.querySelector("b").textContent)]))) {
    await v.go(href);
    equal(await p.locator("ul.people > li").count(), n, `the list behind ${href}`);
  }

  // Someone new, with the passphrase that was offered.
  await v.go("/people/new");
  const secret = (await p.locator(".suggestion").innerText()).trim();
  await p.fill("#user", newcomer);
  await p.check("[name=role][value=director]");
  await p.fill("#unit", "350102001004");
  await v.follow("main form button.primary");
  equal(v.path(), "/people", "enrolled");
  ok((await v.text()).includes(newcomer), "the newcomer");
  const pending = p.locator("a[href$='/pending']");
  if (await pending.count() > 0) { await v.follow(pending.first()); }

  await v.go("/units");
  await p.fill("#q", "中山");
  await v.follow("form[role=search] button");
  ok((await v.text()).includes("中山社区"), "units");
  await v.go("/units");
  await p.fill("#code", "350102001999");
  await p.fill("#name", "测试社区");
  await v.follow("form[action='/units/add'] button");

  await v.go("/safety");
  const head = await p.inputValue("#head");
  ok(head.length > 20, "the head of the audit");
  await p.fill("#anchor", head);
  await v.follow("form[action='/safety/verify'] button");
  await v.follow("form[action='/safety/backup'] button");
  await v.follow("a[href$='/verify']");
  await p.fill("#passphrase", passphrase("admin"));
  await v.follow("main form button.primary");
  await v.go("/safety/custody?what=held");
  await v.go("/safety/custody?what=missing");
  for (const path of ["/today", "/review", "/annex"]) {
    await v.go(path, 403);
  }
  await v.signOut();

  // The newcomer signs in, changes the passphrase, and is sent away.
  await v.signIn(newcomer, secret);
  await v.go("/passphrase");
  await p.fill("#old", secret);
  await p.fill("#new", "一条新的口令 2026");
  await p.fill("#again", "一条新的口令 2026");
  await v.follow("main form button.primary");
  await v.go("/today");
  await v.signOut();
  await v.signIn("admin");
  await v.follow(`a[href='/people/${newcomer}/disable']`);
  await v.follow("button.danger");
  await v.signOut();
  await p.fill("#user", newcomer);
  await p.fill("#passphrase", "一条新的口令 2026");
  await v.follow("form[action='/login'] button", 403);
}

// ---- sealed bundles ----

// In a copy: every page says so, and a bundle for the township is downloaded.
export async function bundleMade(v, file) {
  const p = v.page;
  await v.go("/login");
  ok((await v.text()).includes("中山村"), "the door of a copy says so");
  await v.signIn("dir1");
  ok((await v.text()).includes("中山村"), "a copy says so");
  await v.follow("nav a[href='/bundles']");
  ok(await p.locator("#digits-h ~ dl .code").count() >= 2, "fingerprints");
  await p.locator("details summary").first().click();
  await v.look();
  const value = await p.locator("#to option", { hasText: "sup1" }).first().getAttribute("value");
  await p.selectOption("#to", value);
  const [download] = await Promise.all([
    p.waitForEvent("download"), p.click("form[action='/bundles/make'] button"),
  ]);
  ok(/^runxin-\d{12}-[0-9a-f]{8}-1\.rxb$/.test(download.suggestedFilename()), download.suggestedFilename());
  await download.saveAs(file);
}

// At home: a wrong file, the right one given back, and opened.
export async function bundleOpened(v, file) {
  const p = v.page, sent = "form[action='/bundles/show'] button";
  await v.signIn("sup1");
  ok(!(await v.text()).includes("中山村"), "home is no copy");
  await v.follow("nav a[href='/bundles']");
  await p.setInputFiles("#file", { name: "holiday.rxb", mimeType: "image/jpeg", buffer: Buffer.from("no bundle") });
  await v.follow(sent, 422);
  ok(await p.locator("p.error").count() === 1, "it says why");
  await p.setInputFiles("#file", file);
  await v.follow(sent);
  equal(v.path(), "/bundles/open", "what is in it");
  ok((await v.text()).includes("dir1") && (await v.text()).includes("中山村"), "who sent it");
  await v.follow("form[action='/bundles/drop'] button");
  equal(v.path(), "/bundles", "given back");
  await p.setInputFiles("#file", file);
  await v.follow(sent);
  await p.check("[name=sure]");
  await v.follow("form[action='/bundles/open'] button");
  ok(await p.locator("#after-h").count() === 1, "it tells what came");
  ok((await p.locator("table.stack tbody tr").count()) >= 1, "the list of bundles");
}

export async function copiesTold(v) {
  await v.signIn("admin");
  await v.go("/safety");
  ok(await v.page.locator("#copies-h").count() === 1, "the administrator is told of copies");
  await v.follow("section[aria-labelledby=copies-h] a[href='/bundles']");
  ok(await v.page.locator("#file").count() === 0, "an administrator opens none");
}

// A file moves and comes back, is kept, is erased; with what the register chooses
// about it.
export async function settings(v) {
  const p = v.page;
  await v.signIn("admin");
  await v.follow("nav a[href='/settings']");
  equal(await p.locator("main input[type=number]").count(), 9, "settings");
  await p.locator("main form").evaluate((f) => { f.noValidate = true; });
  await p.fill("#visit-green-days", "400");
  await v.follow("main form button.primary", 422);
  await p.locator("p.error a").click();
  equal(await p.evaluate(() => document.activeElement.id), "visit-green-days", "the summary leads to the field");
  await p.fill("#visit-green-days", "60");
  await v.follow("main form button.primary");
  equal(await p.inputValue("#visit-green-days"), "60", "saved");
  await v.signOut();
}

export async function caseLife(v) {
  const p = v.page;
  await v.signIn("dir1");
  await v.go("/children");
  await v.follow("a[href='/transfers']");
  ok(await p.locator(".empty").first().isVisible(), "nothing is offered");
  await v.go("/children/new");
  await p.fill("#name", "欧阳搬家");
  await p.selectOption("#sex", { index: 1 });
  await p.fill("#birth", "2014-05");
  await p.locator("[name=categories]").nth(2).check();
  await p.selectOption("#legal_basis", "statutory_duty");
  await v.follow("main form button.primary");
  const child = v.path(), id = child.split("/")[2];
  const number = /\d{3}-\d{3}/.exec(await p.locator("h1").innerText())[0];

  // To another village, by part of its name; who is to accept says no.
  await v.follow(`a[href='${child}/transfer']`);
  await p.fill("#unit", "社区");
  await p.fill("#reason", "随父母搬家");
  await p.check("[name=sure]");
  await v.follow("main form button.primary", 422);
  ok(await p.locator("[name=unit_pick]").count() > 1, "which of them");
  await p.fill("#unit", "");
  await p.locator("#unit").pressSequentially("350102001002");
  await p.waitForFunction(() => document.querySelectorAll("#units option").length > 0);
  await p.fill("#unit", await p.locator("#units option").first().getAttribute("value"));
  await p.check("[name=sure]");
  await v.follow("main form button.primary");
  equal(v.path(), child, "offered");
  ok(await p.locator(".notice a[href$='/transfer']").isVisible(), "said on the page");
  await v.follow(".notice a[href$='/transfer']");
  await v.signOut();
  await v.signIn("dir2");
  await v.follow(`a.button[href='/transfer/${id}']`);
  ok(!(await v.text()).includes("欧阳搬家"), "the name is shown unasked");
  await v.follow("button[name=names]");
  ok((await v.text()).includes("欧阳搬家"), "and shown when asked for");
  await p.fill("#reason", "没有搬来");
  await v.follow("form[action$='/reject'] button");
  equal(v.path(), "/transfers", "rejected");
  await v.signOut();
  await v.signIn("dir1");
  ok((await v.text()).includes("没有搬来"), "the answer on today");
  await v.go(`${child}/transfer`);
  await v.follow("form[action$='/withdraw'] button");

  await v.go(`${child}/keep`);
  const year = new Date().getFullYear();
  await p.fill("#until", `${year + 1}-06-01`);
  await p.fill("#reason", "仍在帮扶");
  await v.follow("main form button.primary");
  ok((await v.text()).includes(`${year + 1}-06-01`), "kept");
  await v.go(`/retention?on=${year + 19}-01-01`);
  ok(await p.locator(`a[href='${child}/erase']`).count() === 1, "over by then");

  // Erased only by its number; the certificate is printed without a name.
  await v.follow(`a[href='${child}/erase']`);
  await p.selectOption("#ground", "purpose");
  await p.selectOption("#asker", "guardian");
  await p.fill("#reason", "监护人要求");
  await p.fill("#number", "001-999");
  await v.follow("button.danger", 422);
  equal(await p.inputValue("#number"), "", "typed anew");
  equal(await p.inputValue("#reason"), "监护人要求", "what was typed");
  await p.fill("#number", number);
  await v.follow("button.danger");
  equal(v.path(), `/erasure/${id}`, "the certificate");
  ok(!(await v.text()).includes("欧阳"), "a name in the certificate");
  await p.emulateMedia({ media: "print" });
  equal(await p.locator(".top").isVisible(), false, "the head of the page on paper");
  ok(await p.locator(".sealbox").isVisible(), "the seal box on paper");
  await p.emulateMedia({ media: null });
  await v.go("/erasures");
  await v.follow("form[action='/erasures/verify'] button");
  ok(await p.locator("p.flash").isVisible(), "nothing is left");
  await v.signOut();

  await v.signIn("sup1");
  for (const where of ["/erasures", "/retention", "/transfers"]) {
    await v.go("/coverage");
    await v.follow(`a[href='${where}']`);
  }
  await v.go(`/erasure/${id}`);
  ok(!(await v.text()).includes("监护人要求"), "the reason is the director's");
  await v.signOut();
}
