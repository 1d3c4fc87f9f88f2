#ifndef RX_WEB_DIRECTOR_H
#define RX_WEB_DIRECTOR_H

/* What the files of the director's pages share. */

#include "web/form.h"

/* The child that the path names. */
rx_err rx_director_child(uint8_t id[RX_ID_BYTES], const struct rx_request *q,
    struct rx_status *st) RX_MUST_USE;
/* The title of the window. */
rx_err rx_director_title(struct rx_reply *a, const struct rx_request *q,
    enum rx_msg title, struct rx_status *st) RX_MUST_USE;
/* Who it is: id, name, sex, aged, number. */
rx_err rx_director_who(json_t *item, const struct rx_request *q,
    const struct rx_record *r, struct rx_status *st) RX_MUST_USE;
/* What a page shows of one child in a list or above a form: the above,
 * categories, risk, due, days and late_by (overdue), last, kept, over_why and
 * over_since (its time is over), withdrawn_on, marks. */
rx_err rx_director_item(json_t *item, const struct rx_request *q,
    const struct rx_child_row *row, struct rx_status *st) RX_MUST_USE;
/* data.child of the child ${id}, masked; its risk in *risk (may be NULL). */
rx_err rx_director_head(struct rx_reply *a, const struct rx_request *q,
    const uint8_t id[RX_ID_BYTES], int64_t *risk, struct rx_status *st)
    RX_MUST_USE;
/* data.today, for the latest date that a form takes. */
rx_err rx_director_today(json_t *data, struct rx_status *st) RX_MUST_USE;

/* data.units = [{"key","name","checked"}…]: those that the session writes for;
 * data.several_units.  (director_forms.c) */
rx_err rx_director_units(struct rx_reply *a, const struct rx_request *q,
    bool activities, struct rx_status *st) RX_MUST_USE;
/* Leave out of data.kind_list what is an activity, or (${activities}) what is
 * none. */
void rx_director_kinds(json_t *data, bool activities);

/* The page with the form for a record of ${type} about the child ${id}, or
 * (RX_CHILD) for the child itself; data.action is where it goes. */
rx_err rx_director_form(struct rx_request *q, struct rx_reply *a,
    enum rx_type type, const uint8_t id[RX_ID_BYTES], struct rx_status *st)
    RX_MUST_USE;
/* data.units has ${unit} alone. */
rx_err rx_director_unit(json_t *data, const struct rx_request *q,
    const char unit[RX_UNIT_BYTES], struct rx_status *st) RX_MUST_USE;
/* The risk that the ticked signs propose, and whether one is urgent. */
const char *rx_director_propose(const struct rx_request *q, bool *urgent);
/* The form of an activity; ${names}: the children's names were asked for. */
rx_err rx_director_activity_put(struct rx_request *q, struct rx_reply *a,
    bool names, struct rx_status *st) RX_MUST_USE;

/* director_doubt.c: what in the object ${json} of a form is odd but may be true;
 * it corrects ${before} (NULL: nothing).  *asked: there is something that the field "sure" does not have; the form is
 * then shown again with data.doubts = [{"name","key","text"}…], and saved when
 * it comes back with those names.  ${self} is the child that the form is about
 * or will make. */
rx_err rx_director_doubts(struct rx_request *q, struct rx_reply *a,
    enum rx_type type, const json_t *json, const json_t *before,
    const uint8_t self[RX_ID_BYTES], bool *asked, struct rx_status *st)
    RX_MUST_USE;

/* director_correct.c: corrections, and what stood before.  ${each} version of
 * an activity is put on its page with the others. */
rx_page rx_director_correct_form, rx_director_correct, rx_director_history,
    rx_director_activity_correct_form, rx_director_activity_correct;
struct rx_versions {		/* for rx_director_version, as cookie */
	const struct rx_request *q;
	json_t *list;		/* data.versions, the latest first */
	json_t *texts;		/* of the version before, by field */
	char unit[RX_UNIT_BYTES];	/* of the version before */
};
rx_version_each rx_director_version;
/* item["moved"]: from where to where the child moved, and when. */
rx_err rx_director_moved(json_t *item, const struct rx_request *q,
    const struct rx_move *m, struct rx_status *st) RX_MUST_USE;

/* director_conflict.c: versions that were written twice, and do not stand.  Of the
 * case ${child} data.conflicts_said; with ${show} data.conflicts too, which is
 * audited.  Of the activity ${id} both. */
rx_err rx_director_conflicts(struct rx_reply *a, const struct rx_request *q,
    const uint8_t child[RX_ID_BYTES], bool show, struct rx_status *st)
    RX_MUST_USE;
rx_err rx_director_activity_conflicts(struct rx_reply *a,
    const struct rx_request *q, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;

/* director_transfer.c: to another village.  data.offer when the case ${id} is
 * offered to another unit, data.offers_wrong when that does not verify;
 * data.incoming and data.outgoing of all offers, and
 * of a supervisor data.others; ${names}: not masked, audited. */
rx_err rx_director_offer_of(const struct rx_request *q, json_t *data,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;
rx_err rx_director_offers(const struct rx_request *q, json_t *data,
    bool names, struct rx_status *st) RX_MUST_USE;
/* director_moved.c: to another register.  Of the case ${id} data.away, its latest
 * offer there, data.is_away while that is open, data.sealed when the file is
 * still kept, and data.origins, how many registers it was in; data.departures of
 * all that were offered. */
rx_err rx_director_moves_of(const struct rx_request *q, json_t *data,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;
rx_err rx_director_moves(const struct rx_request *q, json_t *data,
    bool names, struct rx_status *st) RX_MUST_USE;
rx_page rx_director_transfer_form, rx_director_transfer,
    rx_director_transfer_withdraw, rx_director_units_json,
    rx_director_transfers, rx_director_offer, rx_director_accept,
    rx_director_reject;

/* director_retention.c: files whose time is over.  over_why, over_since. */
rx_err rx_director_over(json_t *item, const struct rx_request *q,
    const struct rx_retention_row *r, struct rx_status *st) RX_MUST_USE;
rx_page rx_director_retention, rx_director_keep_form, rx_director_keep;

/* director_erase.c: erasing a file, and the certificates that stay */
rx_page rx_director_erase_form, rx_director_erase, rx_director_erasures,
    rx_director_erasures_verify, rx_director_erasure;

/* director_case.c */
rx_page rx_director_case, rx_director_reveal;
enum rx_msg rx_director_type(enum rx_type type);
/* director_forms.c */
rx_page rx_director_child_form, rx_director_child_save,
    rx_director_observe_form, rx_director_observe, rx_director_draft,
    rx_director_intervene_form, rx_director_intervene,
    rx_director_flag_form, rx_director_flag, rx_director_report_form,
    rx_director_report, rx_director_consent_form, rx_director_consent;
/* director_activity.c */
rx_page rx_director_activities, rx_director_activity_form,
    rx_director_activity_save, rx_director_activity;

#endif
