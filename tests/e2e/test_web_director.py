"""The director's pages by raw requests: names, numbers, doubts, corrections.

What is asked here is asked of the page as it stands, without script.
"""

import datetime
import re

import harness
import test_web_http as web
from harness import equal, main, once, run, test, true
from test_web_http import Browser, Server, message, passphrase, stored

harness._tests.clear()		# those of the other file are run by it


@once
def server():
    return Server(web.register())


@once
def director():
    return Browser(server()).signed_in("dir1")


@once
def supervisor():
    return Browser(server()).signed_in(web.ROLES["supervisor"])


def day(ago=0):
    return (datetime.date.today() - datetime.timedelta(ago)).isoformat()


def said(name, lang=0):
    """The beginning of a message, up to its first placeholder."""
    return message(name, lang).split("{")[0]


def entries():
    return run(web.register(), "admin", passphrase("admin"), "--json",
               "audit", "verify").expect().json()["entries"]


def children(page):
    return [a for a in page.links if re.fullmatch(r"/child/[0-9a-f-]{36}", a)]


BASIC = {"name": "某某", "sex": "f", "birth": "2014-05",
         "categories": "left_behind", "legal_basis": "statutory_duty",
         "consent_by": ""}
serial = [0]


def having(fields, **values):
    """The ${fields}, with ${values} in their place."""
    given = [(k, v) for k, v in values.items() if v is not None]
    return [(n, v) for n, v in fields if n not in values] + given


def filled(form, b=None, **values):
    """The same of those of the page ${form}."""
    return having((b or director()).get(form).page().fields(form), **values)


def new_child(**values):
    """A child of a name of its own; its path."""
    serial[0] += 1
    r = director().post("/children/new", filled("/children/new", **dict(
        BASIC, name="新来%d" % serial[0], **values)))
    equal(r.status, 303, "a new child")
    return r.location


def record_links(path, what):
    return [a for a in director().get(path).page().links
            if re.fullmatch(re.escape(path) + "/%s/[0-9a-f-]{36}" % what, a)]


# ---- today ----

@test
def test_names_on_today_are_shown_when_asked_and_audited():
    d = director()
    before = entries()
    masked = d.get("/today").page().text
    true("○" in masked, "a name is shown unasked")
    equal(entries(), before, "looking at masked names is no entry")
    r = d.post("/today", {"names": "1"})
    equal(r.status, 200, "names")
    true("○" not in r.page().text, "a name is masked still")
    equal(entries(), before + 1, "the names are in the audit")
    true("○" in d.get("/today").page().text, "the next time they are masked")


@test
def test_a_withdrawn_child_is_named_with_the_reason_and_not_due():
    path = new_child(birth="2012-01")
    d = director()
    stored(d, path + "/observe", date=day(40), signs="death_talk", risk="red",
           follow_up_on=day(39))
    true(path + '/observe"' in d.get("/today").text, "the control: due")
    stored(d, path + "/consent", date=day(), by="guardian")
    parts = d.get("/today").text.split('id="withdrawn"')
    true(path + '/observe"' not in parts[0], "no visit is asked for")
    true(len(parts) == 2 and path in parts[1], "said why")
    text = d.get("/today").page().text
    true(message("WEB_TODAY_WITHDRAWN_HINT") in text, "the reason")


@test
def test_a_visit_that_is_not_finished_is_told_of_until_it_is():
    path = new_child()
    d = director()
    said, at = message("WEB_DRAFTS"), path + "/observe"
    def told(page):
        return said in page.text
    def today():
        text = d.get("/today").text
        return at in text.split('id="drafts"')[-1].split("</ul>")[0] and \
            'id="drafts"' in text
    true(not told(d.get(path).page()) and not today(), "no draft")
    d.post(path + "/draft", filled(at, note="写到一半", auto="1"))
    page = d.get(path).page()
    true(told(page) and page.links.count(at) == 2, "on the child's page")
    true(today(), "on Today")
    true("写到一半" not in d.get("/today").text, "what it says")
    stored(d, at, date=day(), risk="green")
    true(not told(d.get(path).page()) and not today(), "it is recorded")


# ---- numbers ----

@test
def test_a_new_child_has_a_number_that_the_search_finds():
    path = new_child()
    d = director()
    text = d.get(path).page().text
    number = re.search(r"\b001-\d{3}\b", text)
    true(number, "no number on the page")
    for part in (number.group(), number.group()[2:]):
        found = children(d.post("/children", {"q": part}).page())
        equal(found, [path], "search for " + part)
    rows = run(web.register(), "dir1", passphrase("dir1"), "--json", "child",
               "show", number.group()).expect().json()
    true(rows, "the command line knows it too")


# ---- doubts ----

def doubtful(form, sentence, values, right=None):
    """The form is asked about, stores nothing, and is taken when it comes back
    as it was shown; with ${right} in the place of what is odd at once."""
    d = director()
    before = entries()
    fields = filled(form, **values)
    r = d.post(form, fields)
    equal(r.status, 422, sentence)
    page = r.page()
    true(said(sentence) in page.text, "%s: %s" % (sentence, page.text))
    equal(entries(), before, "nothing is stored: " + sentence)
    sure = [(n, v) for n, v in page.fields(form) if n == "sure"]
    equal(len(sure), 1, "one doubt: " + sentence)
    # Another doubt's name is not an answer to this one.
    equal(d.post(form, fields + [("sure", "else")]).status, 422, "else")
    equal(d.post(form, fields + sure).status, 303, "confirmed: " + sentence)
    true(entries() > before, "stored: " + sentence)
    if right is not None:
        r = d.post(form, filled(form, **dict(values, **right)))
        equal(r.status, 303, "the control: " + sentence)


def odd_child(sentence, values, right):
    serial[0] += 1
    doubtful("/children/new", sentence, dict(
        BASIC, name="可疑%d" % serial[0], **values), dict(
            right, name="无疑%d" % serial[0]))


def number_of(birth, serial_no):
    """An id number of region 999999 with its check character."""
    s = "999999" + birth + "%03d" % serial_no
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return s + "10X98765432"[sum(int(c) * w for c, w in zip(s, weights)) % 11]


@test
def test_an_id_number_of_another_month_is_asked_about():
    odd_child("WEB_DOUBT_ID_BIRTH", {"id_number": number_of("20130402", 902)},
              {"id_number": number_of("20140502", 904)})


@test
def test_an_id_number_of_the_other_sex_is_asked_about():
    odd_child("WEB_DOUBT_ID_SEX", {"id_number": number_of("20140502", 901)},
              {"id_number": number_of("20140502", 906)})


@test
def test_an_adult_is_asked_about():
    odd_child("WEB_DOUBT_ADULT", {"birth": "%d-01" % (
        datetime.date.today().year - 18)}, {"birth": "%d-01" % (
            datetime.date.today().year - 16)})


@test
def test_consent_without_who_gave_it_is_asked_about():
    odd_child("WEB_DOUBT_CONSENT_BY", {
        "legal_basis": "consent", "consent_by": "", "consent_on": day(9)},
        {"consent_by": "guardian"})


@test
def test_consent_without_its_date_is_asked_about():
    odd_child("WEB_DOUBT_CONSENT_ON", {
        "legal_basis": "consent", "consent_by": "guardian",
        "consent_on": ""}, {"consent_on": day(9)})


@test
def test_what_cannot_be_is_told_with_what_is_odd_and_not_after_it():
    d, form = director(), "/children/new"
    later = "%d-01" % (datetime.date.today().year + 1)
    odd = dict(BASIC, name="先错后疑", guardian_phone="12")
    for values, field in (({"categories": None}, "categories"),
                          ({"birth": later}, "birth")):
        before = entries()
        r = d.post(form, filled(form, **dict(odd, **values)))
        equal(r.status, 422, field)
        alert = re.search('<p class="error".*?</p>', r.text, re.S)
        true(alert and '#%s"' % field in alert.group(), r.page().text)
        true(said("WEB_DOUBT_PHONE") in r.page().text, "and the doubt")
        equal(entries(), before, "nothing is stored")
        fields = [f for f in r.page().fields(form)
                  if f[0] not in ("birth", "categories")]
        equal(d.post(form, fields + [("birth", "2014-05"), (
            "categories", "left_behind")]).status, 303, "right: " + field)
        odd["name"] += "二"
    needed = re.sub(r"<[^>]*>", "", d.get(form).text)
    for name in ("UNIT", "NAME", "SEX", "BIRTH", "LEGAL_BASIS"):
        true(message("WEB_F_" + name) + " *" in needed, name)
    true(message("WEB_F_CATEGORIES") + message("WEB_AT_LEAST_ONE") + " *"
         in needed, "a category")


@test
def test_a_consent_without_who_or_when_is_marked_on_the_childs_page():
    gap = '<dt>%s</dt><dd><strong class="over">⚠ ' + message(
        "WEB_CASE_NOT_GIVEN")
    given = {"consent_by": "guardian", "consent_on": day(9)}
    def gaps(basis, **values):
        text = director().get(new_child(
            legal_basis=basis, **dict(given, **values))).text
        return [f for f in ("WEB_F_CONSENT_BY", "WEB_F_CONSENT_ON")
                if gap % message(f) in text]
    equal(gaps("consent", consent_by="", sure="consent-by"),
          ["WEB_F_CONSENT_BY"], "by whom")
    equal(gaps("consent", consent_on="", sure="consent-on"),
          ["WEB_F_CONSENT_ON"], "when")
    equal(gaps("consent"), [], "the control")
    equal(gaps("statutory_duty", consent_by="", consent_on=""), [],
          "none is needed")


@test
def test_a_phone_number_of_other_length_is_asked_about():
    for field in ("phone", "guardian_phone"):
        odd_child("WEB_DOUBT_PHONE", {field: "1380000000"},
                  {field: "13800000000"})
        for wrong in ("059-1-1234567", "591-87654321", "0591-876543"):
            odd_child("WEB_DOUBT_PHONE", {field: wrong},
                      {field: "0591-87654321"})
        odd_child("WEB_DOUBT_PHONE", {field: "1"}, {field: "01012345678"})


@test
def test_a_child_of_like_name_and_month_is_asked_about():
    new_child(birth="2011-03")
    name = "新来%d" % serial[0]
    doubtful("/children/new", "WEB_DOUBT_TWIN", dict(
        BASIC, name=name, birth="2011-03"), {"birth": "2011-04"})


@test
def test_an_id_number_on_the_register_is_asked_about():
    number = number_of("20140503", 910)
    new_child(id_number=number)
    odd_child("WEB_DOUBT_TWIN_ID", {"id_number": number},
              {"id_number": number_of("20140503", 912)})


def odd_help(sentence, values, right):
    form = new_child() + "/intervene"
    plain = dict(delivered="1", face_to_face="1", need="", outcome="",
                 amount_fen="", need_resolved_on="", date=day())
    doubtful(form, sentence, dict(plain, **values), right)


@test
def test_help_that_does_not_fit_is_asked_about():
    odd_help("WEB_DOUBT_NO_MONEY", {"kind": "cash_condolence"},
             {"amount_fen": "200"})
    odd_help("WEB_DOUBT_MONEY", {"kind": "in_kind", "amount_fen": "200"},
             {"kind": "cash_condolence"})
    odd_help("WEB_DOUBT_MUCH", {"kind": "cash_condolence",
                                "amount_fen": "100000.01"},
             {"amount_fen": "100000"})
    odd_help("WEB_DOUBT_NOT_FACED", {"kind": "visit_condolence",
                                     "face_to_face": None},
             {"face_to_face": "1"})
    odd_help("WEB_DOUBT_NOT_PRO", {"kind": "individual_counselling"},
             {"professional": "1"})
    odd_help("WEB_DOUBT_UNDELIVERED", {
        "kind": "companionship", "delivered": None, "outcome": "improved"},
        {"delivered": "1"})
    odd_help("WEB_DOUBT_NO_NEED", {"kind": "hukou",
                                   "need_resolved_on": day()},
             {"need": "落户"})
    odd_help("WEB_DOUBT_NOT_MET", {"kind": "hukou", "need": "落户",
                                   "outcome": "resolved"},
             {"need_resolved_on": day()})


@test
def test_an_activity_that_does_not_fit_is_asked_about():
    child = new_child().split("/")[2]
    plain = {"kind": "theme_activity", "held": "1", "sessions": "",
             "venue": "", "children": child, "date": day()}
    for sentence, values, right in (
            ("WEB_DOUBT_NOT_HELD", {"held": None}, {"held": "1"}),
            ("WEB_DOUBT_NO_CHILDREN", {"kind": "staff_training"},
             {"children": None}),
            ("WEB_DOUBT_SESSIONS", {"sessions": "21"}, {"sessions": "20"})):
        doubtful("/activities/new", sentence, dict(plain, **values), right)


@test
def test_with_an_urgent_sign_nothing_is_asked_first():
    path = new_child()
    r = director().post(path + "/observe", filled(
        path + "/observe", signs="self_harm", risk="green", date=day()))
    equal((r.status, r.location), (303, path + "?help=1"), "saved at once")
    page = director().get(r.location).page()
    for number in ("110", "120", "12356", "12355"):
        true("tel:" + number in page.links, number)


# ---- refusals lead to their field ----

@test
def test_a_refusal_leads_to_its_field():
    d = director()
    path = new_child() + "/intervene"
    for field, value, sentence in (
            ("amount_fen", "三百", "WEB_AMOUNT_INVALID"),
            ("amount_fen", "100000000001", "WEB_AMOUNT_RANGE"),
            ("date", day(-1), "DATE_FUTURE"), ("kind", "", "FIELD_MISSING")):
        r = d.post(path, filled(path, **dict(
            {"kind": "companionship", "delivered": "1"}, **{field: value})))
        equal(r.status, 422, sentence)
        true("#" + field in r.page().links, "%s: no way to the field" %
             sentence)
        true('id="%s"' % field in r.text, "there is such a field")
    true("1000" in d.post(path, filled(
        path, kind="companionship", amount_fen="100000000001")).page().text,
        "the reason is the size")


# ---- corrections ----

@test
def test_a_record_is_corrected_by_a_version_that_shows_what_changed():
    d = director()
    path = new_child()
    stored(d, path + "/intervene", kind="cash_condolence", delivered="1",
           amount_fen="200.50", need="", outcome="", note="原来的话",
           agency_type="", referral="", date=day(3))
    form, = record_links(path, "correct")
    fields = dict(d.get(form).page().fields(form))
    equal((fields["kind"], fields["amount_fen"], fields["note"],
           fields["date"]), ("cash_condolence", "200.50", "原来的话", day(3)),
          "filled in")
    history = form.replace("/correct/", "/history/")
    # Nothing changed: nothing stored.
    r = d.post(form, filled(form, delivered="1", need="", outcome="",
                            agency_type="", referral=""))
    equal((r.status, r.location), (303, history), "the same")
    true(message("WEB_CORRECT_SAME") in d.follow(r).page().text, "said so")
    true(message("WEB_HISTORY_NONE") in d.get(history).page().text, "one")
    r = d.post(form, filled(form, delivered="1", need="", outcome="",
                            agency_type="", referral="", amount_fen="300",
                            note="更正的话"))
    equal(r.status, 303, "corrected")
    text = d.follow(r).page().text
    for part in ("200.50", "300.00", "原来的话", "更正的话"):
        true(part in text, part + " is not in the history")
    text = d.get(path).page().text
    true("300.00" in text and "200.50" not in text, "the latest stands")
    equal(record_links(path, "history"), [history], "the case leads there")


def alarm(**values):
    """A new child whose visit raised a flag: the path of the visit's
    correction, the one in the supervisor's queue."""
    queue = set(flags())
    path = new_child()
    stored(director(), path + "/observe", **dict(
        {"signs": "self_harm", "risk": "red", "note": "手臂有伤",
         "date": day()}, **values))
    form, = record_links(path, "correct")
    flag, = set(flags()) - queue
    return form, flag


def flags():
    """The flags that wait for the supervisor, in his order."""
    return [a for a in supervisor().get("/review").page().links
            if re.fullmatch(r"/flag/[0-9a-f-]{36}", a)]


def line(flag):
    """What the queue says of it."""
    part = supervisor().get("/review").text.split('href="%s"' % flag)[1]
    return web.Page(part.split("</li>")[0]).text


@test
def test_an_urgent_sign_is_taken_away_after_being_asked_and_leaves_its_trace():
    d = director()
    form, flag = alarm()
    place = flags().index(flag)
    r = d.post(form, filled(form, signs=None, risk="green", note="看错了"))
    equal(r.status, 422, "asked")
    sign = "自伤自残"
    true(message("WEB_DOUBT_SIGN_GONE").replace("{value}", sign) in
         r.page().text, r.page().text)
    true(message("FLAG_CORRECTED") not in line(flag), "nothing was saved")
    r = d.post(form, having(r.page().fields(form), risk="green"))
    equal(r.status, 303, "asked once")
    # The director is told nothing of another look: it was not answered yet.
    true(message("WEB_CORRECTED") in d.follow(r).page().text, "saved")
    equal(flags().index(flag), place, "its place in the queue")
    for text in (line(flag), supervisor().get(flag).page().text):
        for part in (message("FLAG_CORRECTED"), sign,
                     message("FLAG_WAS") + " 红"):
            true(part in text, "%s: %s" % (part, text))
    text = supervisor().get(flag).page().text
    for part in ("手臂有伤", "看错了", message("WEB_CASE_VERSIONS").replace(
            "{n}", "2"), message("WEB_FLAG_VERSIONS")):
        true(part in text, "%s: %s" % (part, text))


@test
def test_a_correction_takes_the_risk_that_the_signs_have():
    path = new_child()
    stored(director(), path + "/observe", date=day(), risk="green")
    form, = record_links(path, "correct")
    r = director().post(form, filled(form, signs="runaway", risk=""))
    equal(r.status, 303, r.page().text)
    text = director().follow(r).page().text
    true("绿（常规）" in text and "橙（" in text, text)


@test
def test_a_corrected_note_shows_the_supervisor_what_stood_before():
    form, flag = alarm()
    true(message("WEB_FLAG_VERSIONS") not in
         supervisor().get(flag).page().text, "the control")
    # The sign stays: nothing is asked.
    equal(director().post(form, filled(form, risk="red",
                                       note="其实没有伤")).status, 303,
          "corrected")
    text = supervisor().get(flag).page().text
    for part in ("手臂有伤", "其实没有伤", message("FLAG_CORRECTED"),
                 message("WEB_FLAG_VERSIONS")):
        true(part in text, "%s: %s" % (part, text))
    true(message("FLAG_CORRECTED") in line(flag), "the queue")
    true(message("FLAG_WAS") + " " not in line(flag), "it is as red as then")


def decision(flag, name):
    return having(supervisor().get(flag).page().fields(flag + "/decide"),
                  decision=name, reason="已核实")


@test
def test_a_correction_after_the_answer_says_that_it_is_looked_at_again():
    d = director()
    form, flag = alarm()
    equal(supervisor().post(flag + "/decide", decision(
        flag, "accept")).status, 303, "accepted")
    r = d.post(form, filled(form, risk="red", note="补充"))
    true(message("WEB_CORRECTED_AGAIN") in d.follow(r).page().text, "director")
    for text in (line(flag), supervisor().get(flag).page().text):
        true(message("FLAG_AGAIN") in text and
             message("WEB_STATE_OPEN") in text, text)


@test
def test_what_was_corrected_since_is_not_decided_on_unseen():
    form, flag = alarm()
    fields = decision(flag, "accept")
    equal(director().post(form, filled(form, risk="red", note="补充")).status,
          303, "corrected")
    r = supervisor().post(flag + "/decide", fields)
    equal(r.status, 409, "stale")
    true(message("WEB_FLAG_STALE") in r.page().text, "why")
    equal(supervisor().post(flag + "/decide", decision(
        flag, "accept")).status, 303, "the control: having seen it")


@test
def test_a_correction_of_what_was_corrected_meanwhile_is_refused():
    d = director()
    path = new_child()
    stored(d, path + "/flag", reason="第一次", date=day())
    form, = record_links(path, "correct")
    first, second = filled(form, reason="第二次"), filled(form, reason="第三次")
    equal(d.post(form, first).status, 303, "the first")
    for _ in range(2):		# the form that comes back is no way around it
        r = d.post(form, second)
        equal(r.status, 409, "the second")
        true(message("WEB_CORRECT_STALE") in r.page().text, "why")
        second = r.page().fields(form)
    true("第三次" not in d.get(path).page().text, "it was stored")
    equal(d.post(form, filled(form, reason="第三次")).status, 303,
          "the control: from what stands")


@test
def test_a_child_is_corrected_with_its_identity_audited():
    d = director()
    path = new_child(school="旧小学", phone="13800000000")
    before = entries()
    form = path + "/correct"
    fields = dict(d.get(form).page().fields(form))
    equal((fields["school"], fields["phone"]), ("旧小学", "13800000000"),
          "filled in")
    equal(entries(), before + 1, "the identity that was opened")
    r = d.post(form, filled(form, school="新小学", sex="m", priority=None))
    equal((r.status, r.location), (303, path + "/history"), "corrected")
    page = d.follow(r).page()
    true("旧小学" not in page.text and "新小学" not in page.text,
         "the identity is shown unasked")
    before = entries()
    text = d.post(path + "/history", {}).page().text
    true("旧小学" in text and "新小学" in text, "asked for")
    equal(entries(), before + 1, "audited")
    true("旧小学" not in d.post(path + "/reveal", {
        "field": "school"}).page().text, "the latest stands")


@test
def test_an_activity_is_corrected_and_lists_who_took_part():
    d = director()
    kids = [new_child() for _ in range(2)]
    stored(d, "/activities/new", kind="theme_activity", held="1",
           venue="更正处", date=day(), sessions="", agency_type="",
           children=[k.split("/")[2] for k in kids])
    page = d.get("/activities").page()
    mine = next(a for a in page.links if re.fullmatch(
        r"/activity/[0-9a-f-]{36}", a) and "更正处" in d.get(a).page().text)
    equal(sorted(children(d.get(mine).page())), sorted(kids), "who took part")
    form = mine + "/correct"
    fields = [(n, v) for n, v in filled(form, agency_type="", sessions="2")
              if n != "children"] + [("children", kids[0].split("/")[2])]
    equal(d.post(form, fields).status, 303, "corrected")
    page = d.get(mine).page()
    equal(children(page), kids[:1], "one of them")
    true(message("WEB_HISTORY_FIRST") in page.text, "what stood before")


@test
def test_what_is_not_corrected_says_so():
    d = director()
    path = new_child()
    r = stored(d, path + "/report", situations=["mr4_injury_violence"],
               authority="某派出所", date=day())
    equal(record_links(path, "correct"), [], "a report has no such link")
    receipt = re.search(r"<dd>([0-9a-f]{8}-[0-9a-f-]{27})</dd>", r.text)
    r = d.get("%s/correct/%s" % (path, receipt.group(1)))
    equal(r.status, 409, "a report")
    true(message("NOT_CORRECTABLE") in r.page().text, "why")
    for other in ("0" * 8 + "-0000-7000-8000-" + "0" * 12, "x"):
        equal(d.get("%s/correct/%s" % (path, other)).status, 404, other)
    stored(d, path + "/flag", reason="请看", date=day())
    form, = record_links(path, "correct")
    stored(d, path + "/consent", date=day(), by="guardian")
    r = d.post(form, filled(form, reason="改过"))
    equal(r.status, 403, "after a withdrawal")
    equal(record_links(path, "correct"), [], "nor a link")


@test
def test_a_correction_is_for_the_own_children():
    path = new_child()
    stored(director(), path + "/flag", reason="自己的", date=day())
    form, = record_links(path, "correct")
    other = Browser(director().server).signed_in("dir2")
    other.get("/children")
    for where in (form, path + "/correct", path + "/history",
                  form.replace("correct", "history")):
        true(other.get(where).status in (403, 404), where)
        if "history/" not in where:
            true(other.post(where, {"version": "1"}).status in (403, 404),
                 where)
        equal(director().get(where).status, 200, "the control " + where)


# ---- wording ----

@test
def test_english_counts_are_well_formed():
    d = director()
    d.get("/today?lang=en")
    for where in ("/today", "/children", "/activities"):
        text = d.get(where).page().text
        bad = re.search(r"\b1 (days|years|children|sessions)\b", text)
        true(not bad, "%s: %s" % (where, bad and bad.group()))
    d.get("/today?lang=zh")


if __name__ == "__main__":
    try:
        main()
    finally:
        for s in web._servers:
            s.p.kill()
