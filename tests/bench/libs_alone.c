/* SPDX-License-Identifier: MIT */
/* libs_alone: a process that does nothing but have ssecgi's libraries loaded: what a process costs
 * before our own code has begun. */
#include <fcgiapp.h>
#include <json-c/json.h>
#include <unistd.h>
#include <uv.h>
#include <zlib.h>

int main(void)
{
    /* One call into each, so that the linker keeps it. */
    int is_there = uv_version() != 0 && json_c_version() != NULL && zlibVersion() != NULL;
    FCGX_IsCGI();
    is_there = is_there && write(STDOUT_FILENO, "ready\n", 6) == 6;
    if (is_there) {
        pause(); /* libfcgi handles SIGTERM: it ends this */
    }
    return is_there ? 0 : 1;
}
