#ifndef RX_BASE_MESSAGE_H
#define RX_BASE_MESSAGE_H

/*
 * Every sentence that a person reads stands in messages.def, in Chinese and
 * in English: MSG(NAME, "中文", "English").  A message without one of its
 * languages does not compile.  Placeholders are named: {line}, {file}.
 */

enum rx_lang { RX_LANG_ZH, RX_LANG_EN, RX_LANG_COUNT };

enum rx_msg {
#define MSG(name, zh, en) RX_MSG_##name,
#include "base/messages.def"
#undef MSG
	RX_MSG_COUNT
};

/* The text of ${msg} in ${lang}, placeholders as they stand; never NULL. */
const char *rx_msg(enum rx_msg msg, enum rx_lang lang);

#endif
