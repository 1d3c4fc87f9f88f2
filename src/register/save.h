#ifndef RX_REGISTER_SAVE_H
#define RX_REGISTER_SAVE_H

/*
 * Saving, inside src/register: one saver is one transaction, in which one
 * record or a whole file is stored.
 */

#include "register/internal.h"

struct rx_saver;

/* Begin the transaction.  ${bulk}: dates, not the order of lines, decide
 * whether a record falls before a withdrawal in the same file. */
rx_err rx_saver_new(struct rx_saver **out, struct rx_session *s, bool bulk,
    struct rx_status *st) RX_MUST_USE;
/* Check the parsed record ${r} against the register and store it; ${correct} (not in
 * bulk): also as a correction of the one with its id. */
rx_err rx_saver_put(struct rx_saver *sv, struct rx_record *r, bool correct,
    struct rx_save_result *result, struct rx_status *st) RX_MUST_USE;
/* The same for a record of the known case ${child}. */
rx_err rx_saver_put_case(struct rx_saver *sv, struct rx_record *r,
    const uint8_t child[RX_ID_BYTES], struct rx_save_result *result,
    struct rx_status *st) RX_MUST_USE;
/* Write the slots and the extract of every case that was written and does not rest,
 * audit, commit. */
rx_err rx_saver_finish(struct rx_saver *sv, enum rx_action action,
    const uint8_t *subject, const char *detail, struct rx_status *st)
    RX_MUST_USE;
/* Roll back what is not committed; free.  NULL is allowed. */
void rx_saver_free(struct rx_saver *sv);

/* Bulk, where the lines of another child begin: of a thousand cases write what they
 * add up to, and forget them but for some 50 bytes each; with dates of consent that
 * still count, nothing is forgotten.  A case that is written again is read again. */
rx_err rx_saver_rest(struct rx_saver *sv, struct rx_status *st) RX_MUST_USE;

/* ---- ahead.c: rows that are sealed by other threads ---- */

struct rx_ahead;
rx_err rx_ahead_new(struct rx_ahead **out, struct rx_session *s,
    struct rx_status *st) RX_MUST_USE;
/* Ends the threads; what still waits is not inserted.  NULL is allowed. */
void rx_ahead_free(struct rx_ahead *a);
/* As rx_row_insert, but the row is in the store only after rx_ahead_drain.  An
 * error may be that of a row put before.  ${tag}: that of ${r}, rx_tag. */
rx_err rx_ahead_put(struct rx_ahead *a, const struct rx_case *c,
    const struct rx_record *r, const uint8_t tag[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;
/* The same with a closed slot, rx_slot_insert. */
rx_err rx_ahead_slot(struct rx_ahead *a, const struct rx_slot *w,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_ahead_drain(struct rx_ahead *a, struct rx_status *st) RX_MUST_USE;

/* The record ${r} and the closed slots of its loaded case, which are sealed by
 * another thread from now on; the keys of the case stay until rx_aside_free.  *out is
 * NULL when that cannot be (no memory, no thread): then they are sealed in their turn.
 * More supervisors than these are not foreseen. */
#define RX_ASIDE_SLOTS 8
void rx_aside_start(struct rx_aside **out, struct rx_session *s,
    const struct rx_case *c, const struct rx_record *r);
/* What was sealed, as soon as it is, when that is ${r} under the newest keys of the
 * case, else NULL; and the seal of ${w}, when it is one of the slots (false: it is
 * an open one, or under other keys).  NULL is allowed. */
const struct rx_sealing *rx_aside_row(struct rx_aside *a,
    const struct rx_case *c, const struct rx_record *r);
bool rx_aside_slot(struct rx_aside *a, struct rx_slot *w);
void rx_aside_free(struct rx_aside *a);

/* The case that ${text} names, our UUID or the caller's id, among the units
 * where the session is director or supervisor. */
rx_err rx_case_locate(struct rx_session *s, const char *text,
    uint8_t id[RX_ID_BYTES], char unit[RX_UNIT_BYTES], struct rx_status *st)
    RX_MUST_USE;
/* The same in two steps, for who looks for many: those units, appended to
 * ${units}, and the case among them. */
rx_err rx_locate_units(struct rx_session *s, struct rx_buf *units,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_case_locate_in(struct rx_session *s, const struct rx_buf *units,
    const char *text, uint8_t id[RX_ID_BYTES], char unit[RX_UNIT_BYTES],
    struct rx_status *st) RX_MUST_USE;
/* The unit of case ${id}; RX_ENOENT. */
rx_err rx_case_unit(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    char unit[RX_UNIT_BYTES], struct rx_status *st) RX_MUST_USE;
/* Fail with ${rc}: the case that was meant is one of ${unit} now. */
rx_err rx_case_moved(const char unit[RX_UNIT_BYTES], rx_err rc,
    struct rx_status *st) RX_MUST_USE;
/* Whether another case than ${r}'s has, or once had, the caller's id of the child
 * ${r} in its unit; and the next number of that unit that none has ("001-012",
 * ${size} bytes at most). */
rx_err rx_child_id_taken(struct rx_session *s, const struct rx_record *r,
    bool *taken, struct rx_status *st) RX_MUST_USE;
rx_err rx_child_number(struct rx_session *s, struct rx_record *r,
    char *number, size_t size, struct rx_status *st) RX_MUST_USE;
/* The ids of the live children of ${unit}, appended to ${ids}. */
rx_err rx_child_ids(struct rx_session *s, const char *unit,
    struct rx_buf *ids, struct rx_status *st) RX_MUST_USE;
/* In a transaction: load the case ${id} with the keys that the session may use on
 * it: a director of its unit all, a supervisor those of his slot while it is open. */
rx_err rx_case_load_reading(struct rx_session *s, struct rx_case *c,
    const uint8_t id[RX_ID_BYTES], bool *director, struct rx_status *st)
    RX_MUST_USE;
/* Director: load the case ${id} with all its keys and enter ${detail} of a sight of
 * it, in one transaction: what goes before that is not shown. */
rx_err rx_case_reveal(struct rx_session *s, struct rx_case *c,
    const uint8_t id[RX_ID_BYTES], const char *detail, struct rx_status *st)
    RX_MUST_USE;
/* Enter in the audit that ${n} identities were shown; nothing when none was. */
rx_err rx_audit_reveal(struct rx_session *s, size_t n, const uint8_t *subject,
    const char *detail, struct rx_status *st) RX_MUST_USE;
/* Replace every identity field of ${r} that is set and not in ${shown} (bits
 * 1 << enum rx_field): the name by its first character and a circle, the others
 * by a circle. */
rx_err rx_record_mask(struct rx_record *r, unsigned shown,
    struct rx_status *st) RX_MUST_USE;
/* Seal the ${reason} for the audit under the narrative key ${key}: every member
 * can read the audit, but a reason tells of the child.  Place: object and
 * subject are the case, table AUDIT, column 4.  Cut to what one text holds. */
rx_err rx_reason_seal(struct rx_buf *box, struct rx_session *s,
    const struct rx_case *c, const struct rx_key *key, uint32_t epoch,
    const char *reason, struct rx_status *st) RX_MUST_USE;
/* Delete the session's draft on case ${id}; in a transaction. */
rx_err rx_draft_delete(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;
/* Delete all of the session's drafts; in a transaction. */
rx_err rx_drafts_forget(struct rx_session *s, struct rx_status *st)
    RX_MUST_USE;
/* The keyed units in which the session may do ${act}, appended to ${out}. */
rx_err rx_units_for(struct rx_session *s, enum rx_act act,
    struct rx_buf *out, struct rx_status *st) RX_MUST_USE;

#endif
