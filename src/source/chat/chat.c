/* SPDX-License-Identifier: MIT */
/* chat: the source of that name: answers of a service that speaks OpenAI's protocol. A loadable module. */
#include "source/chat/answer.h"
#include "source/chat/settings.h"

extern const struct source_type ssecgi_source;

/* Client libraries of that service know nothing of positions. */
static int is_plain(const void *settings)
{
    return ((const struct chat_settings *)settings)->format == CHAT_OPENAI;
}

const struct source_type ssecgi_source = {
    .contract = SOURCE_CONTRACT,
    .name = "chat",
    .summary = "answers of a language model: a POST asks a service that speaks OpenAI's protocol",
    .options = chat_settings_options,
    .settings_size = sizeof(struct chat_settings),
    .check = chat_settings_check,
    .is_plain = is_plain,
    .run = chat_run_new,
    .cancel = chat_run_cancel,
    .drop = chat_run_drop,
};
