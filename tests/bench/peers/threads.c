/* SPDX-License-Identifier: MIT */
/* threads: a peer of the benchmark: the classic libfcgi program, FCGX_Accept_r and then a thread
 * for each stream, which writes and flushes with libfcgi.
 *
 *     threads unix:PATH < LINES
 *
 * The newest events are kept for readers that come back; one that falls behind by more is cut off.
 */
#include "../peer.h"

#include <fcgiapp.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_KEPT 4096
#define PIECE_BYTES 16384 /* written at once; no event is larger */
#define STACK_BYTES (128 * 1024)

static const char head[] = "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\n"
                           "retry: 2000\n\n";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct {
    char *text; /* heap */
    size_t len;
} events[EVENTS_KEPT];
static unsigned long long event_count;

/* Copies what comes after event `*at`, waiting for it. Answers its length; 0 when it is gone. */
static size_t take(unsigned long long *at, char *out)
{
    size_t used = 0;
    pthread_mutex_lock(&lock);
    while (*at >= event_count) {
        pthread_cond_wait(&more, &lock);
    }
    while (*at < event_count && event_count - *at <= EVENTS_KEPT) {
        size_t i = (size_t)(*at % EVENTS_KEPT);
        if (used + events[i].len > PIECE_BYTES) {
            break;
        }
        memcpy(out + used, events[i].text, events[i].len);
        used += events[i].len;
        ++*at;
    }
    pthread_mutex_unlock(&lock);
    return used;
}

static unsigned long long newest(void)
{
    pthread_mutex_lock(&lock);
    unsigned long long count = event_count;
    pthread_mutex_unlock(&lock);
    return count;
}

static int send_text(FCGX_Request *request, const char *text, size_t len)
{
    return FCGX_PutStr(text, (int)len, request->out) == (int)len && FCGX_FFlush(request->out) == 0
               ? 0
               : -1;
}

static void *serve(void *arg)
{
    FCGX_Request *request = arg;
    char piece[PIECE_BYTES];
    const char *last = FCGX_GetParam("HTTP_LAST_EVENT_ID", request->envp);
    unsigned long long at = last ? strtoull(last, NULL, 10) : newest();
    int rc = send_text(request, head, sizeof head - 1);
    while (rc == 0) {
        size_t len = take(&at, piece);
        rc = len > 0 ? send_text(request, piece, len) : -1;
    }
    FCGX_Finish_r(request);
    free(request);
    return NULL;
}

static void *follow(void *unused)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    (void)unused;
    while ((len = getline(&line, &size, stdin)) > 0 && len < PIECE_BYTES / 2) {
        char *text = malloc((size_t)len + 64);
        if (!text) {
            break;
        }
        pthread_mutex_lock(&lock);
        size_t i = (size_t)(event_count % EVENTS_KEPT);
        event_count++;
        free(events[i].text);
        events[i].text = text;
        events[i].len =
            (size_t)sprintf(text, "id: %0*llu\ndata: %s\n", PEER_ID_BYTES, event_count, line);
        pthread_cond_broadcast(&more);
        pthread_mutex_unlock(&lock);
    }
    exit(0);
}

/* A request and its thread. -1 at the end. */
static int serve_next(int listener, const pthread_attr_t *attributes)
{
    pthread_t thread;
    FCGX_Request *request = calloc(1, sizeof *request);
    if (!request || FCGX_InitRequest(request, listener, 0)) {
        return -1;
    }
    if (FCGX_Accept_r(request) < 0 || pthread_create(&thread, attributes, serve, request)) {
        FCGX_Finish_r(request);
        free(request);
    }
    return 0;
}

int main(int argc, char **argv)
{
    pthread_attr_t attributes;
    pthread_t follower;
    int listener = argc == 2 ? peer_listen(argv[1]) : -1;
    if (listener < 0) {
        fprintf(stderr, "usage: threads unix:PATH < LINES\n");
        return 2;
    }
    peer_init();
    fcntl(listener, F_SETFL, 0); /* it waits in accept */
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (FCGX_Init() || pthread_create(&follower, &attributes, follow, NULL)) {
        return 1;
    }
    signal(SIGTERM, SIG_DFL); /* libfcgi's own handler would go on */
    while (serve_next(listener, &attributes) == 0) {
    }
    return 1;
}
