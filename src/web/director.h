#ifndef RX_WEB_DIRECTOR_H
#define RX_WEB_DIRECTOR_H

/* What the files of the director's pages share. */

#include "web/form.h"

/* The child that the path names. */
rx_err rx_director_child(uint8_t id[RX_ID_BYTES], const struct rx_request *q,
    struct rx_status *st) RX_MUST_USE;
/* What a page shows of one child in a list or above a form: id, name, sex, age,
 * number, categories, risk, due, days (overdue), last, marks. */
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

/* director_case.c */
rx_page rx_director_case, rx_director_reveal;
/* director_forms.c */
rx_page rx_director_child_form, rx_director_child_save,
    rx_director_observe_form, rx_director_observe, rx_director_draft,
    rx_director_intervene_form, rx_director_intervene,
    rx_director_flag_form, rx_director_flag, rx_director_report_form,
    rx_director_report, rx_director_consent_form, rx_director_consent;
/* director_activity.c */
rx_page rx_director_activities, rx_director_activity_form,
    rx_director_activity_save;

#endif
