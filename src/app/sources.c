/* SPDX-License-Identifier: MIT */
/* sources: what --list-sources prints. */
#include "app/sources.h"

#include "app/config.h"
#include "base/err.h"
#include "conf/option.h"
#include "source/module.h"
#include "source/registry.h"
#include "source/source.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_source(const struct source_type *type)
{
    printf("%s: %s\n", type->name, type->summary);
    for (const struct conf_option *o = type->options; o->name; o++) {
        printf("    %-18s %s%s%s%s\n", o->name, o->help ? o->help : "",
               o->is_required ? " (required)" : "", o->fallback ? "; default " : "",
               o->fallback ? o->fallback : "");
    }
    for (const char *const *p = type->param_names; p && *p; p++) {
        printf("    ?%s=\n", *p);
    }
}

/* The source that a file is named for. 0 when no module has such a name. */
static int module_name(const char *file, char out[SOURCE_MODULE_NAME_MAX + 1])
{
    size_t len = strlen(file);
    size_t suffix_len = sizeof SOURCE_MODULE_SUFFIX - 1;
    if (len <= suffix_len || len > SOURCE_MODULE_NAME_MAX + suffix_len
        || strcmp(file + len - suffix_len, SOURCE_MODULE_SUFFIX) != 0) {
        return 0;
    }
    memcpy(out, file, len - suffix_len);
    out[len - suffix_len] = '\0';
    return source_module_name_is_valid(out);
}

static int is_module(const struct dirent *entry)
{
    char name[SOURCE_MODULE_NAME_MAX + 1];
    return module_name(entry->d_name, name);
}

static void print_module(const char *folder, const char *file)
{
    char name[SOURCE_MODULE_NAME_MAX + 1];
    const struct source_type *type;
    struct err err = {.code = 0};
    if (!module_name(file, name)) {
        return;
    }
    if (source_find_builtin(name)) {
        printf("%s: refused: %s/%s: a source of this name is built in\n", name, folder, file);
    } else if (source_module_load(folder, name, &type, &err)) {
        printf("%s: refused: %s\n", name, err.text);
    } else {
        print_source(type);
    }
}

/* A folder that is not there has no modules in it. */
static int print_modules(const char *folder, struct err *err)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_module, alphasort);
    if (count < 0) {
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, "%s: %s", folder, strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        print_module(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

int app_sources_list(const char *config, struct err *err)
{
    char *folder = NULL;
    int rc = app_config_module_dir(config, &folder, err);
    if (rc) {
        return rc;
    }
    for (size_t i = 0; source_types[i]; i++) {
        print_source(source_types[i]);
    }
    rc = print_modules(folder, err);
    free(folder);
    return rc;
}
