/* SPDX-License-Identifier: MIT */
/* migrate_redis: events into a stream of the source redis, by its own script. */
#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "ctl/migrate.h"

#ifndef HAVE_HIREDIS

int ctl_target_open(struct ctl_target **out, const struct ctl_migrate *m,
                    struct ctl_migrate_state *state, struct err *err)
{
    (void)out, (void)m, (void)state;
    return err_set(err, ERR_UNKNOWN, "this ssecgi-ctl was built without hiredis");
}

int ctl_target_put(struct ctl_target *t, const struct ctl_migrate_event *events, size_t count,
                   const char *from, struct err *err)
{
    (void)t, (void)events, (void)count, (void)from, (void)err;
    return ERR_UNKNOWN;
}

void ctl_target_free(struct ctl_target *t)
{
    (void)t;
}

#else

#include "source/redis/names.h"
#include "source/redis/reply.h"
#include "source/redis/script.h"
#include "source/redis/settings.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define WAIT_S 30 /* for the connection, and for each answer */
#define SCRIPT_MAX 65536
#define FIRST_ARGS 11 /* EVAL and what stands before the events */
#define EVENT_ARGS 3
#define LAST_ARGS 3

struct ctl_target {
    redisContext *redis;
    struct redis_address address;
    char *password;
    char *key, *meta;
    char run[64];
    struct buf script;
    char was[2 * SSE_POSITION_SIZE]; /* the field "from" as it is */
    const char *how;
};

/* What is known of the stream gets one more field: where in the journal the last copied event
 * stood, and its mark in Redis. It changes with the events or not at all, and only for who knew it.
 *
 * The events of a step follow each other in the journal. Where Redis has nothing else ("keep") they
 * keep their marks, so that the journal's positions are good there, and its gaps are gaps. Whoever
 * publishes next begins a new epoch: positions of what was not copied are found out. */
static const char script_begin[] =
    "if redis.replicate_commands then redis.replicate_commands() end\n"
    "local how, to, was = table.remove(ARGV), table.remove(ARGV), table.remove(ARGV)\n"
    "local stream, meta, run = KEYS[1], KEYS[2], ARGV[2]\n"
    "if (redis.call('HGET', meta, 'from') or '') ~= was then\n"
    "  return redis.error_reply('ANOTHER process copies into this stream')\n"
    "end\n"
    "local is_new = redis.call('EXISTS', stream) == 0\n"
    "if is_new then redis.call('DEL', meta) end\n"
    "local jg, je, jn = string.match(to, '^([^.]+)%.(%d+)%.(%d+)')\n"
    "local g, e, n, id = unpack(redis.call('HMGET', meta, 'g', 'e', 'n', 'id'))\n"
    "je, jn = tonumber(je), string.format('%.0f', tonumber(jn) - (#ARGV - 6) / 3)\n"
    "if how == 'keep' and not g and is_new then\n"
    "  redis.call('HSET', meta, 'g', jg, 'e', je, 'n', jn, 'id', '0-0', 'run', run)\n"
    "elseif how == 'keep' and g == jg then\n"
    "  if tonumber(jn) < tonumber(n) or je < tonumber(e) then\n"
    "    return redis.error_reply('NUMBERS of the journal go back; --append gives new ones')\n"
    "  end\n"
    "  if je > tonumber(e) then redis.call('HSET', meta, 'e' .. e, n .. ' ' .. id) end\n"
    "  redis.call('HSET', meta, 'e', je, 'n', jn, 'run', run)\n"
    "elseif g then\n"
    "  redis.call('HSET', meta, 'run', run)\n"
    "end\n"
    "local function publish()\n";
static const char script_end[] =
    "end\n"
    "local done = publish()\n"
    "if is_new then redis.call('HDEL', meta, 'dn') end\n"
    "redis.call('HSET', meta, 'from', to .. ' ' .. done[1], 'run', '-')\n"
    "return {done[1], done[2], to .. ' ' .. done[1]}\n";

/* --- questions and answers ----------------------------------------------------------------- */

static int fail(const struct ctl_target *t, const redisReply *r, struct err *err)
{
    const char *why = r                               ? r->str
                      : t->redis->err == REDIS_ERR_IO ? strerror(errno)
                                                      : t->redis->errstr;
    return err_set(err, ERR_IO, "Redis: %s", why ? why : "an answer that makes no sense");
}

/* The answer, which the caller frees; NULL with `err`. */
static redisReply *ask(struct ctl_target *t, int argc, const char **argv, const size_t *lens,
                       struct err *err)
{
    redisReply *r = redisCommandArgv(t->redis, argc, argv, lens);
    if (r && r->type != REDIS_REPLY_ERROR) {
        return r;
    }
    fail(t, r, err);
    freeReplyObject(r);
    return NULL;
}

static int tell(struct ctl_target *t, int argc, const char **argv, struct err *err)
{
    redisReply *r = ask(t, argc, argv, NULL, err);
    freeReplyObject(r);
    return r ? 0 : ERR_IO;
}

/* --- opening ------------------------------------------------------------------------------- */

static int connect_to(struct ctl_target *t, struct err *err)
{
    const struct timeval wait = {.tv_sec = WAIT_S};
    const struct redis_address *a = &t->address;
    t->redis = a->path ? redisConnectUnixWithTimeout(a->path, wait)
                       : redisConnectWithTimeout(a->host, a->port, wait);
    if (!t->redis) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (t->redis->err && a->path) {
        return err_set(err, ERR_IO, "cannot connect to Redis at %.200s: %s", a->path,
                       t->redis->errstr);
    }
    if (t->redis->err) {
        return err_set(err, ERR_IO, "cannot connect to Redis at %.200s:%d: %s", a->host, a->port,
                       t->redis->errstr);
    }
    redisSetTimeout(t->redis, wait);
    return 0;
}

static int log_in(struct ctl_target *t, struct err *err)
{
    const struct redis_address *a = &t->address;
    const char *password = t->password ? t->password : a->password;
    char db[24];
    int rc = 0;
    if (password && a->user) {
        rc = tell(t, 3, (const char *[]){"AUTH", a->user, password}, err);
    } else if (password) {
        rc = tell(t, 2, (const char *[]){"AUTH", password}, err);
    }
    if (!rc && a->db != 0) {
        snprintf(db, sizeof db, "%" PRId64, a->db);
        rc = tell(t, 2, (const char *[]){"SELECT", db}, err);
    }
    return rc;
}

static int read_run(struct ctl_target *t, struct err *err)
{
    redisReply *r = ask(t, 2, (const char *[]){"INFO", "server"}, NULL, err);
    if (!r) {
        return ERR_IO;
    }
    int rc = redis_reply_info(r, "run_id", t->run, sizeof t->run);
    freeReplyObject(r);
    return rc ? err_set(err, ERR_IO, "Redis: INFO tells no run_id") : 0;
}

/* "POSITION MARK", as the script wrote it. */
static int read_from(const struct ctl_target *t, const char *mark, struct ctl_migrate_state *state,
                     struct err *err)
{
    const char *space = strchr(t->was, ' ');
    size_t len = space ? (size_t)(space - t->was) : 0;
    if (t->was[0] && (len == 0 || len >= sizeof state->from)) {
        return err_set(err, ERR_INVALID, "Redis: the field \"from\" of %s makes no sense", t->meta);
    }
    memcpy(state->from, t->was, len);
    state->from[len] = '\0';
    state->has_others = len > 0 && strcmp(space + 1, mark) != 0;
    return 0;
}

static int is_text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING;
}

static int read_state(struct ctl_target *t, struct ctl_migrate_state *state, struct err *err)
{
    char mark[REDIS_MARK_CHARS] = "";
    redisReply *there = ask(t, 2, (const char *[]){"EXISTS", t->key}, NULL, err);
    redisReply *facts =
        there ? ask(t, 6, (const char *[]){"HMGET", t->meta, "from", "g", "e", "n"}, NULL, err)
              : NULL;
    int rc = facts ? 0 : ERR_IO;
    if (!rc && (facts->type != REDIS_REPLY_ARRAY || facts->elements != 4)) {
        rc = fail(t, NULL, err);
    }
    if (!rc) {
        redisReply **f = facts->element;
        snprintf(t->was, sizeof t->was, "%s", is_text(f[0]) ? f[0]->str : "");
        if (is_text(f[1]) && is_text(f[2]) && is_text(f[3])) {
            snprintf(mark, sizeof mark, "%s.%s.%s", f[1]->str, f[2]->str, f[3]->str);
        }
        state->has_events = there->integer != 0;
        /* A stream that was deleted begins anew. */
        rc = state->has_events ? read_from(t, mark, state, err) : 0;
    }
    freeReplyObject(facts);
    freeReplyObject(there);
    return rc;
}

static int make_script(struct ctl_target *t)
{
    buf_init(&t->script, SCRIPT_MAX);
    int rc = buf_append_str(&t->script, script_begin);
    rc = rc ? rc : buf_append_str(&t->script, redis_script_publish);
    rc = rc ? rc : buf_append_str(&t->script, script_end);
    return rc ? rc : buf_append_char(&t->script, '\0');
}

static int prepare(struct ctl_target *t, const struct ctl_migrate *m, struct err *err)
{
    int rc = redis_address_parse(&t->address, m->to, err);
    if (rc) {
        return rc;
    }
    if (m->password_file && redis_password_read(m->password_file, &t->password)) {
        return err_set(err, ERR_IO, "--password-file %s: %s", m->password_file, strerror(errno));
    }
    t->key = redis_name_stream(m->key_prefix, m->stream);
    t->meta = redis_name_meta(m->key_prefix, m->stream);
    return t->key && t->meta && make_script(t) == 0 ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

int ctl_target_open(struct ctl_target **out, const struct ctl_migrate *m,
                    struct ctl_migrate_state *state, struct err *err)
{
    struct ctl_target *t = calloc(1, sizeof *t);
    if (!t) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    int rc = prepare(t, m, err);
    rc = rc ? rc : connect_to(t, err);
    rc = rc ? rc : log_in(t, err);
    rc = rc ? rc : read_run(t, err);
    rc = rc ? rc : read_state(t, state, err);
    t->how = m->is_append ? "append" : "keep";
    if (rc) {
        ctl_target_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

/* --- events -------------------------------------------------------------------------------- */

/* What EVAL gets. */
struct call {
    const char *argv[FIRST_ARGS + EVENT_ARGS * CTL_MIGRATE_EVENTS + LAST_ARGS];
    size_t lens[FIRST_ARGS + EVENT_ARGS * CTL_MIGRATE_EVENTS + LAST_ARGS];
    int argc;
    char times[CTL_MIGRATE_EVENTS][24];
};

static void add(struct call *c, const char *data, size_t len)
{
    c->argv[c->argc] = data;
    c->lens[c->argc++] = len;
}

static void add_text(struct call *c, const char *text)
{
    add(c, text, strlen(text));
}

static void add_event(struct call *c, size_t i, const struct ctl_migrate_event *e)
{
    snprintf(c->times[i], sizeof c->times[i], "0@%" PRId64, e->wall_ms > 0 ? e->wall_ms : 0);
    add(c, e->name, e->name_len);
    add(c, e->data, e->data_len);
    add_text(c, c->times[i]);
}

static int take_answer(struct ctl_target *t, const redisReply *r, struct err *err)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 3 || !is_text(r->element[2])
        || r->element[2]->len >= sizeof t->was) {
        return err_set(err, ERR_PROTOCOL, "Redis: an answer that makes no sense");
    }
    memcpy(t->was, r->element[2]->str, r->element[2]->len + 1);
    return 0;
}

int ctl_target_put(struct ctl_target *t, const struct ctl_migrate_event *events, size_t count,
                   const char *from, struct err *err)
{
    char generation[REDIS_GENERATION_CHARS + 1];
    struct call *c = calloc(1, sizeof *c);
    if (!c) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (redis_name_generation(generation)) {
        free(c);
        return err_set(err, ERR_IO, "the system has no random numbers");
    }
    const char *const first[] = {
        "EVAL", t->script.data, "2", t->key, t->meta, generation, t->run, "0", "0", "0", ""};
    _Static_assert(sizeof first / sizeof first[0] == FIRST_ARGS, "room for them");
    for (size_t i = 0; i < FIRST_ARGS; i++) {
        add_text(c, first[i]);
    }
    for (size_t i = 0; i < count; i++) {
        add_event(c, i, &events[i]);
    }
    add_text(c, t->was);
    add_text(c, from);
    add_text(c, t->how);
    redisReply *r = ask(t, c->argc, c->argv, c->lens, err);
    int rc = r ? take_answer(t, r, err) : ERR_IO;
    freeReplyObject(r);
    free(c);
    return rc;
}

void ctl_target_free(struct ctl_target *t)
{
    if (!t) {
        return;
    }
    if (t->redis) {
        redisFree(t->redis);
    }
    redis_address_fini(&t->address);
    free(t->password);
    free(t->key);
    free(t->meta);
    buf_fini(&t->script);
    free(t);
}

#endif
