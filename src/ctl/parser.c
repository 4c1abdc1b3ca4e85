/* SPDX-License-Identifier: MIT */
/* parser: an event stream as an EventSource reads it (WHATWG HTML 9.2.5 and 9.2.6). */
#include "ctl/parser.h"

#include "base/err.h"
#include "base/utf8.h"

#include <string.h>

static const char byte_order_mark[] = "\xef\xbb\xbf";

void ctl_parser_init(struct ctl_parser *p, void (*item)(void *ctx, const struct ctl_item *item),
                     void *ctx)
{
    *p = (struct ctl_parser){.item = item, .ctx = ctx};
    buf_init(&p->line, CTL_LINE_MAX);
}

void ctl_parser_fini(struct ctl_parser *p)
{
    buf_fini(&p->line);
}

int ctl_parser_is_inside(const struct ctl_parser *p)
{
    return p->line.len > 0 || p->is_cut || p->has_id || p->data_lines > 0 || p->block.name[0];
}

static void put(char *out, size_t size, const char *text, size_t len)
{
    len = len < size ? len : size - 1;
    memcpy(out, text, len);
    out[len] = '\0';
}

static void note_odd(struct ctl_parser *p, const char *line, size_t len)
{
    if (p->odd_lines++ == 0) {
        put(p->odd, sizeof p->odd, line, len);
    }
}

static void emit(struct ctl_parser *p, enum ctl_item_kind kind, const char *data, size_t len)
{
    struct ctl_item item = {.kind = kind};
    memcpy(item.id, p->block.id, sizeof item.id);
    put(item.data, sizeof item.data, data, len);
    p->item(p->ctx, &item);
}

static void end_block(struct ctl_parser *p)
{
    if (p->has_id) {
        memcpy(p->block.id, p->id_waiting, sizeof p->block.id);
    }
    if (p->data_lines > 0) {
        p->block.kind = CTL_EVENT;
        p->item(p->ctx, &p->block);
    } else if (p->has_id) {
        emit(p, CTL_ID, "", 0);
    }
    p->block.name[0] = p->block.data[0] = '\0';
    p->data_len = p->data_lines = 0;
    p->has_id = 0;
}

static void add_data(struct ctl_parser *p, const char *value, size_t len)
{
    size_t room = sizeof p->block.data - 1 - p->data_len;
    if (p->data_lines++ > 0 && room > 0) {
        p->block.data[p->data_len++] = '\n';
        room--;
    }
    len = len < room ? len : room;
    memcpy(p->block.data + p->data_len, value, len);
    p->data_len += len;
    p->block.data[p->data_len] = '\0';
}

static int is_name(const char *line, size_t len, const char *name)
{
    return len == strlen(name) && memcmp(line, name, len) == 0;
}

/* Answers 0 for a field that an EventSource ignores. */
static int take_field(struct ctl_parser *p, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon ? (size_t)(colon - line) : len;
    const char *value = colon ? colon + 1 : line + len;
    size_t value_len = len - (size_t)(value - line);
    if (value_len > 0 && *value == ' ') {
        value++;
        value_len--;
    }
    if (is_name(line, name_len, "data")) {
        add_data(p, value, value_len);
        return 1;
    }
    if (is_name(line, name_len, "event")) {
        put(p->block.name, sizeof p->block.name, value, value_len);
        return 1;
    }
    if (is_name(line, name_len, "id") && !memchr(value, '\0', value_len)) {
        put(p->id_waiting, sizeof p->id_waiting, value, value_len);
        p->has_id = 1;
        return 1;
    }
    if (is_name(line, name_len, "retry") && value_len > 0 && value_len < 20) {
        char digits[20];
        put(digits, sizeof digits, value, value_len);
        if (strspn(digits, "0123456789") == value_len) {
            emit(p, CTL_RETRY, value, value_len);
            return 1;
        }
    }
    return 0;
}

static void end_line(struct ctl_parser *p)
{
    const char *line = p->line.data ? p->line.data : "";
    size_t len = p->line.len;
    if (!p->began && len >= 3 && memcmp(line, byte_order_mark, 3) == 0) {
        line += 3;
        len -= 3;
    }
    p->began = 1;
    if (len == 0 && !p->is_cut) {
        end_block(p);
    } else if (*line == ':') {
        emit(p, CTL_COMMENT, line + 1, len - 1);
    } else if (!take_field(p, line, len) || p->is_cut || utf8_valid_prefix(line, len) != len) {
        note_odd(p, line, len);
    }
    buf_clear(&p->line);
    p->is_cut = 0;
}

static int add_to_line(struct ctl_parser *p, const char *data, size_t len)
{
    size_t room = CTL_LINE_MAX - p->line.len;
    if (len > room) {
        p->is_cut = 1;
        len = room;
    }
    return buf_append(&p->line, data, len);
}

int ctl_parser_take(struct ctl_parser *p, const char *data, size_t len)
{
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\n' && data[i] != '\r') {
            p->after_cr = 0;
            continue;
        }
        if (data[i] == '\n' && p->after_cr) { /* the second half of CRLF */
            p->after_cr = 0;
            from = i + 1;
            continue;
        }
        int rc = add_to_line(p, data + from, i - from);
        if (rc) {
            return rc;
        }
        end_line(p);
        p->after_cr = data[i] == '\r';
        from = i + 1;
    }
    return add_to_line(p, data + from, len - from);
}
