/* SPDX-License-Identifier: MIT */
/* registry: the table of built-in sources, and the way to the others. */
#include "source/registry.h"

#include "base/err.h"
#include "source/clock.h"
#include "source/exec/exec.h"
#include "source/module.h"
#include "source/price.h"
#include "source/source.h"
#include "source/tail/tail.h"
#include "source/topic/topic.h"

#include <stdio.h>
#include <string.h>

const struct source_type *const source_types[] = {
    &source_clock,
    &source_exec,
    &source_price,
    &source_tail,
    &source_topic,
    NULL,
};

const struct source_type *source_find_builtin(const char *name)
{
    for (size_t i = 0; source_types[i]; i++) {
        if (strcmp(source_types[i]->name, name) == 0) {
            return source_types[i];
        }
    }
    return NULL;
}

static int fail_unknown(const char *name, const char *why, struct err *err)
{
    char known[256] = "";
    size_t used = 0;
    for (size_t i = 0; source_types[i] && used < sizeof known; i++) {
        used += (size_t)snprintf(known + used, sizeof known - used, "%s\"%s\"", used ? ", " : "",
                                 source_types[i]->name);
    }
    return err_set(err, ERR_UNKNOWN, "there is no source \"%.64s\"; there are %s; as a module: %s",
                   name, known, why);
}

int source_find(const char *name, const char *module_dir, const struct source_type **out,
                struct err *err)
{
    struct err why = {.code = 0};
    const struct source_type *type = source_find_builtin(name);
    if (type) {
        *out = type;
        return 0;
    }
    int rc = source_module_load(module_dir, name, out, &why);
    if (rc == ERR_UNKNOWN) {
        return fail_unknown(name, why.text, err);
    }
    return rc ? err_set(err, rc, "%s", why.text) : 0;
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
