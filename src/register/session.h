#ifndef RX_REGISTER_SESSION_H
#define RX_REGISTER_SESSION_H

/*
 * A signed-in person: his keys, his roles, and everyone's certificates.
 * Opaque to the front ends.
 */

#include "crypto/certificate.h"
#include "crypto/passphrase.h"
#include "register/unit.h"
#include "store/store.h"

struct rx_session;

/**
 * rx_session_open(out, dir, user, passphrase, st):
 * Open the register in ${dir} and sign ${user} in: open his keyblob (wrong
 * passphrase and unknown user are the same RX_EPERM, WRONG_PASSPHRASE), take
 * the root key pinned in it (RX_ECORRUPT, ROOT_SWAPPED, when the database
 * shows another), verify all certificates and revocations under it, verify
 * the head of the audit, refuse a user without a valid certificate (RX_EPERM,
 * NOT_A_MEMBER); then make the keys of his own unit when there are none, and
 * every grant that waits and that he can make.
 */
rx_err rx_session_open(struct rx_session **out, const char *dir,
    const char *user, const struct rx_secret *passphrase,
    struct rx_status *st) RX_MUST_USE;
/* The same on a register already open (a backup in memory); read-only. */
rx_err rx_session_attach(struct rx_session **out, struct rx_store *store,
    const char *user, const struct rx_secret *passphrase,
    struct rx_status *st) RX_MUST_USE;
void rx_session_close(struct rx_session *s);	/* wipes; NULL is allowed */

const char *rx_session_user(const struct rx_session *s);
/* The unit of the register. */
const char *rx_session_unit(const struct rx_session *s);
/* The register's display name, at most ${size} bytes. */
rx_err rx_session_register(struct rx_session *s, char *name, size_t size,
    struct rx_status *st) RX_MUST_USE;
/* Whether the passphrase of the enrolment, which the administrator knows, is
 * still in use. */
bool rx_session_temporary(const struct rx_session *s);
bool rx_session_has_role(const struct rx_session *s, enum rx_role role);
/* Whether the signed-in person supervises ${unit}. */
bool rx_session_supervises(const struct rx_session *s,
    const char unit[RX_UNIT_BYTES]);
/* The name of the user ${id}, an author of records; "?" when unknown. */
const char *rx_session_author(const struct rx_session *s,
    const uint8_t id[RX_ID_BYTES]);

/* Whether ${passphrase} has fewer than 8 characters.  The rule for a new one:
 * the page refuses it, the command line warns, since a script may have its
 * reasons. */
bool rx_passphrase_short(const struct rx_secret *passphrase);
/* Change the passphrase; a new seed when the administrator is not needed for
 * it (he is himself) or a request for a new certificate otherwise. */
rx_err rx_session_passwd(struct rx_session *s,
    const struct rx_secret *passphrase, struct rx_status *st) RX_MUST_USE;

/* What trying one passphrase costs whoever has the files, and whether that is
 * less than today's rule, which signing in to the home register and every change
 * of passphrase bring it up to. */
bool rx_session_kdf(const struct rx_session *s, struct rx_kdf *cost);

/* ---- making a register, and people ---- */

/* The three custodian codes, in guarded memory. */
struct rx_codes {
	char text[3][48];
};

/* Make a register for ${unit} (embedded units below it are listed) in ${dir}
 * with ${user} as its administrator.  ${name} is its display name.  Codes are
 * put in ${codes}, which the caller shows once and wipes. */
rx_err rx_register_create(const char *dir, const char *user, const char *name,
    const char *unit_text, const struct rx_secret *passphrase,
    struct rx_codes *codes, struct rx_status *st) RX_MUST_USE;

/* Administrator: enrol ${user} (or give him a further role or unit). */
rx_err rx_user_add(struct rx_session *s, const char *user, enum rx_role role,
    const char *unit_text, const struct rx_secret *passphrase,
    struct rx_status *st) RX_MUST_USE;
/* Administrator: revoke every certificate of ${user}. */
rx_err rx_user_disable(struct rx_session *s, const char *user,
    struct rx_status *st) RX_MUST_USE;

/* Administrator: new keys for ${user}, who forgot his passphrase or lost his
 * computer, under the temporary ${passphrase}.  His old keys are revoked for
 * good; the units' keys come from another holder or from two custodians. */
rx_err rx_user_reset(struct rx_session *s, const char *user,
    const struct rx_secret *passphrase, struct rx_status *st) RX_MUST_USE;

/*
 * Handover.  ${leaver}'s roles and units go to ${successor}, who is enrolled
 * with the temporary ${passphrase} (NULL: he is here already).  If somebody else
 * has the keys, or ${now}, ${leaver} is disabled at once; otherwise as soon as
 * he has handed them on, which his next sign-in does, and the next sign-in of
 * the administrator ends it.
 */
struct rx_handover {
	bool ended;		/* the leaver is disabled */
	unsigned waiting;	/* units whose keys the successor is to get yet */
};
rx_err rx_user_handover(struct rx_session *s, const char *leaver,
    const char *successor, const struct rx_secret *passphrase, bool now,
    struct rx_handover *result, struct rx_status *st) RX_MUST_USE;
/* Any member: the handovers that wait. */
rx_err rx_handover_each(struct rx_session *s,
    rx_err (*each)(void *, const char *leaver, const char *successor,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;

/*
 * Rotation.  Whoever holds the keys of a unit gives it new ones, now: of
 * ${code}, or (NULL) of all his units; *rotated counts them.
 */
rx_err rx_rotate(struct rx_session *s, const char *code, size_t *rotated,
    struct rx_status *st) RX_MUST_USE;
/* The same in pieces, for who shows how far it is: the units, and new keys for at
 * most ${most} of their cases; *left counts those that remain.  They are gone on
 * with by rx_rotate_go_on, which also does the units that wait by themselves, and
 * by everybody's sign-in. */
rx_err rx_rotate_some(struct rx_session *s, const char *code, size_t most,
    size_t *rotated, size_t *left, struct rx_status *st) RX_MUST_USE;
rx_err rx_rotate_go_on(struct rx_session *s, size_t most, size_t *left,
    struct rx_status *st) RX_MUST_USE;
/* How it stands with each of the session's units that has keys, sorted (for the
 * administrator: the pseudo unit of the register). */
struct rx_rotation {
	char unit[RX_UNIT_BYTES];
	bool due;		/* somebody who had its keys is gone */
	bool now;		/* and the session can do something about it */
	bool mine;		/* the session could rotate it, due or not */
	size_t stale, cases;	/* cases with keys of before, which the session
				 * can renew, of all; 0 of 0: none */
};
rx_err rx_rotation_mine(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_rotation *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* The keyed units at or under ${above} that wait for new keys: somebody who had
 * them is gone. */
rx_err rx_rotation_each(struct rx_session *s, const char *above,
    rx_err (*each)(void *, const char unit[RX_UNIT_BYTES],
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;
/* For all sessions of this program: who is told how far a rotation is (cases
 * done, of all; 0 of 0 for the unit itself).  Before the first session. */
void rx_rotation_watch(void (*each)(void *, const char unit[RX_UNIT_BYTES],
    size_t done, size_t all), void *cookie);

/*
 * Recovery: two custodian codes, as they are printed, in any order.  A wrong
 * pair is RX_EPERM (CODES_WRONG).
 */
/* Any member: give ${user} the keys he should have and has not, of ${units}
 * (RX_UNIT_BYTES each; none: all).  RX_ENOENT (RECOVER_NOTHING) when there are
 * none to give; *made counts units. */
rx_err rx_recover(struct rx_session *s, const char *user,
    const struct rx_buf *units, const char *const codes[2], size_t *made,
    struct rx_status *st) RX_MUST_USE;
/* Any member: open every unit's newest keys with the codes, and the root, and
 * give nothing to anybody. */
struct rx_custody {
	size_t opened, all;	/* units */
	bool root;		/* the administrator can be given new keys */
};
rx_err rx_custodian_test(struct rx_session *s, const char *const codes[2],
    struct rx_custody *found, struct rx_status *st) RX_MUST_USE;
/* The name of the administrator; "" when there is none. */
const char *rx_session_administrator(const struct rx_session *s);
/* Any member but the administrator (RX_ECONFLICT, ADMIN_SELF), in the home
 * register: new keys for the administrator's account, under the new ${passphrase},
 * with the root that the recovery key was granted.  His old keys are revoked, the
 * register gets new keys, and his sessions end; nobody else has to do anything.
 * RX_ENOENT (ADMIN_NOT_HELD) in a register that he has not signed in to since it
 * could; RX_ECORRUPT (ADMIN_ROOT_OTHER) when what was granted is not the root
 * that is trusted. */
rx_err rx_custodian_admin(struct rx_session *s, const char *const codes[2],
    const struct rx_secret *passphrase, struct rx_status *st) RX_MUST_USE;
/* Administrator: a new recovery key, with what the old one has, and new codes.
 * They are handed to ${keep} before anything is final; if it fails, all stays as
 * it was. */
rx_err rx_custodian_reissue(struct rx_session *s, const char *const codes[2],
    rx_err (*keep)(void *, const struct rx_codes *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/*
 * The same in two steps, for who must see that the new codes are on paper before
 * the old ones go.  The first opens the recovery key, enters that in the audit and
 * makes new codes, which the session keeps in guarded memory: the register does
 * not know them, and the old ones go on.  The second puts them in force; CODES_WRONG
 * when others were issued meanwhile, RX_ECONFLICT (CODES_NOT_PREPARED) when there
 * are none.  Who closes the session in between has changed nothing.
 */
rx_err rx_custodian_prepare(struct rx_session *s, const char *const codes[2],
    struct rx_status *st) RX_MUST_USE;
/* The codes that wait, the session's; NULL: there are none. */
const struct rx_codes *rx_custodian_prepared(const struct rx_session *s);
rx_err rx_custodian_issue(struct rx_session *s, struct rx_status *st)
    RX_MUST_USE;
void rx_custodian_drop(struct rx_session *s);	/* wipes them */

struct rx_user_row {
	char name[RX_USER_NAME_BYTES];
	enum rx_role role;
	char unit[RX_UNIT_BYTES];
	bool wide;		/* a director above village level */
	bool disabled;
	bool temporary;		/* passphrase of the enrolment still in use */
	unsigned pending;	/* units whose keys he should have and has not */
	unsigned rotation;	/* disabled: units that wait for new keys */
};
/* Any signed-in member: call ${each} for every certificate. */
rx_err rx_user_each(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_user_row *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;

/* Any signed-in member: the units (RX_UNIT_BYTES each) whose keys ${user} should
 * have and has not, appended to ${out}; the first may be the pseudo unit of the
 * register itself, which rx_unit_of_register tells. */
rx_err rx_user_pending(struct rx_session *s, const char *user,
    struct rx_buf *out, struct rx_status *st) RX_MUST_USE;
bool rx_unit_of_register(const char unit[RX_UNIT_BYTES]);
/* Any signed-in member: those who hold the keys of ${unit} that ${user} is
 * entitled to, so that the next session of any of them hands them on; each by
 * his name and newest role. */
rx_err rx_key_holders_each(struct rx_session *s, const char *user,
    const char unit[RX_UNIT_BYTES],
    rx_err (*each)(void *, const char *name, enum rx_role role,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;

/* Any signed-in member: those at work who hold the newest of all three keys of
 * ${unit}; each by his name and newest role. */
rx_err rx_unit_holders_each(struct rx_session *s,
    const char unit[RX_UNIT_BYTES],
    rx_err (*each)(void *, const char *name, enum rx_role role,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;

/* What the custodians could bring back: for every unit that has keys, whether
 * the recovery key holds the newest of them.  *made is when the codes in use
 * were made, ms. */
rx_err rx_custody_each(struct rx_session *s, int64_t *made,
    rx_err (*each)(void *, const char unit[RX_UNIT_BYTES], bool held,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;

/* Administrator: units. ${tsv} is "code name level parent", tabs, one a line,
 * a header line allowed; all or nothing; *added counts. */
rx_err rx_unit_import(struct rx_session *s, const char *tsv, size_t n,
    size_t *added, struct rx_status *st) RX_MUST_USE;
rx_err rx_unit_add(struct rx_session *s, const char *code, const char *name,
    const char *level, const char *parent, struct rx_status *st) RX_MUST_USE;

/* ---- audit ---- */

enum rx_action {
	RX_DID_UNREADABLE = 0,	/* what a member sealed says nothing */
	RX_DID_INIT = 1, RX_DID_UNIT = 2, RX_DID_USER_ADD = 3,
	RX_DID_USER_DISABLE = 4, RX_DID_PASSWD = 5, RX_DID_GRANT = 6,
	RX_DID_SAVE = 7, RX_DID_IMPORT = 8, RX_DID_REVEAL = 9,
	RX_DID_REVIEW = 10, RX_DID_ERASE = 11, RX_DID_RELEASE = 12,
	RX_DID_BACKUP = 13, RX_DID_CERTIFY = 14, RX_DID_ROTATE = 15,
	RX_DID_HANDOVER = 16, RX_DID_RECOVER = 17, RX_DID_CUSTODY = 18,
	RX_DID_RESET = 19, RX_DID_TRANSFER = 20, RX_DID_BUNDLE = 21,
	RX_DID_ANCHOR = 22, RX_DID_SETTING = 23, RX_DID_COPY = 24,
	RX_DID_ADMIN = 25, RX_DID_EXTRACT = 26,
	RX_DID_LAST = RX_DID_EXTRACT
};


struct rx_audit_head {
	uint64_t seq;
	int64_t time;
	uint32_t epoch;			/* of the audit key */
	uint8_t hash[RX_HASH_BYTES];
};
rx_err rx_audit_head(struct rx_session *s, struct rx_audit_head *head,
    struct rx_status *st) RX_MUST_USE;
/*
 * A head as people keep it outside the register.  Its code is the number of the
 * entry in decimal, a dash, the first 120 bits of the entry's hash as 24
 * characters of Base32 (crypto/base32) and a check group: the first 20 bits of
 * BLAKE2b-128("runxin anchor check v1\0" || seq 8 || the 15 bytes of the hash);
 * in fours with dashes:  1234-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-CCCC.
 */
#define RX_ANCHOR_HASH 15
#define RX_ANCHOR_TEXT 56
#define RX_ANCHOR_BYTES 216	/* of a countersignature (countersign.c) */
#define RX_ANCHOR_AT_SEQ 40	/* where its number is, the hash after it */

struct rx_anchor {
	uint64_t seq;
	uint8_t hash[RX_HASH_BYTES];	/* its first n bytes, zeros after */
	size_t n;
	bool countersigned;
	uint8_t statement[RX_ANCHOR_BYTES];	/* if it is, by whom */
};
void rx_anchor_format(char out[RX_ANCHOR_TEXT],
    const struct rx_audit_head *head);
/* Parse a code, or "SEQ-HEX" with all of the hash in hexadecimal, or what
 * rx_countersigned_format wrote, whose signature is not verified here.
 * RX_EUSAGE: ANCHOR_INVALID when it is none of them, ANCHOR_MISTYPED when its
 * check group is wrong. */
rx_err rx_anchor_parse(struct rx_anchor *a, const char *text,
    struct rx_status *st) RX_MUST_USE;
/* Whether ${a} lies on the chain as it is stored, without verifying the chain:
 * RX_ECORRUPT with ANCHOR_ROLLBACK (seq; last: the newest entry there is; n: how
 * many are missing at least) when it is newer than that, ANCHOR_FORK (seq) when
 * its entry is another one. */
rx_err rx_anchor_find(struct rx_session *s, const struct rx_anchor *a,
    struct rx_status *st) RX_MUST_USE;
/* The two halves of that, for who walks the chain: ${a} against the entry
 * ${entry} of its number, and against the end of the chain. */
rx_err rx_anchor_match(const struct rx_anchor *a,
    const struct rx_audit_head *entry, struct rx_status *st) RX_MUST_USE;
rx_err rx_anchor_missing(const struct rx_anchor *a, uint64_t last,
    struct rx_status *st) RX_MUST_USE;

/*
 * A head that somebody signed: a supervisor, statistician or administrator.
 * Verified: he had verified everything up to it.  Seen: a bundle that he opened
 * named it, and of the chain he knew nothing else.
 */
enum rx_anchor_kind { RX_ANCHOR_VERIFIED = 1, RX_ANCHOR_SEEN = 2 };
enum rx_anchor_standing {
	RX_ANCHOR_FORGED,	/* he may not, or never signed it */
	RX_ANCHOR_LATE,		/* signed after his certificate was revoked */
	RX_ANCHOR_PAST,		/* valid then; the certificate is not now */
	RX_ANCHOR_LIVE
};
struct rx_countersigned {
	enum rx_anchor_kind kind;
	uint8_t chain[RX_ID_BYTES];	/* the copy it is of; zeros: home */
	uint64_t seq;
	uint8_t hash[RX_HASH_BYTES];
	uint8_t proofs[RX_HASH_BYTES];	/* see countersign.c; seen: zeros */
	int64_t time;			/* ms */
	uint8_t signer[RX_ID_BYTES];
	char user[RX_USER_NAME_BYTES];	/* his name */
	enum rx_anchor_standing standing;
	bool here;		/* it can be compared with the chain here */
	bool lost;		/* which has it not, and somebody went on */
	uint8_t statement[RX_ANCHOR_BYTES];
};

/* Whether the session's user may countersign. */
bool rx_may_countersign(const struct rx_session *s);
/**
 * rx_audit_countersign(s, made, progress, cookie, st):
 * Verify the audit and all rows up to the head as it is now, from the head that
 * this user himself countersigned last, then sign the head, keep that in the
 * register and enter it in the audit.  RX_EPERM (COUNTERSIGN_WHO); what
 * rx_audit_check says when something is wrong.
 */
rx_err rx_audit_countersign(struct rx_session *s,
    struct rx_countersigned *made, void (*progress)(void *, size_t),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* Every head that is kept, in order of its number. */
rx_err rx_countersigned_each(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_countersigned *,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;
/* ${c} as the text of a small file: a line that says what it is, the code, the
 * statement in hexadecimal. */
#define RX_COUNTERSIGNED_LINE "runxin countersignature v1"
#define RX_COUNTERSIGNED_TEXT 600
void rx_countersigned_format(char out[RX_COUNTERSIGNED_TEXT],
    const struct rx_countersigned *c);

/* Which entries need no signature verified again: none; those up to the newest
 * head that another, or this, user countersigned. */
enum rx_audit_trust { RX_TRUST_NOBODY, RX_TRUST_OTHERS, RX_TRUST_MYSELF };
struct rx_audit_check {
	/* What is asked for: */
	const char *anchor;	/* must lie on the chain; NULL */
	enum rx_audit_trust trust;
	/* What was found: */
	struct rx_audit_head head;
	uint8_t proofs[RX_HASH_BYTES];	/* up to the head */
	uint64_t from;		/* entries up to this one were only compared
				 * with what ${by} signed; 0: none */
	struct rx_countersigned by;	/* if from is not 0 */
	size_t anchors;		/* countersigned heads that lie on the chain */
	size_t lost;		/* and that are known not to */
};
/**
 * rx_audit_check(s, check, progress, cookie, st):
 * Verify the chain and every live row, on a copy of one moment in memory.  Of
 * each entry the hash; of those after check->from also the seal, and the
 * signature of the actor.  Every countersigned head of this chain, and
 * check->anchor, must lie on it.  When the entries up to check->from are not
 * bit for bit what was countersigned, all are verified.  RX_ECORRUPT:
 * AUDIT_BROKEN (seq), ANCHOR_ROLLBACK, ANCHOR_FORK, ANCHOR_FORGED, AUDIT_ROWS,
 * ERASURE_LEFT when something of an erased child is there; RX_EUSAGE
 * (ANCHOR_OTHER_CHAIN) when check->anchor is of another copy.
 */
rx_err rx_audit_check(struct rx_session *s, struct rx_audit_check *check,
    void (*progress)(void *, size_t), void *cookie, struct rx_status *st)
    RX_MUST_USE;
/* The same, trusting nobody; *entries (may be NULL) counts them. */
rx_err rx_audit_verify(struct rx_session *s, const char *anchor,
    uint64_t *entries, void (*progress)(void *, size_t), void *cookie,
    struct rx_status *st) RX_MUST_USE;

#endif
