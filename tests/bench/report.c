/* SPDX-License-Identifier: MIT */
/* report: what the load client has measured, as JSON. */
#include "load.h"

#include <json-c/json.h>
#include <sys/resource.h>

void report_number(struct json_object *o, const char *key, double value)
{
    json_object_object_add(o, key, json_object_new_double(value));
}

void report_count(struct json_object *o, const char *key, uint64_t value)
{
    json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

void report_quantiles(struct json_object *o, const char *key, const struct histogram *h)
{
    struct json_object *q = json_object_new_object();
    report_number(q, "p50", (double)histogram_quantile(h, 0.5) / 1e3);
    report_number(q, "p99", (double)histogram_quantile(h, 0.99) / 1e3);
    report_number(q, "p99.9", (double)histogram_quantile(h, 0.999) / 1e3);
    report_number(q, "max", (double)h->max / 1e3);
    json_object_object_add(o, key, q);
}

static double own_cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec)
           + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

void report_start(struct load *l)
{
    for (size_t i = 0; i < l->procs.count; i++) {
        l->cpu_s[i] = procs_cpu_s(l->procs.list[i].pid);
    }
    l->own_cpu_s = own_cpu_s();
    l->start_ns = reader_now_ns();
}

/* Adds to the number that stands there: processes of one name count together. */
static void add_number(struct json_object *o, const char *key, double value)
{
    struct json_object *old;
    double sum = json_object_object_get_ex(o, key, &old) ? json_object_get_double(old) : 0;
    report_number(o, key, sum + value);
}

struct json_object *report_used(struct load *l, const char *key)
{
    struct json_object *o = json_object_new_object();
    struct json_object *cpu = json_object_new_object();
    report_number(o, "seconds", (double)(reader_now_ns() - l->start_ns) / 1e9);
    for (size_t i = 0; i < l->procs.count; i++) {
        const struct proc *p = &l->procs.list[i];
        add_number(cpu, p->name, procs_cpu_s(p->pid) - l->cpu_s[i]);
    }
    json_object_object_add(o, "cpu_s", cpu);
    report_number(o, "client_cpu_s", own_cpu_s() - l->own_cpu_s);
    json_object_object_add(l->report, key, o);
    return o;
}

void report_memory(struct load *l)
{
    struct json_object *list;
    struct json_object *o = json_object_new_object();
    struct json_object *pss = json_object_new_object();
    if (!json_object_object_get_ex(l->report, "memory", &list)) {
        list = json_object_new_array();
        json_object_object_add(l->report, "memory", list);
    }
    report_count(o, "readers", l->client.streaming);
    for (size_t i = 0; i < l->procs.count; i++) {
        add_number(pss, l->procs.list[i].name, procs_pss_kib(l->procs.list[i].pid));
    }
    json_object_object_add(o, "pss_kib", pss);
    json_object_array_add(list, o);
}

void report_deliveries(struct load *l, const struct reader_totals *before)
{
    const struct reader_totals *t = &l->client.totals;
    struct json_object *o = l->report;
    report_count(o, "deliveries", t->events - before->events);
    report_count(o, "bytes", t->bytes - before->bytes);
    report_count(o, "reads", t->reads - before->reads);
    report_quantiles(o, "latency_us", &t->latency_ns[READER_MEASURED]);
}

void report_faults(struct load *l)
{
    const struct reader_totals *t = &l->client.totals;
    struct json_object *o = l->report;
    report_count(o, "lost", t->lost + client_missing(&l->client));
    report_count(o, "repeated", t->repeated);
    report_count(o, "broken", t->broken);
    report_count(o, "gaps", t->gaps);
    report_count(o, "busy", t->busy);
    report_count(o, "closed", l->client.closed);
    report_count(o, "refused", l->client.refused);
}
