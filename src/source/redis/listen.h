/* SPDX-License-Identifier: MIT */
/* redis_listen: one XREAD that waits for news of all streams which follow. */
#ifndef SOURCE_REDIS_LISTEN_H
#define SOURCE_REDIS_LISTEN_H

struct redis_server;

/* Waits for news, if that is not being done and a stream follows. */
void redis_listen(struct redis_server *s);

#endif
