/* SPDX-License-Identifier: MIT */
/* event: what passes from a source to readers, and the interface it passes through. */
#include "sse/event.h"

int sse_position_is_valid(const char *text, size_t len)
{
    if (len == 0 || len > SSE_POSITION_MAX) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        int is_allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                         || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '~' || c == '-';
        if (!is_allowed) {
            return 0;
        }
    }
    return 1;
}
