#ifndef RX_REGISTER_INTERNAL_H
#define RX_REGISTER_INTERNAL_H

/*
 * What the files of src/register share and nobody else sees.
 */

#include <string.h>

#include "crypto/container.h"
#include "crypto/grant.h"
#include "register/register.h"

#define RX_SCHEMA_VERSION 1	/* in the place of every sealed field */

/* The pseudo unit of the keys that belong to the whole register: its grants
 * carry the audit key and the ledger key in places 0 and 1.  One alone, to the
 * recovery key, carries the root seed in place 2 and nothing else: it has one
 * epoch for ever, and is not to go when the others are followed. */
#define RX_REGISTER_KEYS "REGISTER\0\0\0\0\0\0\0"

#define RX_BIT(comp) (1u << (comp))
#define RX_CASE_KEYS (RX_BIT(RX_COMP_IDENTITY) | RX_BIT(RX_COMP_NARRATIVE) | \
    RX_BIT(RX_COMP_CODED))
#define RX_AUDIT_KEYS (RX_BIT(RX_COMP_AUDIT) | RX_BIT(RX_COMP_LEDGER))

/* A verified certificate and when it was revoked (0: it was not); ended tells
 * that what it stood for is over, and no other certificate goes on with it. */
struct rx_member {
	struct rx_cert cert;
	int64_t revoked;
	bool ended;
};

struct rx_held {			/* a key that the session holds */
	char unit[RX_UNIT_BYTES];
	uint8_t comp;
	uint32_t epoch;
	uint64_t newest;	/* in this transaction (rx_session.serial) */
	struct rx_key *key;
};

#define RX_CASE_EPOCHS 200	/* of one case, at most */
#define RX_CASE_RENEWALS 150	/* of these, that closed flags may use */
#define RX_CASE_MEM (3 * RX_CASE_EPOCHS + 5)	/* its keys, and for slots */

struct rx_session {
	struct rx_store *store;
	bool borrowed;			/* the store is the caller's, read-only */
	uint8_t store_id[RX_ID_BYTES];
	char unit[RX_UNIT_BYTES];	/* of the register */
	uint8_t user_id[RX_ID_BYTES];
	char user[RX_USER_NAME_BYTES];
	struct rx_secret *blob_mem, *id_mem, *next_mem;
	struct rx_keyblob *blob;	/* in blob_mem */
	struct rx_identity *id;		/* the certified keys, in id_mem */
	struct rx_identity *next;	/* asked for, not in use yet; or NULL */
	uint8_t sealed[RX_KEYBLOB_BYTES];	/* it, as it was stored then */
	struct rx_kdf cost;		/* of that */
	struct rx_secret *reissue;	/* custody.c: codes to come; or NULL */
	bool copy;			/* not the home register (copy.c) */
	uint8_t copy_id[RX_ID_BYTES];	/* zeros at home */
	char copy_name[RX_USER_NAME_BYTES];
	int64_t clock;			/* no entry of the audit is later, ms */
	struct rx_keypool *pool;
	struct rx_held *held;		/* sorted by unit, compartment, epoch */
	size_t nheld, heldcap;
	size_t heldmem;			/* so many of them have key memory */
	struct rx_member *members;	/* sorted by user, then not_before */
	uint8_t members_digest[RX_HASH_BYTES];	/* of the rows they are from */
	uint8_t entry_known[RX_HASH_BYTES];	/* see audit.c; of their time */
	size_t nmembers;
	struct rx_key *scratch[3];	/* for a unit's keys in passing */
	struct rx_key *step[2];		/* for older ones, one after the other */
	struct rx_key **spare;		/* key memory of cases not in use */
	size_t nspare, sparecap;
	uint64_t serial;		/* of the transaction, from 1 */
	struct rx_known_unit **known;	/* known.c; sorted by unit */
	size_t nknown, knowncap;
	struct rx_audit_head known_to;	/* as of that entry; 0: nothing */
	struct {
		bool tried;		/* it was looked for */
		uint64_t seq;		/* of what is kept; 0: nothing */
		size_t fresh;		/* cases that were read since */
	} kept;				/* kept.c */
	struct {
		bool set;
		int value;
	} setting[RX_SETTINGS];		/* as they were at sign-in */
};

/* ---- permit.c: every permission, in one place ---- */

enum rx_act {
	RX_ACT_ADMINISTER,	/* units, people */
	RX_ACT_WRITE_CASE,	/* directors, for a unit */
	RX_ACT_WRITE_ACTIVITY,	/* the same; a statistician for his own unit */
	RX_ACT_SUPERVISE,	/* review, coded lists of a unit */
	RX_ACT_COUNT,		/* statistics over a unit */
	RX_ACT_LEDGER,		/* any statistician */
	RX_ACT_COUNTERSIGN	/* who writes no cases */
};
/* RX_EPERM (NOT_PERMITTED) unless one of the session's valid certificates
 * permits ${act} for ${unit} (NULL for acts on the register). */
rx_err rx_permit(const struct rx_session *s, enum rx_act act,
    const char *unit, struct rx_status *st) RX_MUST_USE;
bool rx_permitted(const struct rx_session *s, enum rx_act act,
    const char *unit);
/* The same of any user. */
bool rx_user_permitted(const struct rx_session *s,
    const uint8_t user[RX_ID_BYTES], enum rx_act act, const char *unit);
/* In a copy of the register nothing is written but what is listed here; the rest
 * is RX_EPERM (COPY_HOME_ONLY).  Asked by rx_audit_add, so by every writer. */
rx_err rx_copy_permit(const struct rx_session *s, enum rx_action action,
    struct rx_status *st) RX_MUST_USE;
/* Whether ${author} was at ${at} one who writes records of ${type} in ${unit}. */
bool rx_author_may(const struct rx_session *s,
    const uint8_t author[RX_ID_BYTES], enum rx_type type,
    const char unit[RX_UNIT_BYTES], int64_t at);
/* The compartments (bit set) of ${unit}'s keys that the certificates of user
 * members[first..] (all those of one user) entitle him to, now. */
unsigned rx_entitled(const struct rx_session *s, size_t first,
    const char unit[RX_UNIT_BYTES]);
/* What the certificate ${c} entitles to (bit set), whether it is live or not. */
unsigned rx_cert_entitles(const struct rx_cert *c, const char *unit);
/* Whether ${m} may hand on keys of ${unit}: he is, or was, entitled to them. */
bool rx_may_grant(const struct rx_member *m, const char unit[RX_UNIT_BYTES],
    unsigned compartments, bool slot);
bool rx_member_live(const struct rx_member *m);	/* valid now, not revoked */
bool rx_role_countersigns(uint8_t role);	/* heads of the audit */

/* ---- session.c ---- */

/* Seal the keyblob again when it costs less than ${today}, in a transaction of
 * its own. */
rx_err rx_session_cost(struct rx_session *s,
    const struct rx_secret *passphrase, const struct rx_kdf *today,
    struct rx_status *st) RX_MUST_USE;

/* In a transaction: put ${s->blob} back, sealed under ${passphrase}, whatever is
 * there. */
rx_err rx_keyblob_replace(struct rx_session *s,
    const struct rx_secret *passphrase, struct rx_status *st) RX_MUST_USE;

/* An empty session, for rx_register_create. */
rx_err rx_session_new(struct rx_session **out, struct rx_status *st)
    RX_MUST_USE;
/* Sign ${cert} with the session's root seed and insert it; id, store and
 * validity are filled in. */
rx_err rx_cert_issue(struct rx_session *s, struct rx_cert *cert,
    struct rx_status *st) RX_MUST_USE;

/* Revoke ${m}, from now, with the session's root seed. */
rx_err rx_cert_revoke(struct rx_session *s, const struct rx_member *m,
    enum rx_revoked why, struct rx_status *st) RX_MUST_USE;

/* ---- members.c ---- */

rx_err rx_members_load(struct rx_session *s, const uint8_t root_public[32],
    struct rx_status *st) RX_MUST_USE;
/* The same under the pinned root, if the rows are others by now.  A transaction has
 * done so; whoever only reads what others signed does it first, as they may have
 * come, or got other keys, since the session began. */
rx_err rx_members_refresh(struct rx_session *s, struct rx_status *st)
    RX_MUST_USE;
/* The digest of all certificates, revocations and later epochs of unit keys,
 * which every audit entry names: D = 0; for each certificate, then each
 * revocation, in order of id, then each row of unit_epoch in order of its key,
 * D = BLAKE2b-256("runxin members v1\0" || D || table 4 || its bytes), of an
 * epoch: unit 16 || compartment 4 || epoch 4 || made 8 || sealed. */
rx_err rx_members_digest(struct rx_session *s, uint8_t digest[RX_HASH_BYTES],
    struct rx_status *st) RX_MUST_USE;
/* Is there a later certificate of the person, role and unit of members[at]? */
bool rx_member_superseded(const struct rx_session *s, size_t at);
/* Index of the first certificate of ${user}; nmembers when there is none. */
size_t rx_member_first(const struct rx_session *s,
    const uint8_t user[RX_ID_BYTES]);
/* Index after the last certificate of the user of members[first]. */
size_t rx_member_next(const struct rx_session *s, size_t first);
/* The newest live certificate of the user of members[first]; NULL. */
const struct rx_member *rx_member_newest(const struct rx_session *s,
    size_t first);
/* Whether a certificate of ${user} that was valid at ${at} verifies ${sig}. */
bool rx_member_signed(const struct rx_session *s,
    const uint8_t user[RX_ID_BYTES], int64_t at,
    const uint8_t sig[RX_SIGNATURE_BYTES], const char *label, const void *p,
    size_t n);
/* The time, ms, but never before the newest entry of the audit: a clock that
 * was set back must not make what is written now look older. */
int64_t rx_session_now(const struct rx_session *s);
/* The name of ${user}, "?" when unknown. */
const char *rx_member_name(const struct rx_session *s,
    const uint8_t user[RX_ID_BYTES]);
/* The same in ${name}, for a list that does not look whether the members are others
 * by now: they are read again when ${user} is none of them, so that no place in
 * their list stays good. */
rx_err rx_member_name_find(struct rx_session *s,
    const uint8_t user[RX_ID_BYTES], char name[RX_USER_NAME_BYTES],
    struct rx_status *st) RX_MUST_USE;

/* ---- people.c ---- */

/* Find ${user}: *found, and his id. */
rx_err rx_user_find(struct rx_session *s, const char *user,
    uint8_t id[RX_ID_BYTES], bool *found, struct rx_status *st) RX_MUST_USE;
/* In a transaction: enrol ${cert}->name, whose role and unit are set, or give
 * him that role too. */
rx_err rx_person_enrol(struct rx_session *s, struct rx_cert *cert,
    const struct rx_secret *passphrase, struct rx_status *st) RX_MUST_USE;
/* In a transaction: the roles of members[first..] once more, under the public
 * keys, name and user of ${cert}; what waits for the old ones, or was granted to
 * them, is forgotten.  The list in memory stays that of before, for the caller
 * to end with rx_person_end. */
rx_err rx_person_renew(struct rx_session *s, size_t first,
    struct rx_cert *cert, struct rx_status *st) RX_MUST_USE;
/* In a transaction: revoke all that members[first..] have, and give the register
 * a new audit and ledger key.  *revoked counts. */
rx_err rx_person_end(struct rx_session *s, size_t first, size_t *revoked,
    struct rx_status *st) RX_MUST_USE;

/* 1..63 bytes of UTF-8 without spaces; RX_EUSAGE (USER_NAME_INVALID). */
rx_err rx_user_name_check(const char *user, struct rx_status *st) RX_MUST_USE;
/* RX_EUSAGE (UNIT_UNKNOWN) unless ${unit} is listed in the register. */
rx_err rx_unit_require(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_status *st) RX_MUST_USE;
rx_err rx_unit_row_insert(struct rx_session *s, const char *code,
    const char *name, const char *level, struct rx_status *st) RX_MUST_USE;
const char *rx_level_key(enum rx_level level);

/* ---- keyring.c ---- */

/* The key of (unit, compartment, epoch), epoch 0 for the newest that anybody
 * made; *key_epoch may be NULL.  RX_EPERM (NO_KEY) when the session has no
 * grant of it, nor of a later one. */
rx_err rx_unit_key(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    enum rx_compartment comp, uint32_t epoch, const struct rx_key **key,
    uint32_t *key_epoch, struct rx_status *st) RX_MUST_USE;
/* The newest epoch of ${unit}'s key ${comp}, whoever holds it, and when it was
 * made, ms (may be NULL); 1 and 0 for the first. */
rx_err rx_unit_newest(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    enum rx_compartment comp, uint32_t *epoch, int64_t *made,
    struct rx_status *st) RX_MUST_USE;
/* The compartment in place ${k} of a grant of ${comps}; NONE for no place. */
enum rx_compartment rx_grant_comp(unsigned comps, size_t k);
/* What of ${unit}'s newest keys ${user} was granted (bit set). */
rx_err rx_granted_newest(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    const uint8_t user[RX_ID_BYTES], unsigned *comps, struct rx_status *st)
    RX_MUST_USE;
/* The recipients (RX_ID_BYTES each, several times perhaps) and compartments of
 * the grants of ${unit}, handed to ${each}. */
rx_err rx_granted_each(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    rx_err (*each)(void *, uint32_t epoch, unsigned comps,
    const uint8_t recipient[RX_ID_BYTES], struct rx_status *), void *cookie,
    struct rx_status *st) RX_MUST_USE;
/* Hold ${key} as (unit, comp, epoch) of this session. */
rx_err rx_unit_hold(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    enum rx_compartment comp, uint32_t epoch, const struct rx_key *key,
    struct rx_status *st) RX_MUST_USE;
/* The place of the key before (unit, comp, epoch), sealed under it. */
void rx_epoch_place(struct rx_place *p, const struct rx_session *s,
    const char unit[RX_UNIT_BYTES], uint32_t epoch);
/* The units under all live certificates of members[first..], and the pseudo
 * unit of the register, appended to ${out}. */
rx_err rx_units_of(struct rx_session *s, size_t first, struct rx_buf *out,
    struct rx_status *st) RX_MUST_USE;
/* Make the keys of ${unit} that nobody has made yet, of the compartments that
 * the session is entitled to; begins a transaction when there are any. */
rx_err rx_unit_keys_ensure(struct rx_session *s,
    const char unit[RX_UNIT_BYTES], struct rx_status *st) RX_MUST_USE;
/* Make every grant that waits and that this session can make, in a transaction
 * of its own if there are any. */
rx_err rx_grants_heal(struct rx_session *s, struct rx_status *st) RX_MUST_USE;
/* The keyed units whose keys members[first..] should hold and does not, appended
 * to ${out}. */
rx_err rx_grants_pending(struct rx_session *s, size_t first,
    struct rx_buf *out, struct rx_status *st) RX_MUST_USE;
/* Grant keys of ${unit} to every entitled user who lacks them, of the register
 * also the root seed; a transaction is begun at the first.  *made counts. */
rx_err rx_grant_unit(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    size_t *made, struct rx_status *st) RX_MUST_USE;
/* The same for members[first..] alone. */
rx_err rx_grant_member(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    size_t first, size_t *made, struct rx_status *st) RX_MUST_USE;
/* Delete every grant and slot of ${user}. */
rx_err rx_grants_forget(struct rx_session *s, const uint8_t user[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;
/* The ids (RX_UNIT_BYTES each) of the units at or under ${unit} that have keys,
 * appended to ${out} in order of their codes. */
rx_err rx_keyed_units(struct rx_session *s, const char *unit,
    struct rx_buf *out, struct rx_status *st) RX_MUST_USE;
/* What a grant is bound to; ${subject} is the case of a slot, or NULL. */
void rx_grant_context_set(struct rx_grant_context *ctx,
    const struct rx_session *s, const char *unit, const uint8_t *subject,
    uint32_t epoch, unsigned comps);
/* Open the grant ${box} and verify that its grantor may grant this; ${subject}
 * is the case of a slot, NULL for a unit's keys.  ${g} is wiped by the caller. */
rx_err rx_grant_accept(struct rx_session *s, struct rx_grant *g,
    const uint8_t *box, size_t n, const char unit[RX_UNIT_BYTES],
    const uint8_t *subject, uint32_t epoch, unsigned comps,
    struct rx_status *st) RX_MUST_USE;
/* Insert one grant row: keys in the order of the compartments. */
rx_err rx_grant_insert(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    uint32_t epoch, unsigned compartments,
    const struct rx_key *const keys[RX_GRANT_KEYS],
    const uint8_t recipient[RX_ID_BYTES],
    const uint8_t box_public[RX_BOX_PUBLIC_BYTES], struct rx_status *st)
    RX_MUST_USE;
/* Administrator, in a transaction: grant the root seed to a recovery key. */
rx_err rx_root_insert(struct rx_session *s,
    const uint8_t recipient[RX_ID_BYTES],
    const uint8_t box_public[RX_BOX_PUBLIC_BYTES], struct rx_status *st)
    RX_MUST_USE;
/* Seal everything that was granted to this session's old keys to ${to}. */
rx_err rx_grants_rekey(struct rx_session *s, const struct rx_identity *to,
    struct rx_status *st) RX_MUST_USE;

/* ---- rotate.c ---- */

/* The compartments of ${unit} whose newest keys somebody knows who should not
 * any more: one who was entitled to them, and whose certificate ended after
 * they were made. */
rx_err rx_rotation_due(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    unsigned *comps, struct rx_status *st) RX_MUST_USE;
/* Give ${unit} new keys of the compartments ${comps}, whose newest the session
 * holds, and grant them to everyone entitled; an entry of the audit each.  In a
 * transaction, which the caller finishes. */
rx_err rx_unit_rotate(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    unsigned comps, struct rx_status *st) RX_MUST_USE;
/* Rotate those of ${units} that are due, as far as the session can, then give
 * cases whose keys lie under older ones new keys; transactions of their own. */
rx_err rx_rotations_heal(struct rx_session *s, const struct rx_buf *units,
    struct rx_status *st) RX_MUST_USE;

/* ---- custody.c ---- */

/* The live certificate of the recovery key ${box_public}; NULL. */
const struct rx_member *rx_recovery_live(const struct rx_session *s,
    const uint8_t box_public[RX_BOX_PUBLIC_BYTES]);

/* At sign-in: when the recovery key was issued anew, trust the new one if the
 * one trusted so far vouches for it.  *adopted tells that the keyblob is to be
 * sealed again; everything is in a transaction then, which the caller ends. */
rx_err rx_succession_adopt(struct rx_session *s, bool *adopted,
    struct rx_status *st) RX_MUST_USE;

/* ---- copy.c ---- */

/* Read which copy the register is into the session. */
rx_err rx_copy_load(struct rx_session *s, struct rx_status *st) RX_MUST_USE;

/* Whether ${name} can be that of a copy: one word, and not the home's. */
bool rx_copy_name_valid(const char *name);

/* ---- countersign.c ---- */

/* Take the row ${v} of ANCHOR, of which the key columns repeat what is signed,
 * apart; *whole is false when it is none.  its standing and name are filled in,
 * here is not. */
void rx_countersigned_read(struct rx_countersigned *c, bool *whole,
    const struct rx_session *s, const uint8_t *statement, size_t n);
/* The number of the last entry that the chain here has in common with home. */
rx_err rx_chain_fork(struct rx_session *s, uint64_t *fork,
    struct rx_status *st) RX_MUST_USE;
/* Whether ${c} can be compared with the chain here, given that number. */
bool rx_countersigned_here(const struct rx_session *s, uint64_t fork,
    const struct rx_countersigned *c);
/* Verify who countersigned ${a}, if anybody did: RX_ECORRUPT (ANCHOR_FORGED),
 * RX_EUSAGE (ANCHOR_OTHER_CHAIN). */
rx_err rx_anchor_vouched(struct rx_session *s, const struct rx_anchor *a,
    struct rx_status *st) RX_MUST_USE;
/* The heads that were countersigned of the chain here, valid and not lost, in
 * order, appended to ${out} (struct rx_countersigned each); *lost counts the
 * others.  RX_ECORRUPT (ANCHOR_FORGED) when one is not what it says. */
rx_err rx_countersigned_here_all(struct rx_session *s, struct rx_buf *out,
    size_t *lost, struct rx_status *st) RX_MUST_USE;
/* The newest of those in ${store}, the files of the session's register as they
 * are somewhere: no key to them is needed, the session's members judge who
 * signed, and what is not what it says is passed over. */
rx_err rx_countersigned_newest(struct rx_session *s, struct rx_store *store,
    struct rx_countersigned *newest, bool *found, struct rx_status *st)
    RX_MUST_USE;
/* In a transaction: keep ${c}; *changed tells whether it is new. */
rx_err rx_countersigned_keep(struct rx_session *s,
    const struct rx_countersigned *c, bool *changed, struct rx_status *st)
    RX_MUST_USE;
/* In a transaction: keep, as seen by the session's user, if he may countersign,
 * the head ${head} of the chain ${chain}. */
rx_err rx_countersign_seen(struct rx_session *s,
    const uint8_t chain[RX_ID_BYTES], const struct rx_audit_head *head,
    struct rx_status *st) RX_MUST_USE;
/* In a transaction: what a bundle brings.  Kept when it is valid; compared with
 * the chain here, or with other heads of its chain: RX_ECORRUPT
 * (ANCHOR_ROLLBACK, ANCHOR_FORK), or kept as lost when ${despite}; *how tells
 * what happened. */
enum rx_anchor_taken {
	RX_ANCHOR_KNOWN, RX_ANCHOR_TAKEN, RX_ANCHOR_LOST, RX_ANCHOR_REFUSED
};
rx_err rx_countersigned_take(struct rx_session *s, const uint8_t *statement,
    size_t n, bool despite, enum rx_anchor_taken *how, struct rx_status *st)
    RX_MUST_USE;
/* In a transaction: a bundle that was made at ${made} says that ${head} is where
 * the audit of ${chain} ends.  RX_ECORRUPT (BUNDLE_ROLLBACK, BUNDLE_FORK) when
 * somebody countersigned a later head of it before, or another of that number;
 * when ${despite} those are lost from now on; *lost counts them. */
rx_err rx_chain_compare(struct rx_session *s, const uint8_t chain[RX_ID_BYTES],
    const struct rx_audit_head *head, int64_t made, bool despite,
    size_t *lost, struct rx_status *st) RX_MUST_USE;

/* ---- bundle.c, merge.c ---- */

/* Before the rows of a bundle's body: certificate of the sender, seq and hash of
 * his audit's head, name of his copy. */
#define RX_BUNDLE_HEAD (RX_CERT_BYTES + 8 + RX_HASH_BYTES + RX_USER_NAME_BYTES)
/* Number and time of the newest bundle of the copy ${copy}; 0 and 0: none. */
rx_err rx_bundle_last(struct rx_session *s, const uint8_t copy[RX_ID_BYTES],
    uint64_t *number, int64_t *made, struct rx_status *st) RX_MUST_USE;
/* When the newest bundle of any copy was made, or opened here from it; 0: none.
 * No record that is here is of later, but what was written here. */
rx_err rx_bundle_newest(struct rx_session *s, int64_t *made,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_bundle_remember(struct rx_session *s,
    const uint8_t copy[RX_ID_BYTES], uint64_t number, int64_t made,
    const uint8_t sender[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;
/* The fingerprint of ${c}, and that of the root. */
void rx_cert_fingerprint(char out[RX_FINGERPRINT_TEXT],
    const struct rx_session *s, const struct rx_cert *c);
void rx_root_fingerprint(char out[RX_FINGERPRINT_TEXT],
    const struct rx_session *s);
/* Append the rows of ${q}, a query of all columns of ${table}, with the one
 * argument ${arg} (NULL: none): each length 4 || row. */
rx_err rx_rows_add(struct rx_buf *body, struct rx_session *s, enum rx_query q,
    enum rx_table table, const struct rx_value *arg, struct rx_status *st)
    RX_MUST_USE;
/* Append the rows that the conflicts under ${q} keep: each length 4 || row. */
rx_err rx_conflict_rows(struct rx_buf *body, struct rx_session *s,
    enum rx_query q, const struct rx_value *arg, struct rx_status *st)
    RX_MUST_USE;
/* In a transaction: merge the opened ${body} of ${c}, of the verified sender
 * ${cert}; ${newer}: than all of its copy so far.  *changed tells whether any
 * row did. */
rx_err rx_merge(struct rx_session *s, const struct rx_container *c,
    const struct rx_cert *cert, const struct rx_buf *body, bool newer,
    bool despite, struct rx_bundle *info, bool *changed, struct rx_status *st)
    RX_MUST_USE;

/* ---- handover.c ---- */

/* Administrator: end the handovers whose keys were handed on. */
rx_err rx_handovers_complete(struct rx_session *s, struct rx_status *st)
    RX_MUST_USE;

/* ---- setting.c ---- */

rx_err rx_settings_load(struct rx_session *s, struct rx_status *st)
    RX_MUST_USE;
int rx_setting(const struct rx_session *s, enum rx_setting k);

/* ---- history.c ---- */

/* The unit of the activity ${id}, for which the session writes activities;
 * RX_ENOENT (RECORD_UNKNOWN). */
rx_err rx_activity_unit(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    char unit[RX_UNIT_BYTES], struct rx_status *st) RX_MUST_USE;

/* ---- erase.c ---- */

struct rx_case;		/* below */

/* Whether the child ${id} was erased: no row of it may be stored again. */
rx_err rx_erased(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    bool *erased, struct rx_status *st) RX_MUST_USE;
/* RX_ECONFLICT (CHILD_ERASED) when it was. */
rx_err rx_erased_refuse(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;
/* RX_ECORRUPT (ERASURE_LEFT) when there is a row, key or slot of a child that
 * was erased. */
rx_err rx_erasures_clean(struct rx_session *s, struct rx_status *st)
    RX_MUST_USE;
/* RX_EUSAGE when the ${reason} is too long (ERASE_REASON_LONG), or has the name
 * (of two characters at least) or id number of the loaded case's child in it
 * (ERASE_REASON_NAMES): it is kept when these are gone. */
rx_err rx_erase_reason_check(struct rx_session *s, struct rx_case *c,
    const char *reason, struct rx_status *st) RX_MUST_USE;
/* In a transaction: all that an erasure is, of the case ${id} of ${unit}, which
 * another register has now; ${c} is loaded by it.  rx_erase_sweep is to follow
 * the commit: RX_EIO (ERASE_NOT_SWEPT) when the next sign-in has to. */
rx_err rx_erase_moved(struct rx_session *s, struct rx_case *c,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    const char *reason, struct rx_status *st) RX_MUST_USE;
rx_err rx_erase_sweep(struct rx_session *s, struct rx_status *st) RX_MUST_USE;
/* In a transaction of a copy: store the row ${sent} of ERASURE that home has sent,
 * whose unit is ${unit}, verified (RX_ECORRUPT), and destroy the case, which ${c} is
 * loaded with.  The sums of months stay at home.  rx_erase_sweep is to follow the
 * commit when it was RX_TAKEN_GONE. */
enum rx_taken {
	RX_TAKEN_NOT,		/* it was known */
	RX_TAKEN_ELSEWHERE,	/* the case lies in another unit here, or its keys
				 * are not at hand: left as it is */
	RX_TAKEN_KNOWN,		/* there was no such case; none will be stored */
	RX_TAKEN_GONE
};
rx_err rx_erasure_take(struct rx_session *s, struct rx_case *c,
    const struct rx_value *sent, const char unit[RX_UNIT_BYTES],
    enum rx_taken *how, struct rx_status *st) RX_MUST_USE;
/* At sign-in: rewrite the files when somebody erased a child and could not. */
rx_err rx_erasure_heal(struct rx_session *s, struct rx_status *st)
    RX_MUST_USE;

/* ---- since.c ---- */

/* In a transaction that reads: where the register stands. */
rx_err rx_mark_now(struct rx_mark *mark, struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;

/* ---- residue.c ---- */

/* Add what the loaded case counts for on the form to the sums of its unit, in
 * the transaction that erases it. */
rx_err rx_residue_add(struct rx_session *s, struct rx_case *c,
    struct rx_status *st) RX_MUST_USE;
/* Call ${each} for every month of the sums of ${unit}; the first has the number
 * of children. */
rx_err rx_residue_each(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    rx_residue_fn *each, void *cookie, struct rx_status *st) RX_MUST_USE;

/* ---- extract.c ---- */

/* What the form counts of a case: a line for each live record that may count, and
 * of how many versions of records they were made.  All zeros is that of a case
 * without records; coded fields, so it is freed by rx_extract_free, which wipes. */
struct rx_extract {
	uint32_t versions;
	struct rx_buf lines;
};
void rx_extract_free(struct rx_extract *x);
/* Add the line of the live record ${r}, if it may count; versions are the caller's
 * to count. */
rx_err rx_extract_add(struct rx_extract *x, const struct rx_form_kinds *k,
    const struct rx_record *r, struct rx_status *st) RX_MUST_USE;
/* The line at ${*at}, which goes on; false at the end. */
bool rx_extract_line(const struct rx_extract *x, size_t *at,
    struct rx_form_line *line);
/* In a transaction: seal it under the newest coded key of the loaded case, in
 * place of the one that is stored; delete that of case ${id}. */
struct rx_case;
rx_err rx_extract_put(const struct rx_extract *x, struct rx_session *s,
    const struct rx_case *c, struct rx_status *st) RX_MUST_USE;
rx_err rx_extract_forget(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;
/* Open that of the loaded case into ${x}, whose memory is reused.  *current is
 * false when there is none, when it does not open, or when the case has another
 * number of versions: then its records are to be read. */
rx_err rx_extract_open(struct rx_extract *x, struct rx_session *s,
    const struct rx_case *c, bool *current, struct rx_status *st) RX_MUST_USE;

/* ---- case.c: case keys ---- */

struct rx_case_epoch {
	uint32_t epoch;
	const struct rx_key *key[3];	/* I, N, C; NULL when not held */
};
struct rx_case {
	uint8_t id[RX_ID_BYTES];
	char unit[RX_UNIT_BYTES];
	size_t n;
	struct rx_case_epoch e[RX_CASE_EPOCHS];	/* oldest first */
	uint32_t under[3];	/* unit epochs that the newest are sealed under */
	struct rx_key *mem[RX_CASE_MEM];	/* of the session's pool */
	size_t nmem, used;
};
/* Their compartments, in this order. */
extern const enum rx_compartment rx_case_comp[3];
/* A case whose key memory is reused by every load; given back to the session,
 * wiped, by rx_case_done (allowed on a zeroed case). */
void rx_case_init(struct rx_case *c);
void rx_case_done(struct rx_case *c, struct rx_session *s);
/* The place of the wrap of compartment ${k} (columns 3, 4, 5 of case_key). */
void rx_wrap_place(struct rx_place *p, const struct rx_session *s,
    const char *unit, const uint8_t *id, size_t k, uint32_t epoch);
/* The place of the key of compartment ${k} before ${epoch}, under that of
 * ${epoch} (columns 2, 3, 4 of case_link).  Of no unit: a case may move. */
void rx_link_place(struct rx_place *p, const struct rx_session *s,
    const uint8_t *id, size_t k, uint32_t epoch);
/* Load the keys of case ${id} of ${unit}: through the unit's keys for the
 * compartments of ${comps} that the session holds. */
rx_err rx_case_load(struct rx_case *c, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    unsigned comps, struct rx_status *st) RX_MUST_USE;
/* What the loaded case has of ${epoch}; NULL when it has no keys of that. */
const struct rx_case_epoch *rx_case_of_epoch(const struct rx_case *c,
    uint32_t epoch);
/* Memory for one more key: the case's own, the session's spare, or new. */
rx_err rx_case_take(struct rx_case *c, struct rx_session *s,
    struct rx_key **key, struct rx_status *st) RX_MUST_USE;
/* From the newest keys of the case to all before them. */
rx_err rx_case_links_open(struct rx_case *c, struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;
/* Make and insert the keys of a new case; RX_ECONFLICT (CHILD_ERASED). */
rx_err rx_case_create(struct rx_case *c, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    struct rx_status *st) RX_MUST_USE;
/* Whether the keys of the loaded case lie under a key of its unit that was
 * followed by another. */
rx_err rx_case_stale(struct rx_case *c, struct rx_session *s, bool *stale,
    struct rx_status *st) RX_MUST_USE;
/* Give the loaded case, of which all keys are held, new ones for what is written
 * from now on.  In a transaction; its slots are to be written then. */
rx_err rx_case_renew(struct rx_case *c, struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;
/* The same under the keys of ${unit}, whose case it is from now on. */
rx_err rx_case_move(struct rx_case *c, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], struct rx_status *st) RX_MUST_USE;
/* Load case ${id} of ${unit}, whose keys the session has not, with its newest
 * ${keys}, of ${epoch}, that somebody gave it; RX_ECONFLICT (TRANSFER_OVER) when
 * they are not the newest any more. */
rx_err rx_case_load_given(struct rx_case *c, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    uint32_t epoch, const struct rx_key keys[3], struct rx_status *st)
    RX_MUST_USE;

/* ---- slot.c: who else reaches a case, while it is flagged ---- */

/* Add identity and narrative keys from the session's own slot, if it is open:
 * *opened tells; RX_ECORRUPT (GRANT_CORRUPT), also when the row of slot_key is not
 * of these keys, or they are not those of the child's identity. */
rx_err rx_case_load_slot(struct rx_case *c, struct rx_session *s,
    bool *opened, struct rx_status *st) RX_MUST_USE;
/* The same with a slot that is not stored, and a row of slot_key (epoch 0: none) to
 * be tried after the one that is; none of these keys may be held.  RX_OK and not
 * opened: it is one that is closed. */
struct rx_slot_seen {
	enum rx_table table;	/* that the slot is of */
	const void *box;
	size_t n;
	int64_t epoch;
	const void *key[2];
	size_t nkey[2];
};
rx_err rx_case_try_slot(struct rx_case *c, struct rx_session *s,
    const struct rx_slot_seen *seen, bool *opened, struct rx_status *st)
    RX_MUST_USE;
/* Seal the newest keys of the case, which are held, for its slots.  In a
 * transaction. */
rx_err rx_slot_keys_put(struct rx_case *c, struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;
/* Write every slot of the case anew: open ones for the reviewers when
 * ${flagged} (also those of the next ${above} levels), closed ones for
 * everybody else, as far as it has them from ${aside} (ahead.c; NULL allowed).  In
 * a transaction. */
struct rx_aside;
rx_err rx_slots_write(struct rx_case *c, struct rx_session *s, bool flagged,
    unsigned above, struct rx_aside *aside, struct rx_status *st) RX_MUST_USE;

/* One slot, to be sealed by any thread that has the session's keys to read, and
 * then inserted by the one that has the store. */
struct rx_slot {
	struct rx_grant_context ctx;	/* its subject is the case */
	const struct rx_key *keys[RX_GRANT_KEYS];
	enum rx_grant_kind kind;
	uint8_t recipient[RX_ID_BYTES];
	uint8_t box_public[RX_BOX_PUBLIC_BYTES];
	uint8_t box[RX_GRANT_BYTES];
};
rx_err rx_slot_seal(struct rx_slot *w, const struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_slot_insert(const struct rx_slot *w, struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;
/* The closed slots of the case, ${most} at the most, unsealed: how many.  And
 * whether two are the same but for their seals. */
size_t rx_slots_closed(const struct rx_case *c, const struct rx_session *s,
    struct rx_slot *slots, size_t most);
bool rx_slot_same(const struct rx_slot *a, const struct rx_slot *b);
/* rx_slots_write of a case without a flag, of which no key need be loaded, but for
 * what slots lead to; they are in the store after rx_ahead_drain. */
struct rx_ahead;
rx_err rx_slots_close(struct rx_case *c, struct rx_session *s,
    struct rx_ahead *a, struct rx_status *st) RX_MUST_USE;

/* Whether slots of the case lead anywhere; to what is not looked at. */
rx_err rx_slot_keys_there(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    bool *there, struct rx_status *st) RX_MUST_USE;
/* Delete every slot of case ${id} and the row of slot_key; *count grows by as many
 * as there were slots. */
rx_err rx_slots_forget(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    uint32_t *count, struct rx_status *st) RX_MUST_USE;
/* Delete the slots of ${user}, of every case. */
rx_err rx_slots_forget_to(struct rx_session *s,
    const uint8_t user[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;

/* How many levels above the one that reviews flags of ${unit} first ${user}
 * supervises it; -1 when he does not. */
int rx_review_step(const struct rx_session *s,
    const char unit[RX_UNIT_BYTES], const uint8_t user[RX_ID_BYTES]);
/* Whether there is a supervisor of ${unit} on the level ${step}, or above. */
bool rx_review_reaches(const struct rx_session *s,
    const char unit[RX_UNIT_BYTES], unsigned step);

/* Whether ${user} is the only one at the level that reviews flags of ${unit}
 * first. */
bool rx_reviews_alone(const struct rx_session *s,
    const char unit[RX_UNIT_BYTES], const uint8_t user[RX_ID_BYTES]);

/* Write the slots of the cases of ${unit} anew where a supervisor has none yet,
 * or somebody has one who is no supervisor of it any more; a transaction is
 * begun at the first. */
rx_err rx_slots_heal(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    size_t *made, struct rx_status *st) RX_MUST_USE;
/* Seal every slot of this session to its new keys ${to}. */
rx_err rx_slots_rekey(struct rx_session *s, const struct rx_identity *to,
    struct rx_status *st) RX_MUST_USE;

/* Seal ${r} and insert it as a row: child, record or activity by its type.
 * id, version, child, unit, author, at are set by the caller.  ${c} is its
 * case, NULL for an activity. */
rx_err rx_row_insert(struct rx_session *s, struct rx_case *c,
    const struct rx_record *r, struct rx_status *st) RX_MUST_USE;
/* The same in three steps: what is to be sealed, ${tag} and keys are gathered; it is
 * sealed and signed, for which nothing of the session is changed and no memory
 * taken, so that another thread may do it; the row is inserted.  One struct
 * serves any number of records, and is freed (wiped) at the end. */
#define RX_IDENTITY_BOXES 7
struct rx_sealing {
	struct rx_record r;		/* without its data */
	uint8_t tag[RX_ID_BYTES];
	const struct rx_key *key[3];	/* I, N, C: those that are needed */
	uint32_t epoch;
	struct rx_buf plain;		/* of the coded box */
	struct rx_buf other;		/* identity texts, or the narrative */
	size_t text_end[RX_IDENTITY_BOXES];
	struct rx_buf boxes, coded;	/* sealed */
	size_t end[RX_IDENTITY_BOXES];	/* of the identity boxes */
	struct rx_buf row;		/* as it is counted */
};
void rx_sealing_init(struct rx_sealing *w);
void rx_sealing_free(struct rx_sealing *w);
rx_err rx_sealing_gather(struct rx_sealing *w, struct rx_session *s,
    const struct rx_case *c, const struct rx_record *r,
    const uint8_t tag[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;
/* Whether what was gathered is the record ${r}, to be sealed under the newest keys
 * of the case. */
bool rx_sealing_is(const struct rx_sealing *w, const struct rx_case *c,
    const struct rx_record *r);
rx_err rx_sealing_seal(struct rx_sealing *w, const struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_sealing_insert(const struct rx_sealing *w, struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;
/* The last two of ${n} records, RX_LOT at the most: those that have room for a path in
 * their padding share a signature (crypto/lot.h).  ${m}: what the rows add to the
 * manifest, and rx_store_count then counts. */
rx_err rx_sealing_seal_lot(struct rx_sealing *const *w, size_t n,
    const struct rx_session *s, struct rx_manifest *m, struct rx_status *st)
    RX_MUST_USE;
rx_err rx_sealing_insert_counted(const struct rx_sealing *w,
    struct rx_session *s, struct rx_status *st) RX_MUST_USE;
/* Decode the row under ${cur} (columns of CHILD, RECORD or ACTIVITY) into
 * ${r}, the compartments of ${comps} for which there is a key.  The author's
 * signature is checked when ${verify}. */
rx_err rx_row_open(struct rx_session *s, struct rx_case *c,
    const struct rx_cursor *cur, enum rx_table table, unsigned comps,
    bool verify, struct rx_record *r, struct rx_status *st) RX_MUST_USE;
/* The same of the coded box of a child or a record, in steps: the clear columns are
 * read, and say which case it is of; the box is taken from the row, with the key
 * to it; it is opened, for which nothing of the session is changed, so that
 * another thread may do it.  The tag is not read: this is for counting, which
 * finds nothing by it. */
struct rx_opening {
	struct rx_record r;
	enum rx_table table;
	const struct rx_key *key;
	const uint8_t *key_id;		/* of key; the caller sets it */
	struct rx_buf box, plain;
};
void rx_opening_free(struct rx_opening *w);	/* wipes; zeros to begin with */
rx_err rx_opening_row(struct rx_opening *w, enum rx_table table,
    const struct rx_cursor *cur, struct rx_status *st) RX_MUST_USE;
rx_err rx_opening_gather(struct rx_opening *w, struct rx_session *s,
    const struct rx_case *c, const struct rx_cursor *cur, struct rx_status *st)
    RX_MUST_USE;
rx_err rx_opening_open(struct rx_opening *w, const struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;

/* ---- ring.c: work that other threads do ---- */

/*
 * A ring of ${n} slots of the caller's.  He fills the one after the other;
 * ${work} is done on each by any thread, in any order; he takes them back in the
 * order in which he filled them.  So only he needs store and session.  ${wake}
 * slots are to wait before another thread is woken: waking costs more than a
 * little work.
 */
struct rx_ring;
rx_err rx_ring_new(struct rx_ring **out, size_t n, size_t wake,
    rx_err (*work)(void *cookie, size_t slot), void *cookie,
    struct rx_status *st) RX_MUST_USE;
/* Ends the threads; what still waits is not worked on.  NULL is allowed. */
void rx_ring_free(struct rx_ring *r);
/* The slot to be filled next, not while the ring is full; it is filled. */
bool rx_ring_full(const struct rx_ring *r);
size_t rx_ring_next(const struct rx_ring *r);
void rx_ring_put(struct rx_ring *r);
/* The oldest slot, worked on, and how that ended; false when there is none.  It
 * is filled again only after the next call. */
bool rx_ring_take(struct rx_ring *r, size_t *slot, rx_err *rc);

/* ---- scan.c: the coded records of many cases in one pass ---- */

struct rx_scan;
rx_err rx_scan_new(struct rx_scan **out, struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;
void rx_scan_free(struct rx_scan *w);	/* NULL is allowed */
/* Gather the coded keys of the loaded case, not when it is full; and open the row
 * of its child under ${cur}, which is handed to ${each} by this or a later call. */
rx_err rx_scan_child(struct rx_scan *w, const struct rx_case *c,
    const struct rx_cursor *cur, rx_err (*each)(void *,
    const struct rx_record *, struct rx_status *), void *cookie,
    struct rx_status *st) RX_MUST_USE;
bool rx_scan_full(const struct rx_scan *w);
/* The live records of the cases gathered so far, in no order; then none is
 * gathered. */
rx_err rx_scan_records(struct rx_scan *w, rx_err (*each)(void *,
    const struct rx_record *, struct rx_status *), void *cookie,
    struct rx_status *st) RX_MUST_USE;

/* ---- version.c ---- */

/* Whether the version ${r} (of the case ${c}; NULL: of an activity), which is
 * stored and came from elsewhere, can be one of the record that the other stored
 * ones of its id are of: same case, unit and kind, of a kind that is corrected,
 * no far number.  RX_ECORRUPT (BUNDLE_VERSION) when it cannot. */
rx_err rx_version_fits(struct rx_session *s, struct rx_case *c,
    enum rx_table table, const struct rx_record *r, struct rx_status *st)
    RX_MUST_USE;

/* The same of the child of the loaded case, its live version.  RX_ENOENT
 * (CHILD_UNKNOWN). */
rx_err rx_child_open(struct rx_session *s, struct rx_case *c, unsigned comps,
    bool verify, struct rx_record *r, struct rx_status *st) RX_MUST_USE;
/* Of the identity of the loaded case's child, whose coded data ${r} has, the name
 * alone; the id number too when ${number}. */
rx_err rx_child_name_open(struct rx_session *s, struct rx_case *c,
    bool number, struct rx_record *r, struct rx_status *st) RX_MUST_USE;
/* The blind index of a caller's id, scoped to the unit. */
rx_err rx_tag(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    enum rx_type type, const char *caller_id, uint8_t tag[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;

/* What the coded records of a case add up to. */
struct rx_case_state {
	unsigned observations, interventions;
	int64_t risk;
	int32_t last, due;
	bool flagged, withdrawn, closed;
	bool moved;		/* has records of a unit it was in before */
	unsigned above;		/* levels above the first that review it too */
	int32_t closed_on;	/* latest closing outcome; 0 when none */
	int32_t consent_on;	/* date of the newest record of consent */
	int32_t kept_until, kept_on;	/* by the newest decision to keep; 0 */
	int32_t birth;		/* month, of the child */
	uint32_t version;	/* of the child's row */
	uint32_t reviewed;	/* newest epoch of case keys under a review */
};
/* Flags of a case, in memory. */
struct rx_flag {
	uint8_t id[RX_ID_BYTES];
	uint8_t author[RX_ID_BYTES];	/* of the version that counts */
	uint8_t raiser[RX_ID_BYTES];	/* of the first that raised it */
	uint8_t live[RX_ID_BYTES];	/* digest of the version that counts */
	enum rx_type raised_by;
	bool by_rule;
	bool corrected, again;	/* as in rx_flag_row, as is was */
	enum rx_flag_state state;
	unsigned escalations;
	unsigned levels;	/* above the first that review it too */
	bool urgent;		/* by rule, or the case is red now */
	int64_t due;		/* an answer, ms */
	uint64_t signs;			/* as in rx_flag_row */
	int64_t was;
	int32_t date;
	int64_t at;
	int64_t since;			/* as in rx_flag_row */
	int64_t answered;	/* the latest review, ms; 0 when none */
	char caller_id[RX_CALLER_ID_BYTES];
};
/* Read the child and every record of the loaded case; ${*flags} is an array of
 * ${*nflags} that the caller frees. */
rx_err rx_case_read(struct rx_session *s, struct rx_case *c,
    struct rx_record *child, struct rx_case_state *state,
    struct rx_flag **flags, size_t *nflags, struct rx_status *st) RX_MUST_USE;
/* What hangs on the hour and on who is a member, and not on the rows alone. */
void rx_flags_now(const struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_case_state *state, struct rx_flag *flags, size_t n);
/* rx_case_read without the child; ${flags} may be NULL. */
rx_err rx_case_state(struct rx_session *s, struct rx_case *c,
    struct rx_case_state *state, struct rx_flag **flags, size_t *nflags,
    struct rx_status *st) RX_MUST_USE;
/* Load the case ${id} with all its keys, and read it.  *opens is false for one that is
 * damaged, of a unit for which the session does not write (any more), or under keys that
 * are not to be had: whoever reads it is told that, and nobody is to be kept out of the
 * rest by it. */
rx_err rx_case_try(struct rx_case *c, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    struct rx_case_state *state, bool *opens, struct rx_status *st)
    RX_MUST_USE;
/* rx_case_state, kept, so that what is saved now need not be read again: the state
 * with the record ${r} in it, which was just stored (its epoch set).  *fits is
 * false, and nothing is added, when ${r} corrects another or does not come after
 * all of them: then the case is to be read.  In one transaction only. */
struct rx_case_sum;
rx_err rx_case_sum_new(struct rx_case_sum **out, struct rx_session *s,
    struct rx_case *c, struct rx_status *st) RX_MUST_USE;
rx_err rx_case_sum_add(struct rx_case_sum *sum, const struct rx_record *r,
    bool *fits, struct rx_status *st) RX_MUST_USE;
const struct rx_case_state *rx_case_sum_state(const struct rx_case_sum *sum);
/* Whether the flag of the record ${id} was answered, not just handed up. */
bool rx_case_sum_answered(const struct rx_case_sum *sum,
    const uint8_t id[RX_ID_BYTES]);
/* What the form counts of it; borrowed, and may be moved out. */
struct rx_extract *rx_case_sum_extract(struct rx_case_sum *sum);
void rx_case_sum_free(struct rx_case_sum *sum);	/* wipes; NULL is allowed */

/* ---- passage.c ---- */

/* That a case came to another unit (passage.c has the bytes). */
#define RX_PASSAGE_BYTES 344
struct rx_passage {
	uint32_t version;		/* of the child, written there */
	uint32_t epoch;			/* of the keys that the case got there */
	char from[RX_UNIT_BYTES], to[RX_UNIT_BYTES];
	uint8_t who[RX_ID_BYTES];	/* accepted it */
	int64_t at;
	uint8_t child[RX_HASH_BYTES];	/* of that version's row */
	uint8_t keys[RX_HASH_BYTES];	/* of the rows of keys */
	struct rx_grant_proof offer;
};
/* The loaded case has come to its unit with the version ${r}: sign and insert the
 * statement of it; of ${m} from and offer are set by the caller. */
rx_err rx_passage_add(struct rx_session *s, const struct rx_case *c,
    struct rx_passage *m, const struct rx_record *r, struct rx_status *st)
    RX_MUST_USE;
/* Take the ${n} bytes ${statement} apart; false when they are none. */
bool rx_passage_read(struct rx_passage *m, const void *statement, size_t n);
/* Whether a director of the unit that the case of ${child} came to signed the
 * ${statement}, of which ${m} was read, and was offered it by one of the unit that
 * it left; both at work then. */
bool rx_passage_true(const struct rx_session *s,
    const uint8_t child[RX_ID_BYTES], const struct rx_passage *m,
    const uint8_t statement[RX_PASSAGE_BYTES]);
void rx_passage_child_hash(uint8_t hash[RX_HASH_BYTES], const void *row,
    size_t n);
void rx_passage_keys_hash(uint8_t hash[RX_HASH_BYTES], const void *rows,
    size_t n);
/* Append the moves of case ${id}, each a struct rx_passage, oldest first. */
rx_err rx_passages_load(struct rx_buf *moves, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;
/* Delete them. */
rx_err rx_passages_forget(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;

/* ---- transfer.c ---- */

/* New slots of the loaded case, as its flags are now. */
rx_err rx_slots_now(struct rx_session *s, struct rx_case *c,
    struct rx_status *st) RX_MUST_USE;
/* What the audit calls the acceptance of a transfer. */
#define RX_TRANSFER_ACCEPTED "accept"
/* The loaded case has new keys: an open offer hands these on. */
rx_err rx_transfer_follow(struct rx_case *c, struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;
/* *over: somebody who refused the case knows its newest keys, of ${epoch}. */
rx_err rx_transfer_over(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    uint32_t epoch, bool *over, struct rx_status *st) RX_MUST_USE;
/* Director, at sign-in: new keys for cases that were refused; open offers reach
 * those who are directors of the other unit now.  Transactions of its own. */
rx_err rx_transfers_heal(struct rx_session *s, struct rx_status *st)
    RX_MUST_USE;

/* ---- address.c ---- */

/* The address of the session's user for ${unit}, which he directs. */
rx_err rx_address_own(struct rx_address *a, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], struct rx_status *st) RX_MUST_USE;
/* RX_EPERM (TRANSFER_FINGERPRINT) unless ${text} has the digits of ${a}. */
rx_err rx_address_compare(const struct rx_address *a, const char *text,
    struct rx_status *st) RX_MUST_USE;

/* ---- origin.c: what another register wrote of a case ---- */

/* Such a history, opened and verified, every row of it. */
struct rx_view {
	struct rx_session s;	/* that register: its rows of the case, its
				 * authors; nobody is signed in */
	struct rx_case c;	/* with the keys it had there */
	struct rx_address from;
	struct rx_secret *mem;
	size_t records;		/* versions of records */
};
/* Open the ${n} bytes ${p}: RX_ECORRUPT (TRANSFER_FILE_CORRUPT, or what a row
 * says).  To be closed with rx_view_close, which takes NULL. */
rx_err rx_view_open(struct rx_view **out, const struct rx_session *s,
    const uint8_t *p, size_t n, struct rx_status *st) RX_MUST_USE;
void rx_view_close(struct rx_view *v);
/* All versions of the child, then of its records in the order of recording, then
 * those that lost against others; verified, and the compartments of ${comps}
 * opened. */
rx_err rx_view_each(struct rx_view *v, unsigned comps,
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/* Append the history of the loaded case, of which all keys are held. */
rx_err rx_view_make(struct rx_buf *out, struct rx_session *s,
    const struct rx_case *c, struct rx_status *st) RX_MUST_USE;
/* Keep the ${n} bytes ${p} as the history number ${no} (from 1) of the loaded
 * case; append all that are kept, each length 4 || bytes; *count counts; delete
 * them. */
rx_err rx_origin_put(struct rx_session *s, const struct rx_case *c,
    unsigned no, const uint8_t *p, size_t n, struct rx_status *st)
    RX_MUST_USE;
rx_err rx_origins_read(struct rx_buf *out, unsigned *count,
    struct rx_session *s, const struct rx_case *c, struct rx_status *st)
    RX_MUST_USE;
rx_err rx_origins_forget(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;

/* ---- arrival.c ---- */

/* Find the parts of the opened body ${p} of a case that comes: reason and number
 * of registers are put in ${in}, where the histories begin, each length 4 || bytes,
 * in ${*first}.  RX_ECORRUPT unless every length fits and nothing is left over. */
rx_err rx_arrival_parts(struct rx_arrival *in, size_t *first,
    const uint8_t *p, size_t n, struct rx_status *st) RX_MUST_USE;

/* ---- departure.c ---- */

/* RX_ECONFLICT (TRANSFER_AWAY) while the case ${id} is offered to another
 * register: what was written now would be lost. */
rx_err rx_departure_refuse(struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;
/* In a transaction: the open offer is withdrawn; RX_ENOENT (TRANSFER_NONE). */
rx_err rx_departure_withdraw(struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;
rx_err rx_departures_forget(struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;

/* A receipt; what is signed, and the answer's reason, under ${key}. */
struct rx_receipt {
	enum rx_answer answer;
	uint8_t sender[RX_ID_BYTES], receiver[RX_ID_BYTES];	/* stores */
	uint8_t child[RX_ID_BYTES];
	uint64_t number;
	int64_t at;
	uint8_t digest[RX_HASH_BYTES];	/* of the file */
	uint8_t cert[RX_ID_BYTES];
	const uint8_t *box;
	size_t nbox;
	const uint8_t *p;	/* the whole of it */
	size_t n;
};
rx_err rx_receipt_make(struct rx_buf *out, const struct rx_receipt *r,
    const uint8_t key[RX_KEY_BYTES], const char *reason,
    const uint8_t sign_secret[64], struct rx_status *st) RX_MUST_USE;
/* RX_ECORRUPT (RECEIPT_CORRUPT). */
rx_err rx_receipt_read(struct rx_receipt *r, const uint8_t *p, size_t n,
    struct rx_status *st) RX_MUST_USE;
bool rx_receipt_signed(const struct rx_receipt *r,
    const uint8_t sign_public[RX_SIGN_PUBLIC_BYTES]);
rx_err rx_receipt_reason(struct rx_buf *out, const struct rx_receipt *r,
    const uint8_t key[RX_KEY_BYTES], struct rx_status *st) RX_MUST_USE;

/* ---- review.c ---- */

/* Director: hand the cases whose urgent flag is overdue on to the level above
 * its reviewers, each once and each entered in the audit; called at sign-in. */
rx_err rx_overdue_pass(struct rx_session *s, struct rx_status *st)
    RX_MUST_USE;

/* ---- known.c: what the session has read ---- */

/* A case.  How high its flags have come (levels, above), which hangs on the
 * hour, is of when it was asked for. */
struct rx_known {
	uint8_t id[RX_ID_BYTES];
	bool read;			/* what follows was */
	struct rx_case_state state;
	struct rx_flag *flags;
	size_t nflags;
	uint8_t author[RX_ID_BYTES];	/* of the child's row, as are these */
	int64_t at;
	uint32_t epoch;
	struct rx_buf coded;
	bool named;			/* has texts in the unit's names */
	size_t text;			/* where they begin */
};
struct rx_known_unit {
	char unit[RX_UNIT_BYTES];
	bool listed;			/* k are its live children, by id */
	struct rx_known *k;
	size_t n;
	struct rx_secret *names;	/* or NULL */
};
/* The cases of ${unit}, as they are now; none of them need be read.  To be used
 * in one reading of the store, until the next call. */
rx_err rx_known_unit(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_known_unit **out, struct rx_status *st) RX_MUST_USE;
/* Read the case ${k} of ${u}, unless it is. */
rx_err rx_known_read(struct rx_session *s, struct rx_case *c,
    const struct rx_known_unit *u, struct rx_known *k, struct rx_status *st)
    RX_MUST_USE;
/* Both, of the one case ${id}. */
rx_err rx_case_known(struct rx_session *s, struct rx_case *c,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    struct rx_known **known, struct rx_status *st) RX_MUST_USE;
/* The child's record, coded data only, of a case that was read; the row of a list
 * with ${r}. */
rx_err rx_known_child(const struct rx_known_unit *u, const struct rx_known *k,
    struct rx_record *r, struct rx_status *st) RX_MUST_USE;
void rx_known_row(const struct rx_known *k, const struct rx_record *r,
    struct rx_child_row *row);
/* Whether its name lies in the memory of the session. */
bool rx_known_named(const struct rx_known_unit *u, const struct rx_known *k);
/* Make the entries of ${u} those of ${ids}, sorted; what is known of one stays. */
rx_err rx_known_list(struct rx_known_unit *u, const struct rx_buf *ids,
    struct rx_status *st) RX_MUST_USE;
/* The entry of the case ${id}; NULL when there is none. */
struct rx_known *rx_known_find(const struct rx_known_unit *u,
    const uint8_t id[RX_ID_BYTES]);

/* ---- names.c: names of many cases in one pass ---- */

#define RX_NAMES_TEXTS 3	/* of a case, that are searched */
struct rx_names {
	struct rx_buf text;
	size_t *at;		/* by place in the unit: 1 + where the texts begin,
				 * each with its NUL; 0: not opened */
};
/* Open the names of those cases of ${u} that are ${wanted} (NULL: all), for a
 * ${search} all that rx_known_texts tells; the cases need not be read, and if ${u} is
 * not listed it is then.  None that lie in the memory of the session, and none when
 * they are few of the unit's.  ${out}, zeros to begin with, is freed (wiped) by the
 * caller. */
rx_err rx_names_open(struct rx_names *out, struct rx_session *s,
    struct rx_known_unit *u, const bool *wanted, bool search,
    struct rx_status *st) RX_MUST_USE;
void rx_names_free(struct rx_names *names);

/* Add the name to ${r}, and nothing else of the identity: one of ${names} (may be
 * NULL), or opened by itself. */
rx_err rx_known_name(struct rx_session *s, struct rx_case *c,
    const struct rx_known_unit *u, const struct rx_known *k,
    const struct rx_names *names, struct rx_record *r, struct rx_status *st)
    RX_MUST_USE;
/* rx_known_unit, and what one searches for in these cases, none of which need be
 * read: of each, from k[i].text on, name, caller's id and id number, the last two in
 * small letters; each ends with NUL.  It lies in memory of the session, or, when not
 * so much may be locked, in ${scratch}, which the caller frees. */
rx_err rx_known_texts(struct rx_session *s, struct rx_case *c,
    const char unit[RX_UNIT_BYTES], struct rx_known_unit **out,
    struct rx_buf *scratch, const char **texts, size_t *n,
    struct rx_status *st) RX_MUST_USE;
/* A to Z become small. */
void rx_text_fold(char *text);
/* Wipe and forget all of it. */
void rx_known_free(struct rx_session *s);
/* The place of ${unit}, a new one, not listed, when there is none. */
rx_err rx_known_place(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_known_unit **out, struct rx_status *st) RX_MUST_USE;
/* Whether the audit up to ${head} goes on from where it ended when the session
 * read last, not far, and all that was written since is known case by case; those
 * cases are to be read again then. */
bool rx_known_follows(struct rx_session *s, const struct rx_audit_head *head);
/* How many cases are known, read or not. */
size_t rx_known_cases(const struct rx_session *s);
/* At the end of a list, outside a transaction: keep it for the user's next
 * session, when ${least} cases and more than a few of all were read anew since it
 * was kept last, or the audit has gone far on. */
#define RX_KEEP_LEAST 32
rx_err rx_known_keep(struct rx_session *s, size_t least,
    struct rx_status *st) RX_MUST_USE;

/* ---- kept.c: the same from one session to the next ---- */

/* Keep what the session knows and what is still so, in a transaction of its own.
 * Nothing is kept of very many cases, nor by who is no member any more or has new
 * keys; that the disk is full or somebody else at the files is no failure. */
rx_err rx_kept_save(struct rx_session *s, struct rx_status *st) RX_MUST_USE;
/* Forget what the session knows, and know what was kept instead, as of known_to,
 * which may not be on the chain; nothing when it does not open or is of other
 * settings. */
rx_err rx_kept_load(struct rx_session *s, struct rx_status *st) RX_MUST_USE;
/* In a transaction: delete what is kept for ${user}; for everybody (NULL). */
rx_err rx_kept_forget(struct rx_session *s, const uint8_t *user,
    struct rx_status *st) RX_MUST_USE;

/* ---- audit.c ---- */

#define RX_AUDIT_DETAIL 360	/* bytes of detail that an entry holds */

/* What an entry says, apart from the digests that bind it to the rows. */
struct rx_audit_entry {
	uint64_t seq;
	int64_t time;
	enum rx_action action;
	uint8_t actor[RX_ID_BYTES];
	uint8_t subject[RX_ID_BYTES];	/* zero: none */
	uint8_t detail[RX_AUDIT_DETAIL];
	size_t n;
};
/* What may be other after an action than it was before, of all that is worked out
 * of the rows of cases and activities. */
enum rx_effect {
	RX_EFFECT_NONE,
	RX_EFFECT_CASE,		/* the subject's case, or an activity, has more rows */
	RX_EFFECT_MORE,		/* there are more rows, or they are read otherwise */
	RX_EFFECT_KEYS,		/* who holds which keys */
	RX_EFFECT_ANY		/* rows are gone, or came in another order, too */
};
enum rx_effect rx_action_effect(enum rx_action action);
/* Whether the detail is a sealed reason. */
bool rx_audit_reasoned(const struct rx_audit_entry *e);
/* Open the entry under ${cur}, a row of AUDIT, without verifying who made it.  If
 * what is sealed has no sensible length, or its detail is neither text nor a
 * reason, the entry is RX_DID_UNREADABLE without a detail. */
rx_err rx_audit_peek(struct rx_session *s, const struct rx_cursor *cur,
    struct rx_audit_entry *e, struct rx_status *st) RX_MUST_USE;
/* The same of entry ${seq}; *found is false when there is none. */
rx_err rx_audit_peek_at(struct rx_session *s, uint64_t seq,
    struct rx_audit_entry *e, bool *found, struct rx_status *st) RX_MUST_USE;
/* Whether an entry ${fits}: from the newest back to the first one that is older
 * than ${since}, ms, which is asked about too. */
rx_err rx_audit_seek(struct rx_session *s, int64_t since,
    bool (*fits)(const void *, const struct rx_audit_entry *),
    const void *cookie, bool *found, struct rx_status *st) RX_MUST_USE;
/* Open entry ${seq}, verified with the entry before it: hash, seal, time, and
 * the actor's signature.  RX_ECORRUPT (AUDIT_BROKEN). */
rx_err rx_audit_entry_at(struct rx_session *s, uint64_t seq,
    struct rx_audit_entry *e, struct rx_status *st) RX_MUST_USE;
/* Number, time and hash of entry ${seq} as they are stored; zeros for entry 0,
 * the one before the first.  RX_ECORRUPT (AUDIT_BROKEN) when there is none. */
rx_err rx_audit_head_at(struct rx_session *s, uint64_t seq,
    struct rx_audit_head *head, struct rx_status *st) RX_MUST_USE;
/* Call ${each} with what was done by every entry after ${from}, each linked by
 * its hash to the one before; ${*head} is the last of them.  RX_ECORRUPT
 * (AUDIT_BROKEN) when ${from} is not on the chain, too. */
rx_err rx_audit_after(struct rx_session *s, const struct rx_audit_head *from,
    struct rx_audit_head *head, rx_err (*each)(void *, enum rx_action,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;
/* Append an entry in the running transaction.  ${subject} may be NULL;
 * ${detail} is at most RX_AUDIT_DETAIL bytes of it; every member can read it. */
rx_err rx_audit_add(struct rx_session *s, enum rx_action action,
    const uint8_t *subject, const void *detail, size_t n,
    struct rx_status *st) RX_MUST_USE;
/* Call ${each} for every entry of ${action}, oldest first, each of them verified
 * (hash, seal, signature of ${user}) with the entry before it. */
rx_err rx_audit_each(struct rx_session *s, enum rx_action action,
    rx_err (*each)(void *, int64_t time, const char *user, const char *detail,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;
/* Verify the newest entry and that the manifest is the one it names. */
rx_err rx_audit_check_head(struct rx_session *s, struct rx_status *st)
    RX_MUST_USE;
/* Whether a clock that shows ${now} can be right when the newest entry of the
 * audit is of ${last}, ms: not when it is years later. */
bool rx_clock_plausible(int64_t now, int64_t last);
/* Begin a transaction to write in.  The head of the audit is verified in it, so
 * that what was changed behind the session is not signed for by the next
 * entry; certificates that others changed are loaded again (RX_EPERM,
 * NOT_A_MEMBER, when the session's own was revoked; RX_ECONFLICT,
 * SESSION_STALE, when it has new keys). */
rx_err rx_begin(struct rx_session *s, struct rx_status *st) RX_MUST_USE;
/* Audit entry and commit; on any failure roll back.  Starts nothing. */
rx_err rx_finish(struct rx_session *s, rx_err rc, enum rx_action action,
    const uint8_t *subject, const char *detail, struct rx_status *st)
    RX_MUST_USE;

/* The same with bytes for the detail. */
rx_err rx_finish_with(struct rx_session *s, rx_err rc, enum rx_action action,
    const uint8_t *subject, const void *detail, size_t n,
    struct rx_status *st) RX_MUST_USE;
/* The same when the entries were made already, the last of them at the end. */
rx_err rx_finish_entered(struct rx_session *s, rx_err rc,
    struct rx_status *st) RX_MUST_USE;
/* Roll back, and forget the keys held: some may have been made in vain. */
void rx_abandon(struct rx_session *s);

/* ---- helpers ---- */

void rx_place_init(struct rx_place *p, const struct rx_session *s,
    const char *unit, const uint8_t *object, const uint8_t *subject,
    enum rx_table table, uint32_t column, uint32_t version);
/* Copy text of at most 16 bytes into a unit id. */
void rx_unit_set(char unit[RX_UNIT_BYTES], const char *text);

#endif
