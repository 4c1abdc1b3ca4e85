/* SPDX-License-Identifier: MIT */
/* registry: the table of built-in sources. */
#include "source/source.h"

#include "source/clock.h"
#include "source/price.h"
#include "source/tail/tail.h"
#include "source/topic/topic.h"

#include <string.h>

const struct source_type *const source_types[] = {
    &source_clock,
    &source_price,
    &source_tail,
    &source_topic,
    NULL,
};

const struct source_type *source_find(const char *name)
{
    for (size_t i = 0; source_types[i]; i++) {
        if (strcmp(source_types[i]->name, name) == 0) {
            return source_types[i];
        }
    }
    return NULL;
}

const char *source_param_value(const struct source_setup *setup, const char *name)
{
    for (size_t i = 0; i < setup->param_count; i++) {
        if (strcmp(setup->params[i].name, name) == 0) {
            return setup->params[i].value;
        }
    }
    return NULL;
}
