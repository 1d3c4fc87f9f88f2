#include <string.h>

#include "crypto/lot.h"

void
rx_lot_leaf(uint8_t leaf[RX_HASH_BYTES], const struct rx_key *key,
    const void *p, size_t n)
{

	rx_hash(leaf, RX_HASH_BYTES, key->b, "runxin lot leaf v1", p, n);
}

static void
node_make(uint8_t node[RX_HASH_BYTES], const uint8_t left[RX_HASH_BYTES],
    const uint8_t right[RX_HASH_BYTES])
{
	uint8_t both[2 * RX_HASH_BYTES];

	memcpy(both, left, RX_HASH_BYTES);
	memcpy(both + RX_HASH_BYTES, right, RX_HASH_BYTES);
	rx_hash(node, RX_HASH_BYTES, NULL, "runxin lot node v1", both,
	    sizeof(both));
}

void
rx_lot_sign(uint8_t sig[RX_SIGNATURE_BYTES],
    uint8_t (*path)[RX_LOT_PATH_BYTES],
    const uint8_t (*leaf)[RX_HASH_BYTES], size_t n, const uint8_t secret[64])
{
	/* The root is 1, the children of k are 2k and 2k + 1. */
	uint8_t node[2 * RX_LOT][RX_HASH_BYTES] = { 0 };
	size_t i, k, d;

	memcpy(&node[RX_LOT], leaf, n * RX_HASH_BYTES);
	for (k = RX_LOT - 1; k > 0; k--)
		node_make(node[k], node[2 * k], node[2 * k + 1]);
	rx_sign(sig, secret, RX_LOT_LABEL, node[1], RX_HASH_BYTES);
	for (i = 0; i < n; i++) {
		path[i][0] = (uint8_t)i;
		for (d = 0, k = RX_LOT + i; d < RX_LOT_DEPTH; d++, k /= 2)
			memcpy(path[i] + 1 + d * RX_HASH_BYTES, node[k ^ 1],
			    RX_HASH_BYTES);
	}
}

bool
rx_lot_root(uint8_t root[RX_HASH_BYTES], const uint8_t leaf[RX_HASH_BYTES],
    const uint8_t path[RX_LOT_PATH_BYTES])
{
	const uint8_t *beside = path + 1;
	size_t d;

	if (path[0] >= RX_LOT)
		return (false);
	memcpy(root, leaf, RX_HASH_BYTES);
	for (d = 0; d < RX_LOT_DEPTH; d++, beside += RX_HASH_BYTES)
		if (path[0] >> d & 1)
			node_make(root, beside, root);
		else
			node_make(root, root, beside);
	return (true);
}
