#include <stddef.h>

#include "base/message.h"

static const char *const texts[RX_MSG_COUNT][RX_LANG_COUNT] = {
#define MSG(name, zh, en) \
	[RX_MSG_##name] = { [RX_LANG_ZH] = zh, [RX_LANG_EN] = en },
#include "base/messages.def"
#undef MSG
};

const char *
rx_msg(enum rx_msg msg, enum rx_lang lang)
{

	/* A number from outside the enumerations must not become a wild read. */
	if ((unsigned)msg >= RX_MSG_COUNT)
		msg = RX_MSG_INTERNAL;
	if ((unsigned)lang >= RX_LANG_COUNT)
		lang = RX_LANG_ZH;
	return (texts[msg][lang]);
}
