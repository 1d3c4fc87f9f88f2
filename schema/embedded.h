#ifndef RX_SCHEMA_EMBEDDED_H
#define RX_SCHEMA_EMBEDDED_H

/*
 * What the build-time program embed writes (build/.../schema/embedded.c): the
 * files of schema/ and the templates and static files of src/web/, byte for
 * byte, sorted by name.  For schema.c and web/template.c; others ask schema.h.
 */

#include <stddef.h>

struct rx_embedded_file {
	const char *name;		/* without schema/ or src/web/ */
	const unsigned char *data;	/* ${len} bytes, then a NUL */
	size_t len;
};

extern const struct rx_embedded_file rx_embedded_files[];
extern const size_t rx_embedded_file_count;

#endif
