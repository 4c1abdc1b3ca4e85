/* SPDX-License-Identifier: MIT */
/* test_chat_chunk: what the service's chunks say, and what readers are told of it. */
#include "source/chat/chunk.h"
#include "source/chat/say.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#define ROUNDS 20000

static int make(void **state)
{
    *state = chat_chunk_tokener();
    return *state ? 0 : -1;
}

static int unmake(void **state)
{
    json_tokener_free(*state);
    return 0;
}

static struct chat_chunk parse(void **state, const char *data)
{
    struct chat_chunk c;
    assert_int_equal(chat_chunk_init(&c, *state, data, strlen(data)), 0);
    return c;
}

static void expect_piece(void **state, const char *data, const char *piece)
{
    struct chat_chunk c = parse(state, data);
    if (piece) {
        assert_int_equal(c.piece_len, strlen(piece));
        assert_memory_equal(c.piece, piece, c.piece_len);
    } else {
        assert_null(c.piece);
    }
    chat_chunk_fini(&c);
}

static void a_piece_is_the_content_as_json(void **state)
{
    expect_piece(state, "{\"choices\":[{\"delta\":{\"content\":\"a/b\\n\\u00fc\\\"\"}}]}", "\"a/b\\n\xc3\xbc\\\"\"");
    expect_piece(state, "{\"choices\":[{\"delta\":{\"content\":\"\"}}]}", NULL);
    expect_piece(state, "{\"choices\":[{\"delta\":{\"content\":null}}]}", NULL);
    expect_piece(state, "{\"choices\":[{\"delta\":{}}]}", NULL);
    expect_piece(state, "{\"choices\":[{}]}", NULL);
    expect_piece(state, "{\"choices\":[7]}", NULL);
    expect_piece(state, "{\"choices\":[]}", NULL);
    expect_piece(state, "{}", NULL);
}

static void tells_why_the_answer_ended_and_what_it_cost(void **state)
{
    struct chat_chunk c = parse(state, "{\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}],"
                                       "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":-4}}");
    assert_string_equal(c.word.text, "length");
    assert_true(c.is_usage);
    assert_true(c.has_choices);
    assert_int_equal(c.usage.prompt_tokens, 3);
    assert_int_equal(c.usage.completion_tokens, -1);
    assert_int_equal(c.usage.total_tokens, -1);
    chat_chunk_fini(&c);
}

static void a_word_can_be_no_key(void **state)
{
    struct chat_chunk c = parse(state, "{\"error\":{\"code\":\"sk-123\",\"type\":\"server_error\"}}");
    assert_true(c.is_error);
    assert_string_equal(c.word.text, "server_error");
    chat_chunk_fini(&c);
    c = parse(state, "{\"error\":\"sk-123\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}");
    assert_true(c.is_error);
    assert_string_equal(c.word.text, "");
    assert_null(c.piece);
    chat_chunk_fini(&c);
    c = parse(state, "{\"choices\":[{\"finish_reason\":"
                     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]}");
    assert_string_equal(c.word.text, "");
    chat_chunk_fini(&c);
}

static void what_is_no_object_is_no_chunk(void **state)
{
    static const char *const texts[] = {"",     "[]",  "7", "{",         "{}x", "{} {}", "[DONE]x",
                                        "null", "{,}", "x", "{\"a\":1,}", "{\"choices\":{}}"};
    struct chat_chunk c;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(chat_chunk_init(&c, *state, texts[i], strlen(texts[i])), ERR_INVALID);
    }
    assert_int_equal(chat_chunk_init(&c, *state, "{}\0{}", 5), ERR_INVALID);
    assert_true(chat_chunk_is_done("[DONE]", 6));
    assert_false(chat_chunk_is_done("[DONE]x", 7));
}

static void any_bytes_are_a_chunk_or_refused(void **state)
{
    static const char good[] = "{\"choices\":[{\"delta\":{\"content\":\"a\\u00fc\"},\"finish_reason\":null}],"
                               "\"usage\":{\"prompt_tokens\":3},\"error\":null}";
    uint64_t dice = 7;
    for (int i = 0; i < ROUNDS; i++) {
        char text[sizeof good];
        struct chat_chunk c;
        memcpy(text, good, sizeof good);
        for (int n = 0; n < 1 + i % 3; n++) {
            dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
            text[(dice >> 33) % (sizeof good - 1)] = (char)(dice >> 56);
        }
        dice = dice * 6364136223846793005ULL + 1;
        size_t len = i % 2 ? sizeof good - 1 : (size_t)(dice >> 33) % sizeof good;
        if (chat_chunk_init(&c, *state, text, len) == 0) {
            chat_chunk_fini(&c);
        }
    }
}

/* ---- what readers are told ---- */

static void expect(struct json_object *object, const char *text)
{
    assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN), text);
    json_object_put(object);
}

static void errors_tell_what_happened_in_both_formats(void **state)
{
    (void)state;
    struct chat_verdict v = {.reason = CHAT_BUSY, .retry_after_s = 7};
    expect(chat_say_error(&v, 0), "{\"reason\":\"rate-limited\",\"detail\":\"the answering service takes no more "
                                  "requests for now\",\"retry_after\":7}");
    v = (struct chat_verdict){.reason = CHAT_REJECTED, .word = {"too_long"}};
    expect(chat_say_error(&v, 1), "{\"error\":{\"type\":\"rejected\",\"message\":\"the answering service refuses this "
                                  "request\",\"code\":\"too_long\",\"param\":null}}");
}

static void the_end_tells_how_it_went(void **state)
{
    (void)state;
    struct chat_verdict v = {.reason = CHAT_OK, .word = {"stop"}};
    expect(chat_say_end(&v), "{\"status\":\"ok\",\"finish_reason\":\"stop\"}");
    v = (struct chat_verdict){.reason = CHAT_CUT, .word = {"stop"}};
    expect(chat_say_end(&v), "{\"status\":\"error\",\"reason\":\"cut-off\"}");
    v = (struct chat_verdict){.reason = CHAT_CANCELLED};
    expect(chat_say_end(&v), "{\"status\":\"cancelled\"}");
    struct chat_usage u = {.prompt_tokens = 1, .completion_tokens = -1, .total_tokens = 3};
    expect(chat_say_usage(&u), "{\"prompt_tokens\":1,\"total_tokens\":3}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_piece_is_the_content_as_json, make, unmake),
        cmocka_unit_test_setup_teardown(tells_why_the_answer_ended_and_what_it_cost, make, unmake),
        cmocka_unit_test_setup_teardown(a_word_can_be_no_key, make, unmake),
        cmocka_unit_test_setup_teardown(what_is_no_object_is_no_chunk, make, unmake),
        cmocka_unit_test_setup_teardown(any_bytes_are_a_chunk_or_refused, make, unmake),
        cmocka_unit_test(errors_tell_what_happened_in_both_formats),
        cmocka_unit_test(the_end_tells_how_it_went),
    };
    return cmocka_run_group_tests_name("chat_chunk", tests, NULL, NULL);
}
