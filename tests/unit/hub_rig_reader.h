/* SPDX-License-Identifier: MIT */
/* hub_rig_reader: what the two files of the rig share. */
#ifndef HUB_RIG_READER_H
#define HUB_RIG_READER_H

#include "hub_rig.h"

void rig_reader_init(struct rig_reader *r, struct rig *rig);
void rig_reader_fini(struct rig_reader *r);

/* The data of entry `index`, as long as the log says. */
void rig_data(size_t index, size_t len, struct buf *out);

/* How many comments stand in a stream. */
size_t rig_comments(const char *text, size_t len);

#define RIG_TOLD "stream.told" /* what rig_tell tells */

#endif
