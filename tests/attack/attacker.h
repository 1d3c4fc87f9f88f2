#ifndef RX_TESTS_ATTACKER_H
#define RX_TESTS_ATTACKER_H

/*
 * An attacker who has released documents and nothing else, and shares nothing
 * with the program.  He knows what kinds of things there can be (atoms: a value
 * on every dimension, and a day); every published figure is the sum of the
 * atoms that its key, unit and dates name, and what is not listed is none.
 * He tries all whole numbers that agree with it.
 */

#include <stdlib.h>
#include <string.h>

#include "../helper.h"
#include "stats/internal.h"

#define ATOMS_MAX 40
#define SUMS_MAX 1500
#define FIGURE_CAP 60
#define NODES_MAX 3000000

struct atom {
	const char *day;	/* "2025-03-10" */
	const char *township, *village, *month, *sex, *risk;
};

struct sum {
	uint64_t atoms;
	int64_t lo, hi;
};

struct attacker {
	const struct atom *atom;
	const char *const *birth;	/* per atom: month; NULL: one */
	const char *const *category;	/* per atom: "left_behind poor"; NULL */
	unsigned natoms;
	unsigned nsums;
	struct sum s[SUMS_MAX];
	unsigned long nodes;
};

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return (s != NULL ? s : "");
}

static const char *
atom_value(const struct atom *a, const char *dim)
{

	return (strcmp(dim, "county") == 0 ? "350102" :
	    strcmp(dim, "township") == 0 ? a->township :
	    strcmp(dim, "village") == 0 ? a->village :
	    strcmp(dim, "month") == 0 ? a->month :
	    strcmp(dim, "sex") == 0 ? a->sex : a->risk);
}

/* "2025-05" is in "2025-Q2". */
static bool
in_quarter(const char *month, const char *key)
{

	return (strncmp(month, key, 4) == 0 &&
	    ((month[5] - '0') * 10 + month[6] - '1') / 3 == key[6] - '1');
}

static int
months_of(const char *date)
{

	return (12 * atoi(date) + 10 * (date[5] - '0') + date[6] - '1');
}

/* Whether somebody born in ${birth} is of the band "6-11" or "18+" on ${to}. */
static bool
in_band(const char *birth, const char *to, const char *key)
{
	int age = (months_of(to) - months_of(birth)) / 12;
	const char *dash = strchr(key, '-');

	return (age >= atoi(key) && (dash == NULL || age <= atoi(dash + 1)));
}

/* Whether atom ${k} has ${key} on ${dim} in ${doc}. */
static bool
atom_has(const struct attacker *w, unsigned k, const json_t *doc,
    const char *dim, const char *key)
{

	if (strcmp(dim, "year") == 0)
		return (strncmp(w->atom[k].month, key, 4) == 0);
	if (strcmp(dim, "quarter") == 0)
		return (in_quarter(w->atom[k].month, key));
	if (strcmp(dim, "age_band") == 0)
		return (in_band(w->birth[k], text_of(doc, "to"), key));
	if (strcmp(dim, "category") == 0)
		return (strstr(w->category[k], key) != NULL);
	return (strcmp(key, atom_value(&w->atom[k], dim)) == 0);
}

/* Whether the atom lies in the unit and the dates of the document. */
static bool
atom_in(const struct atom *a, const json_t *doc)
{
	const char *unit = text_of(doc, "unit");
	size_t n = strlen(unit);

	while (n > 6 && unit[n - 1] == '0')
		n--;
	n = n <= 6 ? 6 : n <= 9 ? 9 : 12;
	if (strncmp(a->village, unit, n) != 0)
		return (false);
	if (strcmp(text_of(doc, "count"), "children") == 0)
		return (true);
	return (strcmp(a->day, text_of(doc, "from")) >= 0 &&
	    strcmp(a->day, text_of(doc, "to")) <= 0);
}

/* The atoms of the cell whose keys are ${keys}. */
static uint64_t
atoms_of(const struct attacker *w, const json_t *doc, const json_t *keys)
{
	const json_t *dims = json_object_get(doc, "dims");
	uint64_t bits = 0;
	const char *key;
	size_t d;
	unsigned k;
	bool in;

	for (k = 0; k < w->natoms; k++) {
		in = atom_in(&w->atom[k], doc);
		for (d = 0; d < json_array_size(dims) && in; d++) {
			key = json_string_value(json_array_get(keys, d));
			in = strcmp(key, "*") == 0 || atom_has(w, k, doc,
			    json_string_value(json_array_get(dims, d)), key);
		}
		bits |= in ? UINT64_C(1) << k : 0;
	}
	return (bits);
}

static void
learn(struct attacker *w, uint64_t atoms, int64_t lo, int64_t hi)
{

	assert_true(w->nsums < SUMS_MAX);
	w->s[w->nsums++] = (struct sum){ atoms, lo, hi };
}

/* Everything that ${doc} says. */
static void
read_release(struct attacker *w, const json_t *doc)
{
	const json_t *cells = json_object_get(doc, "cells"), *value;
	uint64_t all = 0, some = 0, bits;
	unsigned k;
	size_t i;

	for (i = 0; i < json_array_size(cells); i++) {
		const json_t *cell = json_array_get(cells, i);
		const json_t *keys = json_object_get(cell, "key");
		bool leaf = true;
		size_t d;

		value = json_object_get(cell, "value");
		bits = atoms_of(w, doc, keys);
		for (d = 0; d < json_array_size(keys); d++)
			leaf = leaf && strcmp(json_string_value(json_array_get(
			    keys, d)), "*") != 0;
		some |= leaf ? bits : 0;
		if (json_is_integer(value))
			learn(w, bits, json_integer_value(value),
			    json_integer_value(value));
	}
	for (k = 0; k < w->natoms; k++)
		all |= atom_in(&w->atom[k], doc) ? UINT64_C(1) << k : 0;
	if (json_array_size(json_object_get(doc, "dims")) > 0)
		learn(w, all & ~some, 0, 0);
}

/* ---- trying all tables ---- */

struct box {
	int64_t lo[ATOMS_MAX], hi[ATOMS_MAX];
};

/* -1: impossible; 1: something became narrower. */
static int
narrow_by(struct box *b, const struct attacker *w, const struct sum *s)
{
	int64_t least = 0, most = 0, l, h;
	unsigned k;
	int changed = 0;

	for (k = 0; k < w->natoms; k++) {
		if (s->atoms >> k & 1) {
			least += b->lo[k];
			most += b->hi[k];
		}
	}
	if (least > s->hi || most < s->lo)
		return (-1);
	for (k = 0; k < w->natoms; k++) {
		if (!(s->atoms >> k & 1))
			continue;
		l = s->lo - (most - b->hi[k]);
		h = s->hi - (least - b->lo[k]);
		if (l > b->lo[k]) {
			least += l - b->lo[k];
			b->lo[k] = l;
			changed = 1;
		}
		if (h < b->hi[k]) {
			most -= b->hi[k] - h;
			b->hi[k] = h;
			changed = 1;
		}
		if (b->lo[k] > b->hi[k])
			return (-1);
	}
	return (changed);
}

/* 1: there is such a table; 0: there is none; -1: gave up. */
static int
try_from(struct attacker *w, const struct box *from)
{
	struct box b = *from;
	unsigned k, best = ATOMS_MAX;
	int64_t x, lo, hi;
	int one, changed, found;

	if (++w->nodes > NODES_MAX)
		return (-1);
	do {
		for (changed = 0, k = 0; k < w->nsums; k++) {
			if ((one = narrow_by(&b, w, &w->s[k])) < 0)
				return (0);
			changed |= one;
		}
	} while (changed);
	for (k = 0; k < w->natoms; k++) {
		if (b.lo[k] < b.hi[k] && (best == ATOMS_MAX ||
		    b.hi[k] - b.lo[k] < b.hi[best] - b.lo[best]))
			best = k;
	}
	if (best == ATOMS_MAX)
		return (1);
	lo = b.lo[best];
	hi = b.hi[best];
	for (x = lo; x <= hi; x++) {
		b.lo[best] = b.hi[best] = x;
		if ((found = try_from(w, &b)) != 0)
			return (found);
	}
	return (0);
}

/* Whether the sum over ${atoms} could lie in lo..hi, by all he knows. */
static bool
could_be(struct attacker *w, uint64_t atoms, int64_t lo, int64_t hi)
{
	struct box b;
	unsigned k;
	int found;

	if (lo > hi)
		return (false);
	for (k = 0; k < w->natoms; k++) {
		b.lo[k] = 0;
		b.hi[k] = FIGURE_CAP;
	}
	learn(w, atoms, lo, hi);
	w->nodes = 0;
	found = try_from(w, &b);
	w->nsums--;
	assert_int_not_equal(found, -1);
	return (found == 1);
}

/* Whether he knows it to be ${value}. */
static bool
recovered(struct attacker *w, uint64_t atoms, int64_t value)
{

	return (!could_be(w, atoms, 0, value - 1) &&
	    !could_be(w, atoms, value + 1, INT32_MAX));
}

#endif
