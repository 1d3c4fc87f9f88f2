#ifndef RX_WEB_ADMIN_H
#define RX_WEB_ADMIN_H

/* What the files of the administrator's pages share. */

#include "web/web.h"

rx_page rx_admin_units, rx_admin_unit_add, rx_admin_units_json;
rx_page rx_admin_audit;
rx_page rx_admin_head, rx_admin_countersign;	/* admin_head.c */
rx_page rx_admin_safety, rx_admin_verify, rx_admin_custody;
rx_page rx_admin_backup, rx_admin_backup_form, rx_admin_backup_verify;

/* admin_keys.c: custodian codes, tried and made anew */
rx_page rx_admin_codes_test_form, rx_admin_codes_test, rx_admin_codes_form,
    rx_admin_codes, rx_admin_codes_new, rx_admin_codes_confirm,
    rx_admin_codes_drop;

/* admin_handover.c: who takes over, who starts anew */
rx_page rx_admin_handover_form, rx_admin_handover, rx_admin_reset_form,
    rx_admin_reset;
/* admin_settings.c: what the register chooses for itself */
rx_page rx_admin_settings, rx_admin_settings_save;
/* data.open = [{"leaver","leaver_path","successor"}…]: the handovers that wait;
 * data.open_shown. */
rx_err rx_admin_handovers(const struct rx_request *q, json_t *data,
    struct rx_status *st) RX_MUST_USE;

/* ---- admin.c: people in paths and on pages ---- */

#define RX_ADMIN_PATH_BYTES (5 * RX_USER_NAME_BYTES)
/* The user name ${name} as part of a path, and the one that the path of the
 * request holds. */
void rx_admin_path(char out[RX_ADMIN_PATH_BYTES], const char *name);
void rx_admin_user(const struct rx_request *q, char out[RX_USER_NAME_BYTES]);
/* data.person: the user ${name} with his roles as the list of people shows him;
 * RX_ENOENT (USER_UNKNOWN). */
rx_err rx_admin_person(const struct rx_request *q, json_t *data,
    const char *name, struct rx_status *st) RX_MUST_USE;

/* data: last_verified, verified_age and verified_old of a backup, or
 * never_verified (admin_safety.c). */
rx_err rx_admin_put_verified(json_t *data, const struct rx_request *q,
    struct rx_status *st) RX_MUST_USE;

#endif
