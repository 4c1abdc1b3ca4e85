/* SPDX-License-Identifier: MIT */
/* topic: what others publish, kept in a journal of files. */
#ifndef SOURCE_TOPIC_TOPIC_H
#define SOURCE_TOPIC_TOPIC_H

struct source;
struct source_type;

extern const struct source_type source_topic;

/* To be called when this process has published: readers get it in the loop's next turn, without waiting
 * for the system's notice. `s` is a topic. */
void topic_published(struct source *s);

/* The same by the only process that publishes: then the system's notices are not needed. `is_moved`: a file was
 * begun. */
void topic_written(struct source *s, int is_moved);

#endif
