#ifndef RX_WEB_STATISTICIAN_H
#define RX_WEB_STATISTICIAN_H

/*
 * What the statistician's pages share.  Everything shown as released is made
 * from the published document of the ledger alone, never from records.
 */

#include "web/web.h"

#define RX_STAT_LABEL 160	/* bytes of a label and NUL */

/* The member ${key} of ${obj} as text; "" when it is none. */
const char *rx_stat_text(const json_t *obj, const char *key);

/* data["units"]: the units that the statistician may count, own ones first,
 * down to ${finest}; ${chosen} is added when it is not among them, and the
 * first stands for it when it is no unit.  data["unit"] is the chosen one. */
rx_err rx_stat_units(json_t *data, const struct rx_request *q,
    enum rx_level finest, const char *chosen, struct rx_status *st)
    RX_MUST_USE;
/* data["form"]["from"], ["to"]: what was typed, else the dates ${from}
 * and ${to} as text. */
rx_err rx_stat_put_period(json_t *data, const struct rx_request *q,
    const char *from, const char *to,
    struct rx_status *st) RX_MUST_USE;
/* The fields from and to; RX_EUSAGE in plain words. */
rx_err rx_stat_period(const struct rx_request *q, int32_t *from, int32_t *to,
    struct rx_status *st) RX_MUST_USE;
/* The field format: csv, xlsx, json. */
rx_err rx_stat_format(const char *text, enum rx_format *format,
    struct rx_status *st) RX_MUST_USE;
/* Answer with the file in a->body, named ${stem} and the format. */
void rx_stat_download(struct rx_reply *a, enum rx_format format,
    const char *stem);

/* The sheet of the published or previewed annex ${doc}, for the template
 * statistician/sheet; ${notes} are shown below it. */
rx_err rx_stat_sheet(json_t *data, const struct rx_request *q,
    const json_t *doc, const json_t *notes, struct rx_status *st) RX_MUST_USE;

/* The dimension called ${key}; NULL when there is none. */
const struct rx_dim_info *rx_stat_dim(const char *key);
/* The label of ${key} on the dimension ${dim} of ${doc} in the reader's
 * language; "*" is the total. */
void rx_stat_label(char out[RX_STAT_LABEL], const struct rx_request *q,
    const json_t *doc, const char *dim, const char *key);
/* "children", "observations", "interventions" in the reader's language. */
const char *rx_stat_count(const struct rx_request *q, const char *key);
/* "sex,month" in words, "" for none. */
void rx_stat_dims(char *out, size_t size, const struct rx_request *q,
    const char *keys);

/* The released table ${doc}: data["heads"], ["rows"] and the legend. */
rx_err rx_stat_grid(json_t *data, const struct rx_request *q,
    const json_t *doc, struct rx_status *st) RX_MUST_USE;
/* data["chart"]: the SVG of ${doc}, a line over months or bars of a single
 * dimension; nothing is put when neither fits. */
rx_err rx_stat_chart(json_t *data, const struct rx_request *q,
    const json_t *doc, struct rx_status *st) RX_MUST_USE;

/* Pages of the other files. */
rx_page rx_stat_table_form, rx_stat_table_make, rx_stat_releases,
    rx_stat_release, rx_stat_release_file, rx_stat_verify,
    rx_stat_to_releases;

#endif
