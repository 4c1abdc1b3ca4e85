/* SPDX-License-Identifier: MIT */
/* hub_play: a random life of a few processes and readers, as the seed of the rig has it. */
#ifndef HUB_PLAY_H
#define HUB_PLAY_H

#include "hub_rig.h"

/* The log grows and is trimmed and may end; sources fail; readers are slow, stall, come and go;
 * processes drain and restart. With `is_real`, the gate's writer on a socket pair for each reader.
 */
void hub_play(struct rig *rig, int is_real);

#endif
