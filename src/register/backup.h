#ifndef RX_REGISTER_BACKUP_H
#define RX_REGISTER_BACKUP_H

/*
 * What the files of backups share:
 *
 *	backup.c	a backup of one moment: made, written, read, verified
 *	increment.c	a backup as what differs from the one before it
 *	restore.c	a backup becomes a register again
 *	vault.c		a folder of backups that follow each other
 *
 * A backup is two files: FILE with the sealed content, FILE.keys with the
 * sealed keys; either is useless without the other and a passphrase.  Each is
 *   "RXBK" || version 1 || part 1 (1 content, 2 keys) || days to keep 2 (of
 *   keys; else 0) || store id 16 || maker's user id 16 || made at, ms 8 ||
 *   audit seq 8 || audit head 32 || image length 8 || BLAKE2b-256("runxin
 *   backup image v1\0" || image) 32 || manifest digest of the rows of keys.db
 *   32 || maker's signature 64 over "runxin backup v1\0" || all before it ||
 *   image.
 * The images are the two database files, ciphertext as they lie on the disk.
 */

#include "register/internal.h"

enum rx_part { RX_PART_CONTENT, RX_PART_KEYS, RX_PARTS };

#define RX_BACKUP_HEAD 160
#define RX_BACKUP_SIGNED (RX_BACKUP_HEAD + RX_SIGNATURE_BYTES)
#define RX_BACKUP_LABEL "runxin backup v1"
#define RX_BACKUP_MAX ((size_t)1 << 40)	/* bytes of a file */
#define RX_CHAIN_MAX 100		/* files of a chain */

/* Places in a head. */
enum {
	RX_AT_KEEP = 6, RX_AT_STORE = 8, RX_AT_MAKER = 24, RX_AT_TIME = 40,
	RX_AT_SEQ = 48, RX_AT_AUDIT = 56, RX_AT_LENGTH = 88, RX_AT_HASH = 96,
	RX_AT_ROWS = 128
};

/* One part of a backup in memory. */
struct rx_backup_part {
	uint8_t head[RX_BACKUP_SIGNED];
	struct rx_buf image;
};
struct rx_backup {
	struct rx_backup_part part[RX_PARTS];
	unsigned files;		/* of content, that were put together */
	size_t added;		/* bytes of those that are increments */
};
void rx_backup_free(struct rx_backup *b);

/* Write ${b} to the files ${file} and ${keys}, both or neither; the content as
 * ${increment} unless that is NULL. */
rx_err rx_backup_put(const struct rx_backup *b, const char *file,
    const char *keys, const struct rx_buf *increment, struct rx_status *st)
    RX_MUST_USE;

/* The path of the keys that go with ${file}, to be freed: ${keys}, or ${file}
 * with ".keys" when it is NULL. */
rx_err rx_backup_keys_path(char **out, const char *file, const char *keys,
    struct rx_status *st) RX_MUST_USE;
/* The path of the file ${name} beside ${file}, to be freed. */
rx_err rx_backup_beside(char **out, const char *file, const char *name,
    struct rx_status *st) RX_MUST_USE;

/* Whether ${p} begins with a head of ${part}. */
bool rx_backup_is(const uint8_t *p, size_t n, enum rx_part part);
/* Whether the image of ${part} is the one that its head names. */
bool rx_backup_image_is(const struct rx_backup_part *part);

/* Read the content in ${file}, putting it together from all that it builds on;
 * what can be checked without a key is. */
rx_err rx_backup_read_content(struct rx_backup *b, const char *file,
    struct rx_status *st) RX_MUST_USE;
/* Read the keys in ${path}. */
rx_err rx_backup_read_keys(struct rx_backup *b, const char *path,
    struct rx_status *st) RX_MUST_USE;

/* Whether content and keys are of one making. */
bool rx_backup_same(const struct rx_backup *b);
/* Whether ${head} is of the session's register and signed by a member. */
bool rx_backup_head_signed(struct rx_session *s,
    const uint8_t head[RX_BACKUP_SIGNED]);
/* With the session signed in to the images: both are of its register and signed
 * by a member. */
rx_err rx_backup_signed(struct rx_session *s, const struct rx_backup *b,
    struct rx_status *st) RX_MUST_USE;

/* ---- increment.c ---- */

/*
 * An increment is another way to write the content file: the head of that file,
 * signature and all, and the blocks of its image that differ from another's.
 *   "RXBI" || version 1 || 0 0 0 || BLAKE2b-256("runxin backup base v1\0" ||
 *   signed head of the backup it builds on) 32 || blocks 4 || 0 0 0 0 || file
 *   name of that backup, padded with zeros, 256 || signed head 224 || per block:
 *   its number 4 || its bytes: 4096, of the last one what there is.
 * What is signed is the image that comes out: whatever is changed in an
 * increment, or whatever else it is applied to, the image is not that one.
 */
#define RX_INCREMENT_HEAD (48 + 256 + RX_BACKUP_SIGNED)

/* Append to ${out} what leads from ${base}, in the file called ${name}, to
 * ${part}. */
rx_err rx_increment_make(struct rx_buf *out, const char *name,
    const struct rx_backup_part *base, const struct rx_backup_part *part,
    struct rx_status *st) RX_MUST_USE;
/* Whether ${p} begins like an increment; the name of what it builds on is put
 * in ${name}, "" when it is none of a file. */
bool rx_increment_is(const uint8_t *p, size_t n, char name[256]);
/* Turn ${part} into what the increment ${p} leads to; RX_ECORRUPT
 * (BACKUP_OTHER_BASE) when it builds on something else, (BACKUP_CORRUPT) when
 * the image is not the one that was signed.  Nothing is to be used of ${part}
 * then. */
rx_err rx_increment_apply(struct rx_backup_part *part, const uint8_t *p,
    size_t n, struct rx_status *st) RX_MUST_USE;

#endif
