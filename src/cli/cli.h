#ifndef RX_CLI_CLI_H
#define RX_CLI_CLI_H

/*
 * The command line.  A command is one constant struct: its words, its options,
 * how many operands it takes, its help, and the function that runs it.  The
 * parser (option.c) follows that struct, so a command sees checked values only.
 *
 * Output is collected in a buffer that is wiped, and written when the command
 * has succeeded: a command that fails half way shows nothing but its error.
 */

#include <limits.h>
#include <stdbool.h>

#include "base/json.h"
#include "stats/stats.h"

#define RX_VERSION "0.1.0"

#define RX_CLI_OPTIONS 12	/* of one command, with the end mark */
#define RX_CLI_OPERANDS 16	/* of one command, at most */

struct rx_cli;

enum rx_cli_arg {
	RX_CLI_SWITCH,		/* takes no value */
	RX_CLI_VALUE,
	RX_CLI_NEEDED		/* takes a value and must be given */
};

struct rx_cli_option {
	const char *name;	/* long name; NULL ends the list */
	enum rx_cli_arg arg;
	char letter;		/* short form, 0 when there is none */
};

struct rx_cli_command {
	const char *word[2];	/* "child", "list"; the second may be NULL */
	const char *synopsis;	/* what follows the words */
	enum rx_msg help;	/* one line */
	rx_err (*run)(struct rx_cli *, struct rx_status *);
	unsigned min, max;	/* operands */
	int type;		/* enum rx_type read from stdin, 0 when none,
				 * RX_TYPE_COUNT when a file has any of them */
	struct rx_cli_option options[RX_CLI_OPTIONS];
};

struct rx_cli {
	enum rx_lang lang;
	bool json;
	bool help;			/* --help after the command */
	bool weak;			/* a new passphrase is short: say so */
	bool told;			/* what went wrong was said already */
	const char *dir;		/* the register's folder */
	const char *user;		/* NULL when -u was not given */
	int passphrase_fd;		/* -1 when not given */
	const struct rx_cli_command *command;
	const char *value[RX_CLI_OPTIONS];	/* NULL: not given; a switch: "" */
	const char *operand[RX_CLI_OPERANDS];	/* NULL when not given */
	struct rx_buf out;		/* for stdout, wiped */
	char home[PATH_MAX];		/* the default folder */
};

/* The whole program; returns its exit code. */
int rx_cli_main(int argc, char **argv);

/* ---- option.c ---- */

/* Parse the options that may stand before the command; *used counts the
 * elements of argv that were taken, argv[0] included. */
rx_err rx_cli_parse_global(struct rx_cli *cli, int argc, char **argv,
    int *used, struct rx_status *st) RX_MUST_USE;
/* Parse what follows the command (argv[0] is its last word) into value[] and
 * operand[]; RX_EUSAGE when something is unknown, missing or too much. */
rx_err rx_cli_parse(struct rx_cli *cli, int argc, char **argv,
    struct rx_status *st) RX_MUST_USE;
/* "runxin child show ID [--reason TEXT]" */
void rx_cli_usage(const struct rx_cli_command *c, char *buf, size_t size);

/* Make the folders above the default register folder; none for another, whose
 * place was chosen.  RX_EIO naming the one that cannot be made. */
rx_err rx_cli_make_parents(struct rx_cli *cli, struct rx_status *st)
    RX_MUST_USE;

/* Values of options; RX_EUSAGE naming the option ${name}. */
rx_err rx_cli_number(const char *text, const char *name, unsigned long min,
    unsigned long max, unsigned long *out, struct rx_status *st) RX_MUST_USE;
rx_err rx_cli_date(const char *text, const char *name, int32_t *date,
    struct rx_status *st) RX_MUST_USE;
/* An optional descriptor; -1 when ${text} is NULL. */
rx_err rx_cli_fd(const char *text, const char *name, int *fd,
    struct rx_status *st) RX_MUST_USE;
/* RX_EIO unless a file could be made at ${path}: its folder can be written and
 * it is not a folder itself.  Asked before long work. */
rx_err rx_cli_writable(const char *path, struct rx_status *st) RX_MUST_USE;

/* ---- prompt.c: secrets come from a descriptor or the terminal ---- */

/**
 * rx_cli_passphrase(cli, out, st):
 * The user's passphrase, in guarded memory to be released with rx_secret_free:
 * one line of the descriptor of --passphrase-fd, or typed on /dev/tty without
 * echo.  RX_EUSAGE when there is neither, when it is empty or too long.
 */
rx_err rx_cli_passphrase(struct rx_cli *cli, struct rx_secret **out,
    struct rx_status *st) RX_MUST_USE;
/* A new passphrase from ${fd}, or typed twice on the terminal when ${fd} is
 * -1.  Call it after rx_cli_passphrase: both may come from one descriptor. */
rx_err rx_cli_new_passphrase(struct rx_cli *cli, int fd,
    struct rx_secret **out, struct rx_status *st) RX_MUST_USE;
/* One line of ${fd}, its end dropped, NUL-terminated; read byte by byte, so
 * that what follows stays for the next reader. */
rx_err rx_cli_line(int fd, struct rx_secret **out, struct rx_status *st)
    RX_MUST_USE;
/* The code of custodian ${which}, 0 or 1: one line of ${fd}, or typed on the
 * terminal when ${fd} is -1. */
rx_err rx_cli_code_line(struct rx_cli *cli, int fd, int which,
    struct rx_secret **out, struct rx_status *st) RX_MUST_USE;
/* Ask ${question} on the terminal; RX_EUSAGE (${cancelled}) unless the answer is
 * "yes" or "是".  Not asked when it is ${decided} already (--yes), or by a script:
 * standard input is no terminal. */
rx_err rx_cli_confirm(struct rx_cli *cli, bool decided, enum rx_msg question,
    enum rx_msg cancelled, struct rx_status *st) RX_MUST_USE;

/* Sign -u in to the register; to be released with rx_session_close. */
rx_err rx_cli_session(struct rx_cli *cli, struct rx_session **out,
    struct rx_status *st) RX_MUST_USE;
/* RX_EUSAGE unless -u was given. */
rx_err rx_cli_need_user(struct rx_cli *cli, struct rx_status *st) RX_MUST_USE;

/* ---- output.c ---- */

/* Append the sentence ${msg} and a line end to the output.  Arguments are
 * pairs of placeholder name and value, closed by NULL; control characters in
 * values are replaced. */
rx_err rx_cli_say(struct rx_cli *cli, struct rx_status *st, enum rx_msg msg,
    ...) RX_MUST_USE __attribute__((sentinel));
/* The same on stderr, at once, never failing: hints and warnings. */
void rx_cli_note(struct rx_cli *cli, enum rx_msg msg, ...)
    __attribute__((sentinel));
/* "runxin: …" on stderr for the failure ${st}. */
void rx_cli_complain(const struct rx_cli *cli, const struct rx_status *st);
/* Write the output to stdout and forget it; RX_EIO when it cannot be. */
rx_err rx_cli_flush(struct rx_cli *cli, struct rx_status *st) RX_MUST_USE;
/* Append text without control characters and direction overrides. */
rx_err rx_cli_clean(struct rx_buf *out, const char *s, size_t n,
    struct rx_status *st) RX_MUST_USE;
/* ${obj}[key] = value, which is consumed; a NULL value is "no memory". */
rx_err rx_cli_set(json_t *obj, const char *key, json_t *value,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_cli_append(json_t *array, json_t *value, struct rx_status *st)
    RX_MUST_USE;
/* Print ${o}, which is consumed, as the document of the answer, if ${rc}, how
 * it was filled, is RX_OK; else that. */
rx_err rx_cli_print(struct rx_cli *cli, json_t *o, rx_err rc,
    struct rx_status *st) RX_MUST_USE;
/* *known: whether there is a user ${name} (user.c). */
rx_err rx_cli_user_known(bool *known, struct rx_session *s, const char *name,
    struct rx_status *st) RX_MUST_USE;
/* The name of a code in the user's language; "" for 0. */
const char *rx_cli_code(const struct rx_cli *cli, enum rx_list list,
    int64_t no);
/* Its key as a JSON string, null for 0. */
json_t *rx_cli_code_json(enum rx_list list, int64_t no);
/* A date as a JSON string, null for 0. */
json_t *rx_cli_date_json(int32_t date);
json_t *rx_cli_time_json(int64_t ms);

/* A column of a table that is printed from an array of JSON objects. */
struct rx_cli_column {
	enum rx_msg title;
	const char *key;
	enum rx_list list;	/* the value is a code of it, or several */
	/* When not NULL: makes the cell from the whole row instead. */
	rx_err (*cell)(struct rx_cli *, const json_t *row, struct rx_buf *,
	    struct rx_status *);
};
/* Output ${array}: with --json as it is; otherwise as a table aligned by
 * display width, or the sentence ${empty} when it has no rows.  A column whose
 * key no row has (names, for those who may not see them) is left out. */
rx_err rx_cli_list(struct rx_cli *cli, const json_t *array,
    const struct rx_cli_column *columns, size_t ncolumns, enum rx_msg empty,
    struct rx_status *st) RX_MUST_USE;
/* Sort the objects of ${array} in place. */
rx_err rx_cli_sort(json_t *array, int (*compare)(const void *, const void *),
    struct rx_status *st) RX_MUST_USE;

/* ---- show.c ---- */

/* Output of a case: cookie of rx_child_show's callback. */
struct rx_cli_case {
	struct rx_cli *cli;
	struct rx_session *session;
	json_t *child, *records;	/* with --json */
};
rx_err rx_cli_case_open(struct rx_cli_case *c, struct rx_cli *cli,
    struct rx_session *s, struct rx_status *st) RX_MUST_USE;
rx_err rx_cli_case_each(void *cookie, const struct rx_record *r,
    struct rx_status *st) RX_MUST_USE;
/* One of several versions: printed with who wrote it and when, or with --json
 * appended to ${list}. */
rx_err rx_cli_version(struct rx_cli_case *c, json_t *list,
    const struct rx_record *r, const char *author, struct rx_status *st)
    RX_MUST_USE;
/* With --json move what was collected into ${obj}; and forget it. */
rx_err rx_cli_case_into(struct rx_cli_case *c, json_t *obj,
    struct rx_status *st) RX_MUST_USE;
void rx_cli_case_close(struct rx_cli_case *c);
/* A record as an object, *out, with type, ids, unit, version, time. */
rx_err rx_cli_record_json(json_t **out, const struct rx_record *r,
    struct rx_status *st) RX_MUST_USE;
/* The fields, with their codes, of a record type that is read from stdin. */
rx_err rx_cli_fields_help(struct rx_cli *cli, enum rx_type type,
    struct rx_status *st) RX_MUST_USE;
/* Those of the lines of an import, type by type. */
rx_err rx_cli_lines_help(struct rx_cli *cli, struct rx_status *st) RX_MUST_USE;
const char *rx_cli_type_name(const struct rx_cli *cli, enum rx_type type);

/* ---- child.c ---- */

/* Callback of rx_child_each: append the row to the JSON array ${cookie}. */
rx_err rx_cli_child_row(void *cookie, const struct rx_child_row *row,
    struct rx_status *st) RX_MUST_USE;
/* Set "unit_name" in every row of ${rows} that has a "unit". */
rx_err rx_cli_unit_names(struct rx_session *s, json_t *rows,
    struct rx_status *st) RX_MUST_USE;
/* Cells for the columns of such rows. */
rx_err rx_cli_marks_cell(struct rx_cli *cli, const json_t *row,
    struct rx_buf *out, struct rx_status *st) RX_MUST_USE;

/* ---- save.c ---- */

/* Report what rx_save did with the record ${json}. */
rx_err rx_cli_saved(struct rx_cli *cli, enum rx_type type, const json_t *json,
    const struct rx_save_result *result, struct rx_status *st) RX_MUST_USE;

/* ---- audit.c ---- */

/* Print the head of the audit as "SEQ-HEX", or as JSON. */
rx_err rx_cli_head(struct rx_cli *cli, const struct rx_audit_head *head,
    struct rx_status *st) RX_MUST_USE;

/* The value of an option --anchor: a code as it is, or what is in the file of that
 * name, kept in ${text}, which the caller frees. */
rx_err rx_cli_anchor(const char **anchor, struct rx_buf *text,
    const char *value, struct rx_status *st) RX_MUST_USE;

/* ---- init.c ---- */

/* Write the custodian codes with their explanation to a new file. */
rx_err rx_cli_recovery_write(const char *path, const struct rx_codes *codes,
    bool demo, struct rx_status *st) RX_MUST_USE;

/* ---- moving.c ---- */

/* Answer the file of another register that is the operand; the receipt goes to
 * ${receipt}.  ${digits} and ${receipt} may be NULL: RX_EUSAGE then. */
rx_err rx_cli_arrival_accept(struct rx_cli *cli, const char *digits,
    const char *receipt, struct rx_status *st) RX_MUST_USE;
rx_err rx_cli_arrival_reject(struct rx_cli *cli, const char *reason,
    const char *receipt, struct rx_status *st) RX_MUST_USE;
/* After a case: what other registers wrote of it.  With --json into ${o}. */
rx_err rx_cli_origins(struct rx_cli *cli, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], const char *reason,
    struct rx_cli_case *c, json_t *o, struct rx_status *st) RX_MUST_USE;

/* ---- keys.c ---- */

/* Tell on stderr, when it is a terminal, how far a rotation is. */
void rx_cli_watch(struct rx_cli *cli);

/* ---- the commands ---- */

extern const struct rx_cli_command rx_cli_init, rx_cli_unit_import,
    rx_cli_unit_add, rx_cli_unit_list, rx_cli_user_add, rx_cli_user_list,
    rx_cli_user_disable, rx_cli_passwd, rx_cli_import, rx_cli_child_add,
    rx_cli_child_list, rx_cli_child_show, rx_cli_child_find,
    rx_cli_child_erase, rx_cli_erasure_list, rx_cli_erasure_show,
    rx_cli_erasure_verify, rx_cli_retention_list, rx_cli_retention_keep,
    rx_cli_setting_list, rx_cli_setting_set, rx_cli_observe, rx_cli_intervene,
    rx_cli_activity_add, rx_cli_flag_add, rx_cli_report_add,
    rx_cli_consent_withdraw, rx_cli_consent_give, rx_cli_due,
    rx_cli_review_list, rx_cli_review_show, rx_cli_review_decide,
    rx_cli_export_annex, rx_cli_export_table, rx_cli_release_list,
    rx_cli_release_verify, rx_cli_audit_verify, rx_cli_audit_head,
    rx_cli_audit_list, rx_cli_audit_countersign, rx_cli_audit_anchors,
    rx_cli_bundle_make, rx_cli_bundle_open, rx_cli_bundle_show,
    rx_cli_bundle_list, rx_cli_user_fingerprint,
    rx_cli_backup_create, rx_cli_backup_keys, rx_cli_backup_prune,
    rx_cli_backup_verify,
    rx_cli_backup_restore,
    rx_cli_serve, rx_cli_demo, rx_cli_unit_rotate, rx_cli_user_reset,
    rx_cli_user_handover, rx_cli_handover_list, rx_cli_recover,
    rx_cli_custodian_test, rx_cli_custodian_admin,
    rx_cli_custodian_reissue, rx_cli_child_transfer,
    rx_cli_transfer_list, rx_cli_transfer_accept, rx_cli_transfer_reject,
    rx_cli_transfer_withdraw, rx_cli_transfer_address, rx_cli_transfer_show,
    rx_cli_transfer_receipt;

#endif
