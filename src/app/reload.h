/* SPDX-License-Identifier: MIT */
/* reload: another configuration for a process that runs. */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H

struct app;

/* Reads the configuration again. A wrong one is refused and the old one stays. Streams whose
 * settings did not change are not cut, and sockets stay as they are. */
void app_reload(struct app *app);

/* Puts the configuration's settings in force: the hub's, within what the limit of open files
 * allows, and the log's. */
void app_set_hub_settings(struct app *app);
void app_set_log(struct app *app);

/* Logs it when state_dir cannot be written to. */
void app_warn_state(const struct app *app);

/* A SIGHUP waits between the two: until the loop takes it, it would end the process, and whoever
 * starts one may send it early. */
void app_block_reload(void);
void app_unblock_reload(void);

#endif
