#ifndef RX_WEB_FORM_H
#define RX_WEB_FORM_H

/*
 * Forms for records.  A form's fields are named like the keys of the import
 * object (register/record.def), so that one table drives both ways: from the
 * fields of a form to the object that rx_save takes, and from a record to what
 * a page shows of it.
 *
 * What differs from JSON: a check box that is not ticked is not sent (false),
 * money is typed in yuan, an empty field is absent.  The hidden field "id" is a
 * UUID made when the form is rendered: whoever sends the form twice saves once.
 */

#include "web/web.h"

/* The import object of ${type} made of the form's fields; the caller releases
 * ${*out}.  RX_EUSAGE for an amount that is none or too large. */
rx_err rx_form_json(json_t **out, const struct rx_request *q,
    enum rx_type type, struct rx_status *st) RX_MUST_USE;
/* Put what was typed, so that the form comes back filled in: data.form[key] for
 * texts and ticks, data[key + "_list"] for code lists, data.record_id. */
rx_err rx_form_put(json_t *data, const struct rx_request *q,
    enum rx_type type, struct rx_status *st) RX_MUST_USE;
/* rx_put_error, with the label of a field in the place of its key, which goes to
 * data.error_field: the id of the field, for the summary to lead there. */
rx_err rx_form_error(struct rx_reply *a, const struct rx_request *q,
    struct rx_status *st) RX_MUST_USE;
/* Give the field ${name} a value when it was not sent. */
rx_err rx_form_preset(struct rx_request *q, const char *name,
    const char *value, struct rx_status *st) RX_MUST_USE;
/* Add the values of the object ${json}, as rx_form_json made it, to the
 * fields. */
rx_err rx_form_refill(struct rx_request *q, const json_t *json,
    struct rx_status *st) RX_MUST_USE;

/* The label of a field. */
enum rx_msg rx_form_label(enum rx_field f);
/* The value of ${f} as a reader wants it, appended; nothing when there is none.
 * Of a list of children their number. */
rx_err rx_field_text(struct rx_buf *out, const struct rx_request *q,
    const struct rx_record *r, enum rx_field f, struct rx_status *st)
    RX_MUST_USE;
/* item.facts = [{"label","text"}…]: the fields of ${r} that a reader asks
 * for, lists joined; item.note. */
rx_err rx_put_facts(json_t *item, const struct rx_request *q,
    const struct rx_record *r, struct rx_status *st) RX_MUST_USE;
/* item[key] when there is more than one version. */
rx_err rx_put_versions(json_t *item, const char *key,
    const struct rx_request *q, uint32_t versions, struct rx_status *st)
    RX_MUST_USE;
/* The codes of the list field ${f} of ${r}, joined. */
rx_err rx_put_codes(json_t *item, const char *key,
    const struct rx_request *q, const struct rx_record *r, enum rx_field f,
    struct rx_status *st) RX_MUST_USE;

#endif
