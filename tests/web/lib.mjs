// What the tests in the browser share: a demo register, the server, visitors
// whose every page is looked over, and a small registry of tests.

import { spawn, execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

export const RUNXIN = path.resolve(process.env.RUNXIN || "build/plain-gcc/runxin");
const SHOTS = process.env.SHOTS;		// a folder for screenshots
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };
export const passphrase = (user) => `demo-${user}-runxin`;

// ---- tests ----

const tests = [];
export function test(name, f) { tests.push({ name, f }); }

export function equal(got, want, what) {
  if (got !== want) {
    throw new Error(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
}
export function ok(condition, what) {
  if (!condition) { throw new Error(what); }
}

// Run what was registered; print a line each and the closing line.
export async function main() {
  const only = process.argv.slice(2);
  let passed = 0, failed = 0;
  for (const { name, f } of tests) {
    if (only.length > 0 && !only.some((part) => name.includes(part))) { continue; }
    const start = Date.now();
    try {
      await f();
      passed++;
      console.log(`ok   ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
    } catch (e) {
      failed++;
      console.log(`FAIL ${name}\n     ${String(e.stack || e).split("\n").slice(0, 12).join("\n     ")}`);
    }
  }
  await shutDown();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
}

// ---- the register and the server ----

const folder = await mkdtemp(path.join(os.tmpdir(), "runxin-web-"));
const servers = new Set();
let browser, demo, copies = 0;

async function shutDown() {
  if (browser) { await browser.close(); }
  for (const s of servers) { s.kill("SIGKILL"); }
  await rm(folder, { recursive: true, force: true });
}

export function emptyFolder() { return path.join(folder, `empty${++copies}`); }

// A copy of the demo register, which is made once.
export async function register() {
  if (!demo) {
    demo = path.join(folder, "demo");
    await promisify(execFile)(RUNXIN, ["demo", demo, "--children", "24", "--observations", "90"]);
  }
  const copy = path.join(folder, `copy${++copies}`);
  await cp(demo, copy, { recursive: true });
  return copy;
}

// A copy of the register ${dir} for a village, made by ${user}.
export async function village(dir, user, name) {
  const command = (...args) => new Promise((done, broken) => {
    const p = execFile(RUNXIN, ["-r", dir, "-u", user, "--passphrase-fd", "0", ...args],
      (e) => (e ? broken(e) : done()));
    p.stdin.end(`${passphrase(user)}\n`);
  });
  const copy = `${dir}-village`;
  await command("backup", "create", `${dir}.backup`);
  await command("backup", "restore", `${dir}.backup`, copy, "--copy", name);
  return copy;
}

// Serve ${dir}; the answer has the url and stop(), which expects a clean end.
export function serve(dir, ...args) {
  const p = spawn(RUNXIN, ["-r", dir, "serve", "--listen", "127.0.0.1:0", ...args],
    { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8" } });
  servers.add(p);
  let said = "", complaint = "";
  p.stderr.on("data", (d) => { complaint += d; });
  return new Promise((resolve, reject) => {
    p.on("exit", (code) => reject(new Error(`serve ended: ${code} ${complaint}`)));
    p.stdout.on("data", (d) => {
      said += d;
      const m = /https?:\/\/[0-9.]+:[0-9]+/.exec(said);
      if (!m || !said.includes("\n")) { return; }
      resolve({
        url: m[0],
        stop: () => new Promise((done, broken) => {
          p.removeAllListeners("exit");
          p.on("exit", (code) => {
            servers.delete(p);
            if (code === 0 && complaint === "") { done(); }
            else { broken(new Error(`serve: ${code} ${complaint}`)); }
          });
          p.kill("SIGTERM");
        }),
      });
    });
  });
}

// ---- visitors ----

async function theBrowser() {
  if (!browser) {
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
  }
  return browser;
}

// A person at a browser.  Each page that comes up must please axe-core, fit the
// window, speak the language, ask no other server, and complain of nothing.
export class Visitor {
  static async come(url, { size = "desktop", lang = "zh", script = true, scan = true } = {}) {
    const v = new Visitor();
    const context = await (await theBrowser()).newContext({
      viewport: sizes[size], javaScriptEnabled: script, acceptDownloads: true,
      locale: lang === "en" ? "en-GB" : "zh-CN", timezoneId: process.env.TZ || "UTC",
      hasTouch: size === "phone", isMobile: size === "phone",
    });
    Object.assign(v, { url, size, lang, script, scan, context, foreign: [], complaints: [], seen: new Map(), shots: 0 });
    context.on("request", (r) => {
      if (!r.url().startsWith(url + "/") && !r.url().startsWith("data:")) { v.foreign.push(r.url()); }
    });
    v.page = await context.newPage();
    v.page.setDefaultTimeout(10000);
    v.page.on("pageerror", (e) => v.complaints.push(String(e)));
    v.page.on("console", (m) => {
      // A refused form is a 4xx, which the browser reports as well.
      if (m.type() === "error" && !/status of 4\d\d/.test(m.text())) { v.complaints.push(m.text()); }
    });
    return v;
  }

  // Go to ${where} and look the page over.
  async go(where, status = 200) {
    const r = await this.page.goto(this.url + where);
    equal(r.status(), status, where);
    await this.look();
    return r;
  }

  // Click what ${selector} names, wait for the page it leads to, look it over.
  async follow(selector, status = 200) {
    const target = typeof selector === "string" ? this.page.locator(selector).first() : selector;
    const from = this.page.url();
    const [r] = await Promise.all([
      this.page.waitForResponse((x) => x.request().isNavigationRequest() && x.status() !== 303),
      this.page.waitForEvent("load"),
      target.click(),
    ]);
    const said = r.status() === status ? "" : (await this.page.locator("p.error").allInnerTexts()).join(" ");
    equal(r.status(), status, `${from}: ${selector} leads to ${r.url()} ${said}`);
    await this.look();
    return r;
  }

  // The same by keyboard.
  async press(selector, key = "Enter", status = 200) {
    await this.page.locator(selector).first().focus();
    const [r] = await Promise.all([
      this.page.waitForResponse((x) => x.request().isNavigationRequest() && x.status() !== 303),
      this.page.waitForEvent("load"),
      this.page.keyboard.press(key),
    ]);
    equal(r.status(), status, `${selector} leads to ${r.url()}`);
    await this.look();
  }

  async signIn(user, secret = passphrase(user)) {
    await this.go("/login");
    await this.page.fill("#user", user);
    await this.page.fill("#passphrase", secret);
    await this.follow("form[action='/login'] button");
    ok(!this.page.url().includes("/login"), `${user} is not signed in`);
  }

  async signOut() {
    await this.follow("form[action='/logout'] button");
    ok(this.page.url().endsWith("/login"), "not signed out");
  }

  path() { return new URL(this.page.url()).pathname; }
  text() { return this.page.locator("main").innerText(); }

  // What kind of page this is: its path without ids.
  kind() {
    return this.path().replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "*").replace(/\d{4,}/g, "*");
  }

  async look() {
    if (SHOTS) {
      await mkdir(SHOTS, { recursive: true });
      const name = `${this.size}-${this.lang}-${String(++this.shots).padStart(2, "0")}${this.kind().replace(/[/*]+/g, "-")}.png`;
      await this.page.screenshot({ path: path.join(SHOTS, `${this.name || "x"}-${name}`), fullPage: true });
    }
    if (!this.script || !this.scan) { return; }
    const at = `${this.path()} (${this.size}, ${this.lang})`;
    const facts = await this.page.evaluate(() => ({
      lang: document.documentElement.lang, h1: document.querySelectorAll("h1").length,
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      message: document.body.innerText.match(/\{[a-z_]+\}|\{\{|undefined|\bnull\b|NaN/),
      // The other language, outside of names and of what people wrote.
      chinese: document.title.match(/[\u4e00-\u9fff]/) !== null,
    }));
    equal(facts.lang, this.lang === "en" ? "en" : "zh-CN", `language of ${at}`);
    equal(facts.chinese, this.lang === "zh", `title of ${at}`);
    ok(facts.wide <= 0, `${at} is ${facts.wide} px too wide`);
    ok(facts.h1 >= 1, `${at} has no heading`);
    ok(facts.message === null, `${at} shows ${facts.message && facts.message[0]}`);
    await this.page.evaluate(axe);
    const found = await this.page.evaluate(() => globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }));
    const wrong = found.violations.map((x) => `${x.id}: ${x.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")} (${x.help})`);
    ok(wrong.length === 0, `${at}: ${wrong.join("; ")}`);
    this.seen.set(this.kind(), (this.seen.get(this.kind()) || 0) + 1);
  }

  // What a printer is given.
  async print() {
    const name = `${this.name || "x"}-${this.size}-${this.lang}-${String(++this.shots).padStart(2, "0")}-paper.pdf`;
    if (SHOTS) { await this.page.screenshot({ path: path.join(SHOTS, name.replace(".pdf", ".png")), fullPage: true }); }
    return this.page.pdf({ preferCSSPageSize: true, ...(SHOTS ? { path: path.join(SHOTS, name) } : {}) });
  }

  // Nothing was asked elsewhere, nothing is kept here but two cookies.
  async leave() {
    await this.page.goto(this.url + "/login");
    const kept = await this.page.evaluate(async () => ({
      local: localStorage.length, session: sessionStorage.length,
      databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
      workers: (await navigator.serviceWorker.getRegistrations()).length, cookie: document.cookie,
    }));
    equal(JSON.stringify(kept), JSON.stringify({ local: 0, session: 0, databases: 0, caches: 0, workers: 0, cookie: "" }), "kept by the browser");
    for (const c of await this.context.cookies()) {
      ok(["rx", "lang"].includes(c.name) && c.httpOnly && c.sameSite === "Strict", `cookie ${c.name}`);
    }
    equal(this.foreign.join(" "), "", "asked of another server");
    equal(this.complaints.join("; "), "", "complaints of the browser");
    await this.context.close();
  }
}

// Someone who cleans up after himself: f(visitor), then leave.
export async function visit(url, options, f) {
  const v = await Visitor.come(url, options);
  v.name = options.name;
  try {
    await f(v);
    if (v.script) { await v.leave(); }
  } catch (e) {
    e.message = `${e.message} [at ${v.page.url().replace(url, "")}]`;
    e.stack = `${e.message}\n${String(e.stack).split("\n").filter((l) => l.includes("tests/web/") && !l.includes("node_modules")).join("\n")}`;
    throw e;
  } finally {
    await v.context.close();
  }
}
