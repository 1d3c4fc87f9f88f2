#ifndef RX_REGISTER_REGISTER_H
#define RX_REGISTER_REGISTER_H

/*
 * What people do with the register.  Every function asks register/permit for
 * permission first; a refusal is RX_EPERM (NOT_PERMITTED, NO_KEY).
 */

#include "register/record.h"
#include "register/session.h"

/* ---- saving ---- */

enum rx_saved { RX_SAVED_NEW, RX_SAVED_PRESENT, RX_SAVED_CORRECTED };

struct rx_save_result {
	enum rx_saved how;
	bool flagged;			/* a flag was raised by this record */
	bool again;			/* its flag was decided, and is to be
					 * again, for it was corrected */
	uint8_t id[RX_ID_BYTES];
	int32_t due;			/* next visit of the child; 0 when none */
	char number[16];		/* given to a child that came without an
					 * id; else "" */
};

/**
 * rx_save(s, type, json, correct, result, st):
 * Check and store one record of ${type} from the import object ${json} in a
 * transaction of its own.  "type" may be missing in it, and "id": a child then
 * gets the next number of its unit ("001-012"), another record a UUID.  The same id with the same content is RX_SAVED_PRESENT; with other
 * content RX_ECONFLICT (ID_CONFLICT), or a new version when ${correct}.
 */
rx_err rx_save(struct rx_session *s, enum rx_type type, const json_t *json,
    bool correct, struct rx_save_result *result, struct rx_status *st)
    RX_MUST_USE;

/* Whether the form ${json} of ${type} can be stored as far as it tells alone:
 * RX_EUSAGE, as rx_save would answer, when not. */
rx_err rx_save_check(enum rx_type type, const json_t *json,
    struct rx_status *st) RX_MUST_USE;
/* Store the new child ${json} without "id" under our ${id}, which the caller made
 * (rx_uuid7), so that the same form sent twice is stored once: the second is
 * RX_SAVED_PRESENT; RX_ECONFLICT (ID_CONFLICT) with other content. */
rx_err rx_child_register(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const json_t *json, struct rx_save_result *result, struct rx_status *st)
    RX_MUST_USE;

#define RX_IMPORT_FAULTS 20
struct rx_import_counts {
	size_t saved[RX_TYPE_COUNT];
	size_t present;
	size_t flagged;
	size_t lines;
	/* What is wrong by itself, without what is stored; of the first lines
	 * why, with the argument line. */
	size_t faulty;
	struct rx_status fault[RX_IMPORT_FAULTS];
};
/* Import the NDJSON file ${path}, all or nothing; failures carry the argument
 * line.  ${st} is the first of the faults where there are any.  ${progress} may
 * be NULL: bytes done, bytes in all. */
rx_err rx_import(struct rx_session *s, const char *path,
    struct rx_import_counts *counts,
    void (*progress)(void *, size_t done, size_t total), void *cookie,
    struct rx_status *st) RX_MUST_USE;

/* ---- children ---- */

struct rx_child_row {
	const struct rx_record *child;	/* of the identity the name, if the
					 * reader may (glance: all, masked) */
	unsigned observations, interventions;
	int64_t risk;			/* latest observation; 0 when none */
	int32_t last;			/* its date; 0 when none */
	int32_t due;			/* next visit due; 0 when closed */
	bool flagged;			/* an open flag */
	bool withdrawn;			/* consent withdrawn: read-only */
	int32_t closed_on;		/* 0 while the case is open */
	int32_t consent_on;		/* date of the newest record of consent */
	int32_t kept_until;		/* somebody decided so; 0 */
};
enum { RX_LIST_FLAGGED = 1, RX_LIST_DUE = 2, RX_LIST_CODED = 4 };
/* Director: own children, with names.  Supervisor: children of his villages,
 * coded data only; with RX_LIST_CODED nothing else, also for one who is both.
 * ${on} is the day for RX_LIST_DUE.  Sorted by the caller. */
rx_err rx_child_each(struct rx_session *s, unsigned filter, int32_t on,
    rx_err (*each)(void *, const struct rx_child_row *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;

/* Resolve ${text}, our UUID or the caller's id, to a child that the session
 * may see; RX_ENOENT (CHILD_UNKNOWN). */
rx_err rx_child_find(struct rx_session *s, const char *text,
    uint8_t id[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;

/* The same for one who may have a link of long ago: of a child that a unit of his
 * kept before, the refusal says which unit keeps it now and since when: RX_EPERM
 * (CHILD_MOVED_ON; CHILD_MOVED where the audit does not say when), RX_ENOENT
 * (CHILD_ERASED_ON, CHILD_LEFT_ON); and nothing of the child. */
rx_err rx_child_seek(struct rx_session *s, const char *text,
    uint8_t id[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;

/* The whole case: the child, then its records by date.  A director of its
 * unit sees all of it; a supervisor only a flagged case, identity only when
 * ${reason} is given (not NULL, not empty); both are audited. */
rx_err rx_child_show(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *reason,
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;

/* Director: children whose id number is, or whose name contains, the text. */
rx_err rx_child_search(struct rx_session *s, const char *id_number,
    const char *name,
    rx_err (*each)(void *, const struct rx_child_row *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;

/* The rest of this section is for a page: what is shown there stays there, so
 * names come masked, "林○", until they are asked for. */

/* Director: own children that ${text} may mean: part of a name, initials of its
 * pinyin, part of an id number or of the caller's id; "" means all.  Masked,
 * and then not audited, unless ${names}. */
rx_err rx_child_browse(struct rx_session *s, const char *text, bool names,
    rx_err (*each)(void *, const struct rx_child_row *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* Director: the row of one own child, masked; not audited. */
rx_err rx_child_glance(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    rx_err (*each)(void *, const struct rx_child_row *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* Director: the whole case like rx_child_show, but of the identity only the
 * fields of ${shown} (bits 1 << enum rx_field); audited with their names. */
rx_err rx_child_case(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    unsigned shown,
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;

/* A version of a child that only moved it to another unit is no correction.
 * Director: call ${each} for these, oldest first, and count the corrections in
 * ${*corrections}; not audited, for nothing of the child is told. */
struct rx_move {
	char from[RX_UNIT_BYTES], to[RX_UNIT_BYTES];
	int64_t at;			/* ms */
};
typedef rx_err rx_move_each(void *, const struct rx_move *,
    struct rx_status *);
rx_err rx_child_moves(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    rx_move_each *each, void *cookie, uint32_t *corrections,
    struct rx_status *st) RX_MUST_USE;

/* Every version of one thing, oldest first, verified; ${changed} has the bits
 * 1 << enum rx_field of what differs from the version before (0 for the first).
 * Director: the child ${id} itself, or a record ${id} of the case ${child}; of
 * the identity only the fields of ${shown}, which is audited; RX_ENOENT
 * (RECORD_UNKNOWN). */
typedef rx_err rx_version_each(void *, const struct rx_record *,
    uint64_t changed, struct rx_status *);
rx_err rx_child_history(struct rx_session *s, const uint8_t child[RX_ID_BYTES],
    const uint8_t id[RX_ID_BYTES], unsigned shown, rx_version_each *each,
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* Who writes activities in its unit: the activity ${id}. */
rx_err rx_activity_history(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    rx_version_each *each, void *cookie, struct rx_status *st) RX_MUST_USE;

/* What a director is writing about the case ${id} and has not saved, sealed so
 * that nobody else opens it, nor anybody when the case is erased (draft.c).
 * Saving replaces; *found tells whether there was one to load. */
rx_err rx_draft_save(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const void *p, size_t n, struct rx_status *st) RX_MUST_USE;
rx_err rx_draft_load(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_buf *out, bool *found, struct rx_status *st) RX_MUST_USE;
rx_err rx_draft_drop(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;
/* Where the session's drafts stand, 16 bytes each appended to ${places}, and whether
 * that on the case ${id} is among them; neither draft nor case is opened for that. */
rx_err rx_draft_places(struct rx_session *s, struct rx_buf *places,
    struct rx_status *st) RX_MUST_USE;
bool rx_draft_among(struct rx_session *s, const struct rx_buf *places,
    const uint8_t id[RX_ID_BYTES]);

/* ---- settings ---- */

enum rx_setting {
	RX_SET_RETENTION_CLOSED, RX_SET_RETENTION_ADULT,
	RX_SET_RETENTION_WITHDRAWN, RX_SET_VISIT_RED_FIRST, RX_SET_VISIT_RED,
	RX_SET_VISIT_ORANGE, RX_SET_VISIT_YELLOW, RX_SET_VISIT_GREEN,
	RX_SET_VISIT_NEW, RX_SETTINGS
};
struct rx_setting_row {
	const char *key;		/* "retention-closed-years" */
	enum rx_msg about;
	int value, otherwise, min, max;	/* otherwise: the default */
	bool set;			/* somebody chose it */
};
/* All settings, as they were at sign-in. */
rx_err rx_setting_each(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_setting_row *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* Days by the settings from an observation of ${risk} to the next visit; whether
 * it is the ${first} of its kind. */
int rx_visit_days(const struct rx_session *s, const struct rx_code *risk,
    bool first);
/* Administrator: choose one; others see it from their next sign-in on.
 * RX_EUSAGE (SETTING_UNKNOWN, SETTING_BOUNDS). */
rx_err rx_setting_set(struct rx_session *s, const char *key, int64_t value,
    struct rx_status *st) RX_MUST_USE;

/* ---- how long files are kept ---- */

enum { RX_OVER_CLOSED = 1, RX_OVER_ADULT = 2, RX_OVER_WITHDRAWN = 4 };
struct rx_retention_row {
	const struct rx_child_row *row;
	unsigned why;		/* bits of the above */
	int32_t since;		/* the first of these days */
};
enum rx_retention_as {
	RX_RETENTION_NAMES,	/* director: own children, audited */
	RX_RETENTION_MASKED,	/* the same, masked and not audited */
	RX_RETENTION_CODED	/* supervisor: his villages, coded data */
};
/* The files whose time is over on ${on}, by the settings: the case was closed
 * years ago, the 18th birthday has passed, the consent was withdrawn months
 * ago; without those that somebody decided to keep until after ${on}. */
rx_err rx_retention_each(struct rx_session *s, int32_t on,
    enum rx_retention_as as,
    rx_err (*each)(void *, const struct rx_retention_row *,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;
/* Whether the time of the one file ${row}, of a list of the session's, is over on
 * ${on}; why in ${*r}. */
bool rx_retention_over(const struct rx_session *s, int32_t on,
    const struct rx_child_row *row, struct rx_retention_row *r);
/* Director: keep the file of the child ${id} until the day ${until}, a record of
 * its own in the case (a consent with the state "kept"). */
rx_err rx_retention_keep(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    int32_t until, const char *reason, struct rx_status *st) RX_MUST_USE;

/* ---- erasure ---- */

enum rx_erase_ground {	/* of Article 47 of the 个人信息保护法 */
	RX_GROUND_UNSTATED, RX_GROUND_PURPOSE, RX_GROUND_EXPIRED,
	RX_GROUND_WITHDRAWN, RX_GROUND_UNLAWFUL, RX_GROUND_OTHER,
	/* The others are a person's to choose: */
	RX_GROUND_MOVED,	/* to another register; set by a receipt alone */
	RX_ERASE_GROUNDS
};
enum rx_erase_asker {
	RX_ASKER_UNSTATED, RX_ASKER_GUARDIAN, RX_ASKER_CHILD,
	RX_ASKER_AUTHORITY, RX_ASKER_OFFICE, RX_ERASE_ASKERS
};
/* Their keys and the sentences for them. */
struct rx_erase_word {
	const char *key;
	enum rx_msg msg;
};
extern const struct rx_erase_word rx_erase_grounds[RX_ERASE_GROUNDS];
extern const struct rx_erase_word rx_erase_askers[RX_ERASE_ASKERS];

struct rx_erase_order {
	const char *reason;	/* 1..256 characters */
	enum rx_erase_ground ground;
	enum rx_erase_asker asker;
};
/* What stays of an erased child.  Its number is the child's id, which is
 * random. */
struct rx_erasure {
	uint8_t child[RX_ID_BYTES];
	char unit[RX_UNIT_BYTES];
	int64_t time;			/* ms */
	bool swept;			/* the files were rewritten since */
	char author[RX_USER_NAME_BYTES];
	enum rx_erase_ground ground;
	enum rx_erase_asker asker;
	uint32_t versions;		/* of the child that were destroyed */
	uint32_t records, record_versions;
	uint32_t epochs, slots;		/* of keys; handed to supervisors */
	bool reasoned;			/* the reader may see the reason: */
	char reason[1025];
};
typedef rx_err rx_erasure_each(void *, const struct rx_erasure *,
    struct rx_status *);

/**
 * rx_child_erase_for(s, id, order, st):
 * Director: destroy the keys and rows of the case ${id} for good, put a signed
 * certificate in their place, and rewrite the files.  RX_EUSAGE: no reason
 * (REASON_MISSING), too long (ERASE_REASON_LONG), or one with the child's name
 * or id number in it (ERASE_REASON_NAMES).  RX_EIO (ERASE_NOT_SWEPT) when the
 * child is erased and the files could not be rewritten; the next sign-in of
 * anybody does that.  RX_EUSAGE (ERASE_GROUND_MOVED) for the ground that only a
 * receipt sets.
 */
rx_err rx_child_erase_for(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const struct rx_erase_order *order, struct rx_status *st) RX_MUST_USE;
/* The same with a reason alone. */
rx_err rx_child_erase(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *reason, struct rx_status *st) RX_MUST_USE;
/* Director: the certificates of own units; supervisor: those of his villages,
 * without the reason.  Each of them verified, RX_ECORRUPT (ERASURE_CORRUPT). */
rx_err rx_erasures(struct rx_session *s, rx_erasure_each *each, void *cookie,
    struct rx_status *st) RX_MUST_USE;
/* The one whose number is ${text}; RX_ENOENT (ERASURE_UNKNOWN). */
rx_err rx_erasure_find(struct rx_session *s, const char *text,
    struct rx_erasure *e, struct rx_status *st) RX_MUST_USE;
/* Verify all that the session may read, and that nothing of any erased child is
 * left: RX_ECORRUPT (ERASURE_CORRUPT, ERASURE_LEFT), RX_EIO (ERASE_NOT_SWEPT).
 * *certificates counts what was read. */
rx_err rx_erasure_verify(struct rx_session *s, size_t *certificates,
    struct rx_status *st) RX_MUST_USE;

/* ---- transfer ---- */

/*
 * A case goes to another unit of the same county and register: a director who
 * writes for its unit offers it, one of the other unit accepts.  Until then it
 * stays where it is.  One offer a case at a time.
 */
struct rx_transfer_row {
	uint8_t child[RX_ID_BYTES];
	char from[RX_UNIT_BYTES], to[RX_UNIT_BYTES];
	bool outgoing;			/* the reader writes for its unit */
	bool incoming;			/* the reader may accept or reject it */
	bool rejected;
	enum rx_msg bad;	/* why it cannot be believed; RX_MSG_NONE */
	/* What the reader has no key to is NULL, "" or 0. */
	const struct rx_record *record;	/* the child */
	const char *reason;		/* of the offer, or why it was rejected */
	char by[RX_USER_NAME_BYTES];	/* whose reason that is */
	int64_t at;			/* ms */
};
/* Directors and supervisors of either unit.  Names, and reasons, are opened for
 * directors; masked, and then not audited, unless ${names}.  An offer that does
 * not verify (TRANSFER_FORGED: who made it was disabled since) or is over is
 * told with ${bad}, without the child; the others go on. */
rx_err rx_transfer_each(struct rx_session *s, bool names,
    rx_err (*each)(void *, const struct rx_transfer_row *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* Director of its unit: offer case ${id} to ${unit}, a code.  RX_EUSAGE
 * (REASON_MISSING, TRANSFER_SAME, TRANSFER_COUNTY), RX_ECONFLICT (TRANSFER_OPEN,
 * TRANSFER_NOBODY: no director there yet). */
rx_err rx_transfer_offer(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *unit, const char *reason, struct rx_status *st) RX_MUST_USE;
/* The case that is offered to the session under the name ${text}: our UUID or
 * the caller's id; RX_ENOENT (TRANSFER_NONE). */
rx_err rx_transfer_find(struct rx_session *s, const char *text,
    uint8_t id[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;
/* Director of the other unit.  ${number} is the case's id there when its own was
 * taken, else "". */
rx_err rx_transfer_accept(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    char number[16], struct rx_status *st) RX_MUST_USE;
rx_err rx_transfer_reject(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *reason, struct rx_status *st) RX_MUST_USE;
/* Director of its unit: take the offer back, or the answer away. */
rx_err rx_transfer_withdraw(struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;

/* ---- transfer to another register ---- */

/*
 * A case goes to a director of another register, which has a root, units and
 * keys of its own: nothing is trusted but fingerprints that the two directors
 * compare.  Three files travel, by any channel: his address; the sealed case;
 * the receipt.  While it is offered the case is read-only here; an acceptance
 * ends it here.
 */
#define RX_ADDRESS_BYTES 608
struct rx_address {		/* a director of a unit, and his register */
	uint8_t bytes[RX_ADDRESS_BYTES];
	uint8_t store[RX_ID_BYTES], root[32];
	struct rx_cert cert;
	char unit[RX_UNIT_BYTES];
	char register_name[64], unit_name[128];
	char fingerprint[36];	/* of all of it */
};
/* Director: write one's address for ${unit} (a code; NULL: one's own) to
 * ${file}; it goes to ${a} too. */
rx_err rx_address_make(struct rx_session *s, const char *unit,
    const char *file, struct rx_address *a, struct rx_status *st)
    RX_MUST_USE;
/* The same without a file. */
rx_err rx_address_issue(struct rx_session *s, const char *unit,
    struct rx_address *a, struct rx_status *st) RX_MUST_USE;
/* Read and verify one; that it is the right person is for people to compare:
 * RX_ECORRUPT (ADDRESS_CORRUPT). */
rx_err rx_address_read(const char *file, struct rx_address *a,
    struct rx_status *st) RX_MUST_USE;
/* The same of the ${n} bytes ${p}. */
rx_err rx_address_take(struct rx_address *a, const void *p, size_t n,
    struct rx_status *st) RX_MUST_USE;

/**
 * rx_departure_offer(s, id, address, fingerprint, reason, file, st):
 * Director: seal the case ${id}, with all that was ever written of it, to whom
 * the file ${address} is of, in ${file}; the case is read-only then.
 * RX_EPERM (TRANSFER_FINGERPRINT: not the digits of the address), RX_EUSAGE
 * (REASON_MISSING, ERASE_REASON_LONG, ERASE_REASON_NAMES,
 * TRANSFER_SAME_REGISTER), RX_ECONFLICT (TRANSFER_OPEN, TRANSFER_AWAY).
 */
rx_err rx_departure_offer(struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], const char *address,
    const char *fingerprint, const char *reason, const char *file,
    struct rx_status *st) RX_MUST_USE;
/* The same with the ${n} bytes ${address}, appended to ${out}; RX_EUSAGE
 * (TRANSFER_TOO_LARGE) for more than ${most} bytes, and nothing is done then. */
rx_err rx_departure_seal(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const uint8_t *address, size_t n, const char *fingerprint,
    const char *reason, size_t most, struct rx_buf *out, struct rx_status *st)
    RX_MUST_USE;
/* Whether the case is offered to another register. */
rx_err rx_departure_is_open(struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], bool *open, struct rx_status *st)
    RX_MUST_USE;

enum rx_departure_state {
	RX_DEPARTURE_OPEN = 1, RX_DEPARTURE_WITHDRAWN, RX_DEPARTURE_REJECTED,
	RX_DEPARTURE_ACCEPTED
};
struct rx_departure_row {	/* as of rx_transfer_row */
	uint8_t child[RX_ID_BYTES];
	uint8_t digest[RX_HASH_BYTES];	/* of the file */
	uint64_t number;
	enum rx_departure_state state;
	struct rx_address to;
	const struct rx_record *record;	/* the child */
	const char *reason;
	char by[RX_USER_NAME_BYTES];
	int64_t at;			/* ms */
};
typedef rx_err rx_departure_fn(void *, const struct rx_departure_row *,
    struct rx_status *);
/* Director: the latest offer to another register of each case that is here, or
 * (${id} not NULL) of that one.  Masked, and then not audited, unless ${names}.
 * In a copy there are none. */
rx_err rx_departure_each(struct rx_session *s, const uint8_t *id, bool names,
    rx_departure_fn *each, void *cookie, struct rx_status *st) RX_MUST_USE;

enum rx_answer { RX_ANSWER_ACCEPTED = 1, RX_ANSWER_REJECTED = 2 };
struct rx_departed {		/* what a receipt says */
	uint8_t child[RX_ID_BYTES];
	enum rx_answer answer;
	bool before;		/* it was taken in before: nothing is changed */
	char reason[1025];	/* why it was rejected */
};
/**
 * rx_departure_receipt(s, file, info, st):
 * Director: take in the receipt ${file}.  When the other register accepted, the
 * case is destroyed here as by an erasure, on the ground RX_GROUND_MOVED, and
 * its part of past forms stays; when it rejected, the case is as before.
 * RX_ECORRUPT (RECEIPT_CORRUPT), RX_ENOENT (RECEIPT_UNKNOWN), RX_ECONFLICT
 * (RECEIPT_OTHER_REGISTER, RECEIPT_WITHDRAWN, RECEIPT_TWO_ANSWERS), RX_EIO
 * (ERASE_NOT_SWEPT).
 */
rx_err rx_departure_receipt(struct rx_session *s, const char *file,
    struct rx_departed *info, struct rx_status *st) RX_MUST_USE;

/* The same of the ${n} bytes ${p}; without ${keep} all is verified, and nothing
 * done. */
rx_err rx_departure_answer(struct rx_session *s, const uint8_t *p, size_t n,
    bool keep, struct rx_departed *info, struct rx_status *st) RX_MUST_USE;

#define RX_ARRIVAL_MAX ((size_t)256 << 20)	/* bytes of a file */
struct rx_arrival {		/* a case that came from another register */
	struct rx_address from;
	uint8_t digest[RX_HASH_BYTES];	/* of the file */
	char to[RX_UNIT_BYTES];
	uint64_t number;	/* counted by the sender */
	int64_t made;
	char reason[1025];
	char name[1025];	/* of the child */
	size_t records;		/* versions of records that came with it */
	size_t registers;	/* it was in before */
	int64_t risk;		/* as it stood there; 0 */
	int32_t due;		/* next visit as it stood there; 0 */
	bool flagged, withdrawn;
	/* when it was answered: */
	uint8_t child[RX_ID_BYTES];	/* its id here; zeros: rejected */
	char id[1025];		/* the caller's, here */
	bool before;		/* it was answered so before */
};
/* Director to whom it is sealed: open the case in ${file} and verify all of it,
 * keeping nothing.  RX_ECORRUPT (TRANSFER_FILE_CORRUPT, TRANSFER_FILE_KEY),
 * RX_EPERM (TRANSFER_FILE_NOT_YOURS, NOT_PERMITTED), RX_ECONFLICT
 * (TRANSFER_FILE_ELSEWHERE, BUNDLE_FUTURE). */
rx_err rx_arrival_show(struct rx_session *s, const char *file,
    struct rx_arrival *in, struct rx_status *st) RX_MUST_USE;
/**
 * rx_arrival_accept(s, file, fingerprint, receipt, in, st):
 * The same, and take the child in: a case of its own, whose records begin now;
 * what came is kept as its history (rx_origin_each).  Consent that was withdrawn
 * is so here, an open flag is raised again.  The receipt goes to the file
 * ${receipt}; the same file again changes nothing and writes it again.
 * RX_EPERM (TRANSFER_FINGERPRINT), RX_ECONFLICT (TRANSFER_ANSWERED: it was
 * rejected; TRANSFER_HERE: that child is here from another file).
 */
rx_err rx_arrival_accept(struct rx_session *s, const char *file,
    const char *fingerprint, const char *receipt, struct rx_arrival *in,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_arrival_reject(struct rx_session *s, const char *file,
    const char *reason, const char *receipt, struct rx_arrival *in,
    struct rx_status *st) RX_MUST_USE;

/* The three of the ${n} bytes ${p}; the receipt is appended to ${receipt}. */
rx_err rx_arrival_look(struct rx_session *s, const uint8_t *p, size_t n,
    struct rx_arrival *in, struct rx_status *st) RX_MUST_USE;
rx_err rx_arrival_take(struct rx_session *s, const uint8_t *p, size_t n,
    const char *fingerprint, struct rx_buf *receipt, struct rx_arrival *in,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_arrival_return(struct rx_session *s, const uint8_t *p, size_t n,
    const char *reason, struct rx_buf *receipt, struct rx_arrival *in,
    struct rx_status *st) RX_MUST_USE;

struct rx_answered {		/* a file that was accepted or rejected */
	uint8_t digest[RX_HASH_BYTES];
	uint8_t child[RX_ID_BYTES];	/* here; zeros: rejected */
	enum rx_answer answer;
	uint64_t number;		/* counted by the sender */
	int64_t at;
	char by[RX_USER_NAME_BYTES];
	const uint8_t *receipt;		/* for the time of the call */
	size_t nreceipt;
};
typedef rx_err rx_answered_fn(void *, const struct rx_answered *,
    struct rx_status *);
/* Those that a director of the session's units answered. */
rx_err rx_arrival_each(struct rx_session *s, rx_answered_fn *each,
    void *cookie, struct rx_status *st) RX_MUST_USE;

/* What other registers wrote of the case ${id}, the latest one first: every
 * version of everything, each with its author's name and a signature that
 * verifies under the root that was pinned with it.  For whom rx_child_show opens
 * the case: names only for its director, or with a ${reason}.  Audited like
 * rx_child_show; *count of registers, 0: none. */
typedef rx_err rx_origin_fn(void *, const struct rx_address *from,
    const struct rx_record *, const char *author, struct rx_status *);
rx_err rx_origin_each(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *reason, rx_origin_fn *each, void *cookie, unsigned *count,
    struct rx_status *st) RX_MUST_USE;

/* How many registers wrote of it. */
rx_err rx_origin_count(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    unsigned *count, struct rx_status *st) RX_MUST_USE;

/* ---- review ---- */

#define RX_CALLER_ID_BYTES 1025	/* 256 characters and NUL */

enum rx_flag_state {
	RX_FLAG_OPEN, RX_FLAG_ACCEPTED, RX_FLAG_ESCALATED, RX_FLAG_RETURNED,
	RX_FLAG_CLOSED
};
struct rx_flag_row {
	uint8_t id[RX_ID_BYTES];	/* of the record that raised it */
	uint8_t child[RX_ID_BYTES];
	char unit[RX_UNIT_BYTES];
	char caller_id[RX_CALLER_ID_BYTES];		/* the raising record's */
	char child_caller_id[RX_CALLER_ID_BYTES];
	uint8_t author_id[RX_ID_BYTES];	/* who wrote what stands there now */
	uint8_t raiser_id[RX_ID_BYTES];	/* who raised it */
	uint8_t live[RX_ID_BYTES];	/* digest of what stands there now */
	char author[RX_USER_NAME_BYTES];	/* the name of the former */
	bool own;			/* the reader is one of both */
	enum rx_type raised_by;		/* observation, flag or report */
	bool by_rule;
	uint64_t signs;			/* that raised it, also those corrected
					 * since: 1 << (number - 1) */
	bool corrected;			/* that record was, once or more */
	bool again;			/* it is open anew, for what was decided
					 * on was corrected since */
	int64_t was;			/* corrected: the most urgent risk that a
					 * version of it gave; else 0 */
	enum rx_flag_state state;
	int32_t date;
	int64_t at;			/* recorded, ms: the version that counts */
	int64_t since;			/* an answer is waited for, ms: since a
					 * version raised it, or since what was
					 * answered was corrected */
	int64_t answered;		/* latest decision, ms; 0 when none */
	int64_t risk;			/* latest of the case, 0 when none */
	bool urgent;			/* by rule, or the case is red now */
	bool escalated;			/* at some time */
	bool passed;			/* not answered in time: the next level
					 * reviews it too */
	bool above;			/* an escalation reaches somebody */
	bool mine_to_raise;		/* the reader's level may escalate it */
	int64_t due;			/* answer due, ms: urgent 24 h, others 72 h */
	bool overdue;
};
/* The more urgent of two risks; 0 is none. */
int64_t rx_risk_worse(int64_t a, int64_t b);
/* Supervisor: flags of his villages (open ones unless ${all}), red first (also
 * what was red until it was corrected), then by age.  Director: the flags of his
 * own children. */
rx_err rx_review_each(struct rx_session *s, bool all,
    rx_err (*each)(void *, const struct rx_flag_row *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* The flag ${text} (UUID, or the caller's id of the record that raised it);
 * RX_ENOENT (FLAG_UNKNOWN). */
rx_err rx_review_find(struct rx_session *s, const char *text,
    struct rx_flag_row *flag, struct rx_status *st) RX_MUST_USE;
/* Who may read the case, a supervisor while it is flagged: the versions of the
 * record that raised ${flag}, as of rx_child_history; audited. */
rx_err rx_review_history(struct rx_session *s, const struct rx_flag_row *flag,
    rx_version_each *each, void *cookie, struct rx_status *st) RX_MUST_USE;
/* Supervisor: decide.  ${reason} must not be empty (REASON_MISSING); nobody
 * decides a flag that he raised (OWN_FLAG); a returned or closed flag is
 * RX_ECONFLICT (FLAG_DECIDED), and so is one that was corrected since ${flag} was
 * read (FLAG_CHANGED), and an escalation by who escalated it already
 * (FLAG_ESCALATED), or when nobody is above (FLAG_TOP); the first escalation is
 * always recorded. */
rx_err rx_review_decide(struct rx_session *s, const struct rx_flag_row *flag,
    const char *decision, const char *reason, struct rx_status *st)
    RX_MUST_USE;

/* ---- what the statistics read: coded keys only ---- */

/**
 * rx_coded_each(s, unit, each, cookie, st):
 * Statistician at or above ${unit}: call ${each} for every live child,
 * record and activity at or under ${unit}, with coded fields only (children
 * first, then their records, then activities, unit by unit).  RX_EPERM when
 * the role or the coded key of any unit that has records is missing.
 */
rx_err rx_coded_each(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;

/* What an intervention counts for on the form, once it was delivered; each on
 * its date.  That a need was resolved counts on the day of that. */
enum {
	RX_COUNTS_HELPED = 1, RX_COUNTS_COUNSELLING = 2, RX_COUNTS_CASH = 4,
	RX_COUNTS_VISIT = 8, RX_COUNTS_AGENCY = 16
};
struct rx_form_kinds {		/* codes */
	uint16_t individual, visit, cash, social_work;
};
rx_err rx_form_kinds_find(struct rx_form_kinds *k, struct rx_status *st)
    RX_MUST_USE;
/* Whether ${r} names an agency that the form counts. */
bool rx_form_agency(const struct rx_form_kinds *k, const struct rx_record *r);

/* What the form counts of one record of a case, whichever way it is read. */
struct rx_form_line {
	bool intervention, dated, resolved;
	unsigned counts;	/* RX_COUNTS_*, of one that was delivered */
	int32_t date, resolved_on;	/* when it is dated; resolved */
	int64_t fen;			/* when it counts as cash, else 0 */
	char agency[RX_AGENCY_CHARS + 1];	/* when that counts, else "" */
};
void rx_form_line(struct rx_form_line *line, const struct rx_form_kinds *k,
    const struct rx_record *r);

/* What the erased children of a unit add to the form in one month. */
struct rx_residue {
	char unit[RX_UNIT_BYTES];
	int32_t month;
	int64_t children;	/* of the unit that were erased; in one month */
	int64_t reported;	/* how many of them have a record in it */
	int64_t counselling, visits, payments, payments_empty, fen, resolved;
	const json_t *helped;	/* see rx_residue_helped; NULL for none */
	const json_t *agencies;	/* credit codes, each once; NULL for none */
};
typedef rx_err rx_residue_fn(void *, const struct rx_residue *,
    struct rx_status *);
/* How many of them were helped in this month and in none from ${first} to the
 * one before it. */
int64_t rx_residue_helped(const struct rx_residue *r, int32_t first);
/* Where the register stands at a moment: the head of its audit, the newest row
 * of children, records and activities, and how many children were erased. */
struct rx_mark {
	uint64_t seq;
	uint8_t hash[RX_HASH_BYTES];
	struct {
		uint8_t id[RX_ID_BYTES];
		uint32_t version;	/* 0: there was no row */
	} newest[3];
	int64_t erased;
};
/* The same as rx_coded_each, but records in any order, of the same moment with
 * what erased children add: for the form, which counts whole months.  ${*mark}
 * is that moment.  Of a case whose extract (extract.c) is of its records as they
 * are, the child with nothing but its ids comes, and lines in place of records;
 * ${line} NULL: every record is opened. */
typedef rx_err rx_line_fn(void *, const uint8_t child[RX_ID_BYTES],
    const char unit[RX_UNIT_BYTES], const struct rx_form_line *,
    struct rx_status *);
rx_err rx_form_each(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    rx_line_fn *line, rx_residue_fn *residue, void *cookie,
    struct rx_mark *mark, struct rx_status *st) RX_MUST_USE;
/* Statistician at or above ${unit}: open the extract and the records of each case,
 * and delete, with an entry of the audit, the extracts that do not say what the
 * records do; *wrong of them, which ought to be none. */
rx_err rx_extracts_check(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    size_t *wrong, struct rx_status *st) RX_MUST_USE;
/* Between these two, all that the session reads is of one moment; *held is false
 * when that is so anyway. */
rx_err rx_form_hold(struct rx_session *s, bool *held, struct rx_status *st)
    RX_MUST_USE;
void rx_form_release(struct rx_session *s, bool held);

/**
 * rx_form_since(s, unit, mark, each, cookie, known, st):
 * What rx_form_each would tell now and would not have told at ${mark}: each
 * case and activity that has new rows, as it was then (${now} is false: to be
 * taken off), and as it is now (${now}: to be added).  ${*mark} goes on to this
 * moment.  *known is false when what has changed cannot be told (something was
 * erased or opened from a bundle; the mark is not of this register; much is
 * new): then all is to be counted, and what was handed over is worth nothing.
 */
rx_err rx_form_since(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_mark *mark, rx_err (*each)(void *, const struct rx_record *,
    bool now, struct rx_status *), void *cookie, bool *known,
    struct rx_status *st) RX_MUST_USE;

/* What a session has counted, kept for its user alone (running.c): ${n} bytes of
 * the question (unit, from, to).  Saving replaces, and forgets another question
 * in turn; *found is false when there is none that is whole. */
rx_err rx_running_save(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    int32_t from, int32_t to, const void *p, size_t n, struct rx_status *st)
    RX_MUST_USE;
rx_err rx_running_load(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    int32_t from, int32_t to, struct rx_buf *out, bool *found,
    struct rx_status *st) RX_MUST_USE;

/* The same for the activities alone: one may be led by another unit than the
 * one that recorded it. */
rx_err rx_activity_each(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;

/* The activities of the units that the session writes for. */
rx_err rx_activity_own_each(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* The units that the session may write for: children, or ${activities}; with
 * their names, sorted by code. */
rx_err rx_unit_own_each(struct rx_session *s, bool activities,
    rx_err (*each)(void *, const char unit[RX_UNIT_BYTES], const char *name,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;

/* Units listed in the register, sorted by code. */
rx_err rx_unit_each(struct rx_session *s,
    rx_err (*each)(void *, const char *code, const char *name,
    const char *level, const char *parent, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* The name of ${unit}, at most ${size} bytes; its code when unknown. */
rx_err rx_unit_name(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    char *name, size_t size, struct rx_status *st) RX_MUST_USE;

/**
 * rx_release_add(s, seen, text, n, id, st):
 * Statistician: append the release ${text} (JSON) to the sealed ledger, which
 * must hold exactly the ${seen} releases that it was checked against; its id
 * goes in ${id}.  RX_ECONFLICT (RELEASE_MEANWHILE) when another one came in
 * between: looking and entering are one transaction.
 */
rx_err rx_release_add(struct rx_session *s, size_t seen, const char *text,
    size_t n, uint8_t id[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;
/* All releases, oldest first. */
rx_err rx_release_each(struct rx_session *s,
    rx_err (*each)(void *, const uint8_t id[RX_ID_BYTES], const char *text,
    size_t n, struct rx_status *), void *cookie, struct rx_status *st)
    RX_MUST_USE;

/* ---- reading the audit ---- */

enum rx_audit_about {
	RX_ABOUT_NOTHING, RX_ABOUT_CASE, RX_ABOUT_ACTIVITY, RX_ABOUT_PERSON,
	RX_ABOUT_RELEASE, RX_ABOUT_GONE
};
struct rx_audit_row {
	uint64_t seq;
	int64_t time;
	enum rx_action action;
	char user[RX_USER_NAME_BYTES];	/* who did it */
	enum rx_audit_about about;
	uint8_t id[RX_ID_BYTES];	/* of the case, activity, release */
	char unit[RX_UNIT_BYTES];	/* of the case, activity */
	char name[RX_USER_NAME_BYTES];	/* of the person it was done to */
	char detail[256];		/* kind of record, decision, fields… */
	bool reasoned;			/* a reason was given; it stays sealed */
};
struct rx_audit_filter {
	int32_t from, to;		/* local days, inclusive; 0: any */
	const char *user;		/* who did it; NULL: anyone */
	enum rx_action action;		/* 0: any */
	const uint8_t *child;		/* only on this case; NULL: any */
	size_t skip, limit;		/* newest first; limit 0: all */
};
/**
 * rx_audit_list(s, f, found, each, cookie, st):
 * Call ${each} for the entries of the audit that ${f} lets through, the newest
 * first, each of them verified; *found counts all of them, also those that
 * skip and limit leave out.  The administrator sees all, a director the
 * entries on cases of his units, everybody his own, and that the administrator
 * was given new keys by custodians.  Looking is not entered
 * in the audit itself.  RX_EUSAGE (AUDIT_PERIOD) when from is after to.
 */
rx_err rx_audit_list(struct rx_session *s, const struct rx_audit_filter *f,
    size_t *found,
    rx_err (*each)(void *, const struct rx_audit_row *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* "save", "review", …, and the sentence for it; NULL and RX_MSG_NONE for what
 * is no action. */
const char *rx_action_key(enum rx_action action);
enum rx_msg rx_action_name(enum rx_action action);
/* Append the detail of ${row} in words: the kind of record, the decision, what
 * was looked at; nothing when there is none. */
rx_err rx_audit_words(struct rx_buf *out, const struct rx_audit_row *row,
    enum rx_lang lang, struct rx_status *st) RX_MUST_USE;

/* ---- backup ---- */

#define RX_BACKUP_KEEP 30	/* days until a keys file is to be destroyed */

/**
 * rx_backup_make(s, file, keys, since, keep, st):
 * Any member: write a backup of this moment, its content to ${file} and its keys
 * to ${keys} (NULL: ${file} with ".keys"), both or neither, over nothing that is
 * there; enter it in the audit.  With ${since}, a backup in the same folder,
 * ${file} holds only what differs from that one.  ${keep} days later the keys
 * are to be destroyed (RX_BACKUP_KEEP).  RX_ECONFLICT (FILE_EXISTS,
 * BACKUP_OTHER_REGISTER, BACKUP_CHAIN_LONG).
 */
rx_err rx_backup_make(struct rx_session *s, const char *file,
    const char *keys, const char *since, unsigned keep, struct rx_status *st)
    RX_MUST_USE;
/* The same: all of it, the keys beside it, for as long as usual. */
rx_err rx_backup_create(struct rx_session *s, const char *file,
    struct rx_status *st) RX_MUST_USE;
/* Any member: the keys alone. */
rx_err rx_backup_keys(struct rx_session *s, const char *path, unsigned keep,
    struct rx_status *st) RX_MUST_USE;

/*
 * The same in steps, for who must not keep a session long.  Only taking, looking
 * for the newest and tidying need one.
 */
struct rx_backup;
/* Any member: take a backup of this moment, with its audit entry, into memory; to
 * be released with rx_backup_release, which takes NULL. */
rx_err rx_backup_take(struct rx_backup **out, struct rx_session *s,
    unsigned keep, struct rx_status *st) RX_MUST_USE;
void rx_backup_release(struct rx_backup *b);
/* Where its audit ends. */
void rx_backup_head(const struct rx_backup *b, struct rx_audit_head *head);

/*
 * A vault: a folder of backups that follow each other, called
 * "runxin-YYYYMMDD-HHMMSS" by local time.  A new one builds on the newest, unless
 * that cannot be read, or the increments since the last whole one are many
 * (RX_VAULT_CHAIN) or as large as a whole one.
 */
#define RX_VAULT_NAME 23	/* with its NUL */
#define RX_VAULT_CHAIN 30	/* files from a whole one to the next */
#define RX_VAULT_WHOLE 4	/* whole ones that are kept */

#define RX_VAULT_HEAD 224	/* bytes of a signed head */

bool rx_vault_is_name(const char *name);
/* A file of content in a vault; what nobody of this register signed is not ours,
 * and has a name only. */
struct rx_vault_file {
	char name[RX_VAULT_NAME];
	bool ours, whole;
	int64_t made;			/* ms */
	uint64_t seq;			/* where its audit ends */
	uint8_t head[RX_VAULT_HEAD];
};
typedef rx_err rx_vault_fn(void *, const struct rx_vault_file *,
    struct rx_status *);
/* Any member: call ${each} for all of them, ours first, the newest of these
 * first; the signature of the head is verified, not what follows it. */
rx_err rx_vault_each(struct rx_session *s, const char *dir, rx_vault_fn *each,
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* The newest of ours; its name is "" when there is none. */
rx_err rx_vault_newest(struct rx_session *s, const char *dir,
    struct rx_vault_file *newest, struct rx_status *st) RX_MUST_USE;
/* Write ${b} to the vault ${dir}, its keys to the folder ${keys} (NULL: ${dir}),
 * so that it builds on ${top}, the newest of before; its ${name}, and whether it
 * is a whole one. */
rx_err rx_vault_write(const struct rx_backup *b, const char *dir,
    const char *keys, const struct rx_vault_file *top,
    char name[RX_VAULT_NAME], bool *whole, struct rx_status *st) RX_MUST_USE;
/* Read the backup ${name} back and compare it with ${b}, from which it was
 * written: heads, every byte, SQLite's check, every row against the manifest, the
 * hashes of the audit.  RX_ECORRUPT (BACKUP_CORRUPT) or what is wrong.  What it
 * cannot see without keys, the signatures in the audit, `backup verify` does. */
rx_err rx_vault_prove(const struct rx_backup *b, const char *dir,
    const char *keys, const char *name, struct rx_status *st) RX_MUST_USE;
/* Any member: enter in the audit that the backup ${name}, whose audit ends at
 * ${head}, was proved. */
rx_err rx_vault_note(struct rx_session *s, const char *name,
    const struct rx_audit_head *head, struct rx_status *st) RX_MUST_USE;
/* Call ${each} for every file of keys in the folder ${dir} that a member of this
 * register signed and that was to be destroyed before now, ${days} ago; only
 * those of a vault (${own}), or all called "….keys". */
rx_err rx_vault_expired(struct rx_session *s, const char *dir, bool own,
    rx_err (*each)(void *, const char *path, int64_t days,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;
/* Remove from the vault the keys that were to be destroyed, and all content that
 * is older than the last RX_VAULT_WHOLE whole backups, of which the images are
 * what was signed: files by its names that a member of this register signed, and
 * no others.  *removed counts. */
rx_err rx_vault_tidy(struct rx_session *s, const char *dir, const char *keys,
    size_t *removed, struct rx_status *st) RX_MUST_USE;
/* Whether anything but backups was entered in the audit after entry ${seq}. */
rx_err rx_vault_changed(struct rx_session *s, uint64_t seq, bool *changed,
    struct rx_status *st) RX_MUST_USE;
struct rx_restore {		/* what is asked for */
	const char *file;	/* the content */
	const char *keys;	/* NULL: FILE.keys */
	const char *user;
	const struct rx_secret *passphrase;
	const char *dir;	/* NULL: only verify */
	const char *copy;	/* the copy that it becomes there; NULL: home */
	const char *anchor;	/* a head that its audit must hold; NULL */
	bool older;		/* though it ends before that head, or that of live */
	const char *live;	/* a register to compare it with; NULL */
};
struct rx_restored {		/* what was found */
	struct rx_audit_head head;
	unsigned files;		/* of content, put together */
	int64_t made, keys_made;	/* ms */
	unsigned keep;		/* days, of the keys */
	int64_t expired;	/* days since they were to be destroyed; <= 0: not
				 * yet */
	uint64_t behind;	/* entries that the anchor or the live register
				 * has more; 0: none, or not known */
	bool forked;		/* the live register went another way */
};
/**
 * rx_backup_restore(ask, got, st):
 * Put the backup together in memory, sign the user in to it and verify all of
 * it: every head, the audit, every row.  Nothing is written unless ${ask->dir}
 * is not NULL: then that folder, absent or empty before, becomes the register,
 * whole or not at all, and with ${ask->copy} that copy of it, as by
 * rx_copy_begin.  Nothing decrypted leaves memory, which must hold the
 * content about twice, the keys twice and the increments once.
 * RX_ECONFLICT (BACKUP_OLDER: n, days) when it ends before ${ask->anchor}, unless
 * ${ask->older}; RX_ECORRUPT (ANCHOR_FORK) when that head is not on its chain.
 * The newest head that somebody countersigned in the live register must be in the
 * backup as well (RX_ECONFLICT, BACKUP_OLDER_SIGNED: user, seq, n, days;
 * RX_ECORRUPT, ANCHOR_FORK), unless ${ask->older}; if the passphrase does not open
 * that register, whoever was enrolled when the backup was made is believed.  What
 * nobody countersigned does not decide: it may be what is wrong.
 */
rx_err rx_backup_restore(const struct rx_restore *ask,
    struct rx_restored *got, struct rx_status *st) RX_MUST_USE;
/* The same in short. */
rx_err rx_backup_check(const char *file, const char *user,
    const struct rx_secret *passphrase, const char *dir,
    struct rx_audit_head *head, struct rx_status *st) RX_MUST_USE;
/* Administrator: enter in the audit that the backup ${name}, whose audit ends
 * at ${head}, was checked and found whole; and read what the audit has of
 * backups, oldest first: when, by whom, which one was found whole, or NULL for
 * the making of one. */
rx_err rx_backup_note(struct rx_session *s, const char *name,
    const struct rx_audit_head *head, struct rx_status *st) RX_MUST_USE;
/* When a backup was last found whole, ms, in ${*at}, which is left alone when
 * that was not after entry ${*seen} of the audit; ${*seen} becomes its newest. */
rx_err rx_backup_verified(struct rx_session *s, uint64_t *seen, int64_t *at,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_backup_notes(struct rx_session *s,
    rx_err (*each)(void *, int64_t time, const char *user, const char *name,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;

/* ---- copies of the register, and sealed bundles between them ---- */

/*
 * A village without a network works on a copy of the register's folder.  What
 * administers people and keys is done in the home register only; records are
 * written anywhere, and travel as they lie in the rows, sealed and signed.
 */
/* Make the register in ${dir}, which nobody else has open, the copy ${name};
 * RX_EUSAGE (COPY_NAME), RX_ECONFLICT (COPY_ALREADY). */
rx_err rx_copy_begin(const char *dir, const char *user,
    const struct rx_secret *passphrase, const char *name,
    struct rx_status *st) RX_MUST_USE;
/* The name of the copy that the session is in; NULL at home. */
const char *rx_session_copy(const struct rx_session *s);
/* The same of the register in ${dir}, in the ${size} bytes at ${name}, for whom
 * nobody vouches yet; "" at home, and when it cannot be read. */
void rx_copy_of(const char *dir, char *name, size_t size);

struct rx_bundle {
	uint8_t copy[RX_ID_BYTES];	/* zeros: home */
	char copy_name[RX_USER_NAME_BYTES];	/* "" until it is opened */
	uint64_t number;
	int64_t made;
	char unit[RX_UNIT_BYTES];	/* to whom */
	char recipients[200];		/* their names */
	bool mine;			/* the session's user is one of them */
	bool known;		/* the sender's certificate is here, and it
				 * fits the signature */
	char sender[RX_USER_NAME_BYTES];
	char fingerprint[36], root[36];	/* of the sender; of the register */
	struct rx_audit_head head;	/* his, seq and hash */
	uint8_t digest[RX_HASH_BYTES];
	/* What a merge did, in rows: */
	size_t children, records, activities, keys;	/* new */
	size_t present;		/* there already */
	size_t conflicts;	/* versions written twice; both are kept */
	size_t refused;		/* signed after the author's end */
	size_t heads;		/* countersigned heads, new */
	size_t lost;		/* that the chain has not, and the opener went on */
	size_t erased;		/* cases that were erased here: left out */
	size_t gone;		/* in a copy: erased, as home has erased them */
	size_t skipped;		/* cases of which something was left out: its keys
				 * cannot be verified, or the opener has them not,
				 * where the case lies now */
};
/* Director, supervisor (at home also the administrator, for keys alone): write to
 * ${file}, a supervisor after he has countersigned the head of the audit, all that the session may send to the people of ${unit}: RX_ENOENT
 * (BUNDLE_NOBODY) when there is none. */
rx_err rx_bundle_make(struct rx_session *s, const char *unit,
    const char *file, struct rx_bundle *info, struct rx_status *st)
    RX_MUST_USE;
/* The same in ${out}, empty before, of at most ${most} bytes; else RX_EUSAGE
 * (BUNDLE_TOO_LARGE: max), and none was made. */
rx_err rx_bundle_seal(struct rx_session *s, const char *unit, size_t most,
    struct rx_buf *out, struct rx_bundle *info, struct rx_status *st)
    RX_MUST_USE;
/* Everyone for whom the session could make one now, by unit; twice who is a
 * recipient at two units. */
typedef rx_err rx_bundle_recipient(void *, const char unit[RX_UNIT_BYTES],
    const char *name, struct rx_status *);
rx_err rx_bundle_recipients(struct rx_session *s, rx_bundle_recipient *each,
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* Who sent it, to whom; without opening it.  RX_ECORRUPT (BUNDLE_CORRUPT),
 * RX_ECONFLICT (BUNDLE_OTHER_REGISTER). */
rx_err rx_bundle_show(struct rx_session *s, const char *file,
    struct rx_bundle *info, struct rx_status *st) RX_MUST_USE;
/* The same of the ${n} bytes ${p}. */
rx_err rx_bundle_look(struct rx_session *s, const uint8_t *p, size_t n,
    struct rx_bundle *info, struct rx_status *st) RX_MUST_USE;
/**
 * rx_bundle_open(s, file, keep, info, st):
 * Open the bundle ${file} for the session's user, verify all of it and merge it
 * in one transaction, which is taken back unless ${keep}.  RX_ECORRUPT
 * (BUNDLE_CORRUPT, BUNDLE_KEY, BUNDLE_KEYS_DIFFER, BUNDLE_MOVE, or what a row says), RX_EPERM
 * (BUNDLE_NOT_YOURS, BUNDLE_SENDER_REVOKED, BUNDLE_NOT_ENTITLED), RX_ECONFLICT
 * (BUNDLE_OTHER_REGISTER, BUNDLE_FUTURE, COPY_STALE); heads that do not fit, see
 * rx_bundle_open_despite.  A bundle that was opened
 * before changes nothing.
 */
rx_err rx_bundle_open(struct rx_session *s, const char *file, bool keep,
    struct rx_bundle *info, struct rx_status *st) RX_MUST_USE;
/* The same of the ${n} bytes ${p}. */
rx_err rx_bundle_merge(struct rx_session *s, const uint8_t *p, size_t n,
    bool keep, struct rx_bundle *info, struct rx_status *st) RX_MUST_USE;
/* The same although heads that were countersigned do not lie on the chain that
 * they are of (BUNDLE_ROLLBACK, BUNDLE_FORK of the sender's; of the one here
 * BUNDLE_ANCHOR_ROLLBACK, BUNDLE_ANCHOR_FORK): they are kept as lost. */
rx_err rx_bundle_open_despite(struct rx_session *s, const char *file,
    bool keep, struct rx_bundle *info, struct rx_status *st) RX_MUST_USE;
/* The newest bundle of every copy heard of, in ${info}: copy, number, made,
 * sender; the name of this copy alone is known. */
rx_err rx_bundle_each(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_bundle *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* Groups of digits of ${user}'s certified keys, and of the root of the register;
 * RX_ENOENT (USER_UNKNOWN). */
rx_err rx_user_fingerprint(struct rx_session *s, const char *user,
    char out[36], char root[36], struct rx_status *st) RX_MUST_USE;
/* Director of its unit: the versions of the case ${id} that lost against others
 * which were written elsewhere with the same number; audited like a look at its
 * history. */
rx_err rx_conflict_each(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* The same of the activity ${id}, for who writes activities in its unit; not
 * audited, like its history. */
rx_err rx_activity_conflict_each(struct rx_session *s,
    const uint8_t id[RX_ID_BYTES],
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* How many versions of the case ${id} were written twice. */
rx_err rx_conflicts_of(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    size_t *n, struct rx_status *st) RX_MUST_USE;
/* The ids (RX_ID_BYTES each) of the cases that have such versions, whoever may
 * read them, appended to ${ids}. */
rx_err rx_conflict_cases(struct rx_session *s, struct rx_buf *ids,
    struct rx_status *st) RX_MUST_USE;

#endif
