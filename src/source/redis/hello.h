/* SPDX-License-Identifier: MIT */
/* redis_hello: what is said first on a connection, and looked at later: who we are, and who the server is. */
#ifndef SOURCE_REDIS_HELLO_H
#define SOURCE_REDIS_HELLO_H

struct redis_lane_state;
struct redis_server;

/* The lane's connection was made. When all is well, redis_server_lane_ready() is called. */
void redis_hello(struct redis_lane_state *lane);

/* Asks whether it is the master still, and what time it has. */
void redis_hello_look(struct redis_server *s);

#endif
