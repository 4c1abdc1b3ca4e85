/* SPDX-License-Identifier: MIT */
/* journal_members: the journals of a family's members, which stand side by side: how many there may be. */
#ifndef SOURCE_JOURNAL_MEMBERS_H
#define SOURCE_JOURNAL_MEMBERS_H

struct journal;

/* Before the first segment is made: may it be, by the rules' `max_members`? When there are that many, those
 * go whose events are all older than keep_ms. ERR_IO, as on a full disk: none could go; or the
 * folder cannot be read; ERR_NOMEM. */
int journal_members_admit(struct journal *j);

/* The journal's folder is there: notes in it whether it is a member's. Only one with such a note is ever
 * deleted: a stream of a name of its own may stand among the members, and so may members of a
 * family within the family. ERR_IO, ERR_NOMEM. */
int journal_members_note(const struct journal *j);

#endif
