#ifndef RX_BASE_JSON_H
#define RX_BASE_JSON_H

/* The one place that includes jansson.  Its memory is wiped when freed. */

#include <jansson.h>

#include "base/buffer.h"

/* Make jansson use memory that is wiped on free; call once at start. */
void rx_json_init(void);

/**
 * rx_json_parse(out, text, len, st):
 * Parse one JSON object of ${len} bytes, UTF-8, duplicate keys refused, into
 * ${*out}, to be released with json_decref.  RX_EUSAGE when it is not that.
 */
rx_err rx_json_parse(json_t **out, const char *text, size_t len,
    struct rx_status *st) RX_MUST_USE;

/* Append ${json} as UTF-8 text, indented by two, key order kept, and "\n". */
rx_err rx_json_write(struct rx_buf *buf, const json_t *json,
    struct rx_status *st) RX_MUST_USE;

#endif
