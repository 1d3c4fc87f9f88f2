#include "register/backup.h"

#define BLOCK ((size_t)4096)
#define AT_BASE 8
#define AT_COUNT 40
#define AT_NAME 48
#define NAME_BYTES ((size_t)256)
#define AT_HEAD (AT_NAME + NAME_BYTES)

static void
base_digest(uint8_t out[RX_HASH_BYTES], const uint8_t head[RX_BACKUP_SIGNED])
{

	rx_hash(out, RX_HASH_BYTES, NULL, "runxin backup base v1", head,
	    RX_BACKUP_SIGNED);
}

/* Bytes of block ${i} of an image of ${len}. */
static size_t
block_bytes(size_t i, size_t len)
{

	return (len - i * BLOCK < BLOCK ? len - i * BLOCK : BLOCK);
}

static bool
block_same(size_t i, const struct rx_buf *a, const struct rx_buf *b)
{
	const size_t n = block_bytes(i, b->len);

	return (i * BLOCK + n <= a->len &&
	    memcmp(a->b + i * BLOCK, b->b + i * BLOCK, n) == 0);
}

rx_err
rx_increment_make(struct rx_buf *out, const char *name,
    const struct rx_backup_part *base, const struct rx_backup_part *part,
    struct rx_status *st)
{
	const struct rx_buf *image = &part->image;
	uint8_t *p, number[4];
	uint32_t count = 0;
	size_t i;
	rx_err rc;

	/* It was read under this name, and no file has a longer one. */
	if (strlen(name) >= NAME_BYTES)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL));
	if ((rc = rx_buf_extend(out, RX_INCREMENT_HEAD, &p, st)) != RX_OK)
		return (rc);
	memcpy(p, "RXBI\1", 5);
	base_digest(p + AT_BASE, base->head);
	memcpy(p + AT_NAME, name, strlen(name));
	memcpy(p + AT_HEAD, part->head, RX_BACKUP_SIGNED);
	for (i = 0; i * BLOCK < image->len; i++) {
		if (block_same(i, &base->image, image))
			continue;
		rx_put32(number, (uint32_t)i);
		if ((rc = rx_buf_add(out, number, 4, st)) != RX_OK ||
		    (rc = rx_buf_add(out, image->b + i * BLOCK,
		    block_bytes(i, image->len), st)) != RX_OK)
			return (rc);
		count++;
	}
	rx_put32(out->b + AT_COUNT, count);
	return (RX_OK);
}

bool
rx_increment_is(const uint8_t *p, size_t n, char name[256])
{

	name[0] = '\0';
	if (n < RX_INCREMENT_HEAD || memcmp(p, "RXBI\1\0\0\0", 8) != 0 ||
	    rx_get32(p + AT_COUNT + 4) != 0)
		return (false);
	/* A file in the same folder, and nothing else. */
	if (memchr(p + AT_NAME, '\0', NAME_BYTES) != NULL &&
	    memchr(p + AT_NAME, '/', NAME_BYTES) == NULL)
		memcpy(name, p + AT_NAME, NAME_BYTES);
	return (true);
}

/* Give ${image} ${len} bytes, new ones zero; at most ${n} more than it has,
 * for which the increment has bytes. */
static rx_err
image_resize(struct rx_buf *image, uint64_t len, size_t n,
    struct rx_status *st)
{
	uint8_t *p;

	if (len > image->len) {
		if (len - image->len > n)
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_BACKUP_CORRUPT));
		return (rx_buf_extend(image, (size_t)len - image->len, &p,
		    st));
	}
	image->len = (size_t)len;
	return (RX_OK);
}

/* Put the ${count} blocks in the ${n} bytes ${p} into ${image}; false unless
 * they are exactly that, in order. */
static bool
put_blocks(struct rx_buf *image, const uint8_t *p, size_t n, uint32_t count)
{
	size_t i, bytes, next = 0;

	for (; count > 0; count--) {
		if (n < 4 || (i = rx_get32(p)) < next ||
		    i * BLOCK >= image->len)
			return (false);
		bytes = block_bytes(i, image->len);
		if (n - 4 < bytes)
			return (false);
		memcpy(image->b + i * BLOCK, p + 4, bytes);
		p += 4 + bytes;
		n -= 4 + bytes;
		next = i + 1;
	}
	return (n == 0);
}

rx_err
rx_increment_apply(struct rx_backup_part *part, const uint8_t *p, size_t n,
    struct rx_status *st)
{
	uint8_t digest[RX_HASH_BYTES];
	char name[256];
	rx_err rc;

	if (!rx_increment_is(p, n, name) || !rx_backup_is(p + AT_HEAD,
	    RX_BACKUP_SIGNED, RX_PART_CONTENT))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT));
	base_digest(digest, part->head);
	if (!rx_equal(digest, p + AT_BASE, sizeof(digest))) {
		rx_status_arg(st, "base", "%s", name);
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_OTHER_BASE));
	}
	memcpy(part->head, p + AT_HEAD, RX_BACKUP_SIGNED);
	if ((rc = image_resize(&part->image, rx_get64(part->head +
	    RX_AT_LENGTH), n, st)) != RX_OK)
		return (rc);
	if (!put_blocks(&part->image, p + RX_INCREMENT_HEAD,
	    n - RX_INCREMENT_HEAD, rx_get32(p + AT_COUNT)) ||
	    !rx_backup_image_is(part))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT));
	return (RX_OK);
}
