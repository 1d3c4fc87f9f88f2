"""A child moves to another register, on the page: two registers, both served,
exchange address, sealed case and receipt by downloads and uploads.  What is
refused is refused by name, and the same without the flaw goes through."""

import os
import re

import harness
from harness import equal, main, run, test, true
import test_transfer as moving
import test_web_bundle as bundles

from test_web_http import message
from test_web_keys import says

harness._tests.clear()		# those of the other files run there

D1, E1 = ("d1", "d1 first"), ("e1", "e1 first")
D2 = ("d2", "d2 first")


class Pair:
    """d1 of the one register, with the child c1, and e1 of the other."""

    def __init__(self):
        register = moving.make()
        moving.child(register, "d1", "c1", moving.A)
        moving.observe(register, "d1", "o1", "c1", "迁出前的记录").expect()
        self.home = bundles.Place(register)
        self.far = bundles.Place(moving.make_far())
        self.before = {p: sorted(os.listdir(p.register))
                       for p in (self.home, self.far)}
        self.id = run(register, *D1, "child", "show", "c1",
                      "--json").expect().json()["child"]["uuid"]

    @property
    def d1(self):
        return self.home.at(D1)

    @property
    def e1(self):
        return self.far.at(E1)

    def url(self, more=""):
        return "/child/%s%s" % (self.id, more)

    def end(self):
        for p in (self.home, self.far):
            equal(sorted(os.listdir(p.register)), self.before[p],
                  "nothing else on the disk")
            moving.verify(p.register)
            equal(p.server.stop(), "", "no complaint")


def put(b, path, data, **kw):
    b.get("/moved")
    return bundles.send(b, bundles.parts(data, b.token, **kw), path)


def got(b, path, end, magic):
    r = b.get(path)
    equal((r.status, r.type), (200, "application/octet-stream"), path)
    equal(r.header("cache-control"), "no-store", "not kept by the browser")
    true(re.fullmatch(r'attachment; filename="runxin-[0-9a-z]+\.%s"' % end,
                      r.header("content-disposition")),
         r.header("content-disposition"))
    equal(r.body[:4], magic, path)
    return r.body


def address(p):
    """(its file, its digits) of e1."""
    r = p.e1.get("/moved")
    digits = re.search(r"(?:\d{5} ){5}\d{5}", r.text).group(0)
    return got(p.e1, "/moved/address", "rxa", b"RXAD"), digits


def to_send(p, data, digits):
    """Upload the address; the form that asks."""
    r = put(p.d1, p.url("/move"), data)
    equal((r.status, r.location), (303, p.url("/move")), r.text[-500:])
    r = p.d1.get(p.url("/move"))
    for text in (digits, "e1", "思明民政局"):
        true(text in r.page().text, "%s is not shown" % text)
    return r


def send(p):
    """All of it; the sealed case."""
    r = to_send(p, *address(p))
    fields = dict(r.page().fields(p.url("/move/send")), reason="随父母迁居",
                  sure="1")
    r = p.d1.post(p.url("/move/send"), fields)
    equal((r.status, r.location), (303, p.url("/transfer")), r.text[-500:])
    says(p.d1.follow(r), "WEB_MOVED_SENT")
    return got(p.d1, p.url("/move/file"), "rxc", b"RXBU")


def look(p, sealed):
    r = put(p.e1, "/moved/show", sealed)
    equal((r.status, r.location), (303, "/moved/open"), r.text[-500:])
    r = p.e1.get("/moved/open")
    equal(r.status, 200, r.text[-500:])
    return r


def answer(p, shown, way="accept", **more):
    path = "/moved/" + way
    return p.e1.post(path, dict(shown.page().fields(path), **more))


def receipt(p, r, name="WEB_MOVED_ACCEPTED"):
    equal(r.status, 303, r.text[-500:])
    true(r.location.startswith("/moved/receipt/"), r.location)
    where = r.location
    says(p.e1.follow(r), name)
    return got(p.e1, where + "/file", "rxr", b"RXRC")


def hand_in(p, data):
    r = put(p.d1, "/moved/answer", data)
    equal((r.status, r.location), (303, "/moved/answer"), r.text[-500:])
    return p.d1.get("/moved/answer")


def take(p, shown, **more):
    path = "/moved/answer/take"
    return p.d1.post(path, dict(shown.page().fields(path), **more))


def refused(r, status, name):
    equal(r.status, status, "%s: %s" % (name, r.text[-500:]))
    says(r, name)


# ---- the way there and back ----

@test
def test_a_case_goes_to_another_register_by_downloads_and_uploads():
    p = Pair()
    sealed = send(p)
    r = p.d1.get(p.url())
    says(r, "WEB_MOVED_AWAY")
    for way in ("/observe", "/erase", "/consent", "/correct"):
        true(p.url(way) not in r.page().links, way + " is offered")
    says(p.d1.get("/transfers"), "WEB_MOVED_IS_OPEN")
    shown = look(p, sealed)
    d1 = re.search(r"(?:\d{5} ){5}\d{5}", p.d1.get("/moved").text).group(0)
    for text in (d1, "林小溪", "随父母迁居", "d1"):
        true(text in shown.page().text, "%s is not shown" % text)
    equal(run(p.far.register, *E1, "child", "list", "--json").expect().json(),
          [], "nothing is accepted before it is confirmed")
    r = answer(p, shown, sure="1")
    answered = receipt(p, r)
    # Again, at any time.
    says(p.e1.get("/moved"), "WEB_MOVED_RECEIPT_GET")
    equal(got(p.e1, r.location + "/file", "rxr", b"RXRC"), answered, "again")
    # What was written before, signed, when it is asked for.
    child = [a for a in p.e1.get(r.location).page().links
             if a.startswith("/child/")][0]
    says(p.e1.get(child), "WEB_MOVED_ORIGIN_SAID")
    r = p.e1.get(child + "/origin")
    true("迁出前的记录" not in r.text, "shown unasked")
    r = p.e1.post(child + "/origin", r.page().fields(child + "/origin"))
    for text in ("迁出前的记录", "林小溪", d1, "d1",
                 message("WEB_MOVED_VERIFIED").replace("{n}", "1")):
        true(text in r.page().text, "%s is not shown" % text)
    # The receipt ends it at home.
    r = hand_in(p, answered)
    says(r, "WEB_MOVED_YES")
    equal(p.d1.get(p.url()).status, 200, "not before it is confirmed")
    refused(take(p, r), 422, "WEB_MOVED_YES_SURE_MISSING")
    equal(p.d1.get(p.url()).status, 200, "nor without the tick")
    r = take(p, r, sure="1")
    equal((r.status, r.location), (303, "/erasure/" + p.id), r.text[-500:])
    r = p.d1.follow(r)
    says(r, "WEB_MOVED_LEFT")
    says(r, "GROUND_MOVED")
    equal(p.d1.get(p.url()).status, 404, "it is gone")
    # And changes nothing a second time.
    says(hand_in(p, answered), "WEB_MOVED_BEFORE")
    p.end()


@test
def test_rejected_there_the_file_is_as_before():
    p = Pair()
    shown = look(p, send(p))
    refused(answer(p, shown, "reject", reason=" "), 422, "REASON_MISSING")
    back = receipt(p, answer(p, shown, "reject", reason="没有搬来"),
                   "WEB_MOVED_REJECTED")
    r = hand_in(p, back)
    says(r, "WEB_MOVED_NO")
    true("没有搬来" in r.page().text, "why")
    r = take(p, r)
    equal((r.status, r.location), (303, p.url()), r.text[-500:])
    r = p.d1.follow(r)
    says(r, "WEB_MOVED_RETURNED")
    true(p.url("/observe") in r.page().links, "it can be written")
    says(p.d1.get("/transfers"), "WEB_MOVED_IS_REJECTED")
    p.end()


@test
def test_withdrawn_it_says_that_the_file_can_still_be_opened():
    p = Pair()
    sealed = send(p)
    r = p.d1.get(p.url("/transfer"))
    says(r, "CLI_TRANSFER_WITHDRAWN_AWAY")
    way = p.url("/transfer/withdraw")
    r = p.d1.follow(p.d1.post(way, {}))
    says(r, "CLI_TRANSFER_WITHDRAWN_AWAY")
    true(p.url("/observe") in r.page().links, "it can be written")
    # Both have it, and who withdrew is told.
    answered = receipt(p, answer(p, look(p, sealed), sure="1"))
    refused(put(p.d1, "/moved/answer", answered), 409, "RECEIPT_WITHDRAWN")
    equal(p.d1.get(p.url()).status, 200, "it stays")
    p.end()


# ---- refused, by name ----

@test
def test_without_the_tick_or_what_was_shown_nothing_is_sent():
    p = Pair()
    r = put(p.d1, p.url("/move"), b"", filename="")
    refused(r, 422, "WEB_BUNDLE_NO_FILE")
    data, digits = address(p)
    r = to_send(p, data, digits)
    way = p.url("/move/send")
    fields = dict(r.page().fields(way), reason="随父母迁居")
    refused(p.d1.post(way, fields), 422, "WEB_MOVED_SURE_MISSING")
    fields["sure"] = "1"
    refused(p.d1.post(way, dict(fields, reason="")), 422, "REASON_MISSING")
    other = digits[:-1] + ("1" if digits[-1] == "0" else "0")
    refused(p.d1.post(way, dict(fields, digits=other)), 403,
            "TRANSFER_FINGERPRINT")
    equal(p.d1.post(way, fields, csrf=None).status, 403, "without a token")
    true(message("WEB_MOVED_AWAY") not in p.d1.get(p.url()).text, "not sent")
    equal(p.d1.post(way, fields).status, 303, "control")
    says(p.d1.get(p.url()), "WEB_MOVED_AWAY")
    p.end()


@test
def test_a_damaged_or_own_address_is_refused():
    p = Pair()
    data, digits = address(p)
    for bad in (data[:-1], data[:400] + bytes([data[400] ^ 1]) + data[401:],
                b"x" * 608):
        refused(put(p.d1, p.url("/move"), bad), 422, "ADDRESS_CORRUPT")
    own = got(p.d1, "/moved/address", "rxa", b"RXAD")
    put(p.d1, p.url("/move"), own)
    way = p.url("/move/send")
    fields = p.d1.get(p.url("/move")).page().fields(way)
    refused(p.d1.post(way, dict(fields, reason="随父母", sure="1")), 422,
            "TRANSFER_SAME_REGISTER")
    send(p)				# the control
    p.end()


@test
def test_a_damaged_case_or_one_for_others_is_refused():
    p = Pair()
    sealed = send(p)
    middle = len(sealed) // 2
    for bad in (sealed[:-1], sealed[:middle], sealed + b"\0",
                sealed[:middle] + bytes([sealed[middle] ^ 1]) +
                sealed[middle + 1:], b"x" * 5000):
        refused(put(p.e1, "/moved/show", bad), 422, "TRANSFER_FILE_CORRUPT")
    refused(put(p.d1, "/moved/show", sealed), 409, "TRANSFER_FILE_ELSEWHERE")
    # Nor is it taken for a bundle, kept or uploaded.
    b = p.e1
    shown = look(p, sealed)
    true(message("WEB_BUNDLE_WAITS") not in b.get("/bundles").text, "waits")
    equal(b.get("/bundles/open").location, "/bundles", "not a bundle")
    refused(answer(p, shown), 422, "WEB_MOVED_SURE_MISSING")
    refused(answer(p, shown, sure="1", digest="0" * 64), 409,
            "WEB_MOVED_OTHER")
    refused(answer(p, shown, sure="1", digits="1" * 30), 403,
            "TRANSFER_FINGERPRINT")
    fields = dict(shown.page().fields("/moved/accept"), sure="1")
    equal(b.post("/moved/accept", fields, csrf=None).status, 403, "no token")
    receipt(p, b.post("/moved/accept", fields))		# the control
    # The form alone, once more; the file once more; the other answer.
    says(b.follow(b.post("/moved/accept", fields)), "WEB_MOVED_GONE")
    shown = look(p, sealed)
    receipt(p, answer(p, shown, sure="1"), "CLI_ARRIVAL_BEFORE")
    shown = look(p, sealed)
    refused(answer(p, shown, "reject", reason="不"), 409,
            "TRANSFER_ACCEPTED_BEFORE")
    equal(len(run(p.far.register, *E1, "child", "list",
                  "--json").expect().json()), 1, "once")
    p.end()


@test
def test_a_damaged_receipt_or_anothers_is_refused():
    p, other = Pair(), Pair()
    answered = receipt(p, answer(p, look(p, send(p)), sure="1"))
    theirs = receipt(other, answer(other, look(other, send(other)),
                                   sure="1"))
    refused(put(p.d1, "/moved/answer", theirs), 409,
            "RECEIPT_OTHER_REGISTER")
    for bad in (answered[:-1], answered[:-1] + bytes([answered[-1] ^ 1]),
                b"x" * 300):
        refused(put(p.d1, "/moved/answer", bad), 422, "RECEIPT_CORRUPT")
    refused(put(p.home.at(D2), "/moved/answer", answered), 403,
            "NOT_PERMITTED")
    equal(p.d1.get(p.url()).status, 200, "it stays")
    equal(take(p, hand_in(p, answered), sure="1").status, 303, "control")
    p.end()
    other.end()


@test
def test_a_report_does_not_wait_for_the_receipt():
    p = Pair()
    send(p)
    r = p.d1.get(p.url())
    says(r, "WEB_MOVED_REPORT")
    says(r, "WEB_MOVED_REPORT_WAY")
    says(p.d1.get(p.url("/transfer")), "WEB_MOVED_REPORT_WAY")
    report = dict(p.d1.get(p.url("/report")).page().fields(p.url("/report")),
                  situations="mr4_injury_violence", authority="示例派出所")
    refused(p.d1.post(p.url("/report"), report), 409, "TRANSFER_AWAY")
    # The button withdraws and leads to the form, which is taken now.
    withdraw = p.url("/transfer/withdraw")
    fields = dict(r.page().fields(withdraw))
    equal(fields["report"], "1", "the button")
    r = p.d1.post(withdraw, fields)
    equal((r.status, r.location), (303, p.url("/report")), r.text[-500:])
    page = p.d1.follow(r)
    says(page, "WEB_REPORT_TITLE")
    says(page, "CLI_TRANSFER_WITHDRAWN_AWAY")
    equal(p.d1.post(p.url("/report"), report).status, 303, "reported")
    says(p.d1.get(p.url()), "WEB_CASE_RECEIPT")
    true(message("WEB_MOVED_REPORT_WAY") not in p.d1.get(p.url()).text,
         "no more")
    p.end()


@test
def test_an_oversized_file_is_refused_on_every_upload():
    p = Pair()
    for b, path in ((p.d1, p.url("/move")), (p.e1, "/moved/show"),
                    (p.d1, "/moved/answer")):
        for size in (bundles.MAX + 1, 2 * bundles.MAX):
            r = put(b, path, b"x" * size)
            refused(r, 413, "WEB_FILE_TOO_LARGE")
            says(r, "WEB_ERROR_413")
        equal(put(b, path, b"x" * (bundles.MAX - 4096)).status, 422,
              "the control: " + path)
        r = b.post(path, {"digest": "x" * (600 << 10)})
        refused(r, 413, "WEB_TOO_LARGE")
    # What only follows an upload takes no file.
    for path in ("/moved/accept", "/moved/reject", "/moved/answer/take",
                 p.url("/move/send")):
        equal(put(p.d1, path, b"x").status, 415, path)
    p.end()


if __name__ == "__main__":
    main()
