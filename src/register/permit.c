#include "base/date.h"
#include "register/internal.h"

/*
 * Every permission stands here, by role and unit.  Keys enforce it a second
 * time: who is not entitled below is not granted the key either.
 */

bool
rx_member_live(const struct rx_member *m)
{

	return (m->revoked == 0 && rx_cert_valid_at(&m->cert, rx_time_now()));
}

bool
rx_role_countersigns(uint8_t role)
{

	return (role == RX_ROLE_ADMIN || role == RX_ROLE_SUPERVISOR ||
	    role == RX_ROLE_STATISTICIAN);
}

/* Does the certificate ${c} permit ${act} for ${unit}? */
static bool
cert_permits(const struct rx_cert *c, enum rx_act act, const char *unit)
{
	char own[RX_UNIT_BYTES];

	switch (act) {
	case RX_ACT_ADMINISTER:
		return (c->role == RX_ROLE_ADMIN);
	case RX_ACT_WRITE_CASE:
		return (c->role == RX_ROLE_DIRECTOR &&
		    rx_unit_covers(c->unit, unit));
	case RX_ACT_WRITE_ACTIVITY:
		if (c->role == RX_ROLE_DIRECTOR)
			return (rx_unit_covers(c->unit, unit));
		/* A statistician: his own unit, or its SELF. */
		rx_unit_ancestor(own, unit, RX_LEVEL_PREFECTURE);
		return (c->role == RX_ROLE_STATISTICIAN &&
		    (memcmp(c->unit, unit, RX_UNIT_BYTES) == 0 ||
		    (rx_unit_level(unit) == RX_LEVEL_SELF &&
		    memcmp(c->unit, own, RX_UNIT_BYTES) == 0)));
	case RX_ACT_SUPERVISE:
		return (c->role == RX_ROLE_SUPERVISOR &&
		    rx_unit_covers(c->unit, unit));
	case RX_ACT_COUNT:
		return (c->role == RX_ROLE_STATISTICIAN &&
		    rx_unit_covers(c->unit, unit));
	case RX_ACT_LEDGER:
		return (c->role == RX_ROLE_STATISTICIAN);
	case RX_ACT_COUNTERSIGN:
		return (rx_role_countersigns(c->role));
	}
	return (false);
}

bool
rx_permitted(const struct rx_session *s, enum rx_act act, const char *unit)
{

	return (rx_user_permitted(s, s->user_id, act, unit));
}

bool
rx_user_permitted(const struct rx_session *s, const uint8_t user[RX_ID_BYTES],
    enum rx_act act, const char *unit)
{
	size_t i, first = rx_member_first(s, user);

	for (i = first; i < s->nmembers && i < rx_member_next(s, first); i++)
		if (rx_member_live(&s->members[i]) &&
		    cert_permits(&s->members[i].cert, act, unit))
			return (true);
	return (false);
}

bool
rx_session_supervises(const struct rx_session *s,
    const char unit[RX_UNIT_BYTES])
{

	return (rx_permitted(s, RX_ACT_SUPERVISE, unit));
}

static rx_err
home_only(const struct rx_session *s, struct rx_status *st)
{

	rx_status_arg(st, "copy", "%s", s->copy_name);
	return (rx_fail(st, RX_EPERM, RX_MSG_COPY_HOME_ONLY));
}

rx_err
rx_copy_permit(const struct rx_session *s, enum rx_action action,
    struct rx_status *st)
{

	if (!s->copy)
		return (RX_OK);
	switch (action) {
	case RX_DID_SAVE:
	case RX_DID_IMPORT:
	case RX_DID_REVEAL:
	case RX_DID_REVIEW:
	case RX_DID_BACKUP:
	case RX_DID_BUNDLE:
	case RX_DID_COPY:
	case RX_DID_ANCHOR:
		return (RX_OK);
	default:
		return (home_only(s, st));
	}
}

rx_err
rx_permit(const struct rx_session *s, enum rx_act act, const char *unit,
    struct rx_status *st)
{
	char text[RX_UNIT_TEXT] = "";

	if (s->copy && act == RX_ACT_ADMINISTER)
		return (home_only(s, st));
	if (rx_permitted(s, act, unit))
		return (RX_OK);
	if (unit == NULL)
		return (rx_fail(st, RX_EPERM,
		    act == RX_ACT_ADMINISTER ? RX_MSG_ADMIN_ONLY :
		    act == RX_ACT_COUNTERSIGN ? RX_MSG_COUNTERSIGN_WHO :
		    RX_MSG_STATISTICIAN_ONLY));
	rx_unit_text(text, unit);
	rx_status_arg(st, "unit", "%s", text);
	return (rx_fail(st, RX_EPERM, RX_MSG_NOT_PERMITTED));
}

bool
rx_author_may(const struct rx_session *s, const uint8_t author[RX_ID_BYTES],
    enum rx_type type, const char unit[RX_UNIT_BYTES], int64_t at)
{
	size_t i, first = rx_member_first(s, author);

	for (i = first; i < s->nmembers && i < rx_member_next(s, first); i++) {
		const struct rx_cert *c = &s->members[i].cert;

		if (!rx_cert_valid_at(c, at) || (s->members[i].revoked != 0 &&
		    at > s->members[i].revoked))
			continue;
		if ((type == RX_REVIEW || type == RX_REPORT) &&
		    cert_permits(c, RX_ACT_SUPERVISE, unit))
			return (true);
		if (type != RX_REVIEW && cert_permits(c, type == RX_ACTIVITY ?
		    RX_ACT_WRITE_ACTIVITY : RX_ACT_WRITE_CASE, unit))
			return (true);
	}
	return (false);
}

unsigned
rx_cert_entitles(const struct rx_cert *c, const char *unit)
{

	if (memcmp(unit, RX_REGISTER_KEYS, RX_UNIT_BYTES) == 0) {
		/* Two custodians make the administrator anew. */
		if (c->role == RX_ROLE_RECOVERY)
			return (RX_AUDIT_KEYS | RX_BIT(RX_COMP_ROOT));
		return (c->role == RX_ROLE_ADMIN ||
		    c->role == RX_ROLE_STATISTICIAN ? RX_AUDIT_KEYS :
		    RX_BIT(RX_COMP_AUDIT));
	}
	switch (c->role) {
	case RX_ROLE_RECOVERY:
		return (RX_CASE_KEYS);
	case RX_ROLE_DIRECTOR:
		return (rx_unit_covers(c->unit, unit) ? RX_CASE_KEYS : 0);
	case RX_ROLE_SUPERVISOR:
	case RX_ROLE_STATISTICIAN:
		return (rx_unit_covers(c->unit, unit) ?
		    RX_BIT(RX_COMP_CODED) : 0);
	default:
		return (0);
	}
}

unsigned
rx_entitled(const struct rx_session *s, size_t first,
    const char unit[RX_UNIT_BYTES])
{
	unsigned comps = 0;
	size_t i;

	for (i = first; i < rx_member_next(s, first); i++) {
		const struct rx_cert *cert = &s->members[i].cert;
		const unsigned c = rx_cert_entitles(cert, unit);

		/* The root alone cannot make another recovery key; who reads
		 * another register trusts none. */
		if (cert->role == RX_ROLE_RECOVERY && (s->blob == NULL ||
		    !rx_equal(cert->box_public, s->blob->recovery_public, 32)))
			continue;
		/* The clock is asked only where it matters. */
		if ((c & ~comps) != 0 && rx_member_live(&s->members[i]))
			comps |= c;
	}
	return (comps);
}

bool
rx_may_grant(const struct rx_member *m, const char unit[RX_UNIT_BYTES],
    unsigned compartments, bool slot)
{

	if (memcmp(unit, RX_REGISTER_KEYS, RX_UNIT_BYTES) == 0)
		return (m->cert.role == RX_ROLE_ADMIN);
	/* A supervisor writes a case's slots anew when he decides. */
	if (slot && m->cert.role == RX_ROLE_SUPERVISOR &&
	    rx_unit_covers(m->cert.unit, unit))
		return (true);
	return ((compartments & ~rx_cert_entitles(&m->cert, unit)) == 0 &&
	    m->cert.role != RX_ROLE_RECOVERY);
}
