# SPDX-License-Identifier: MIT
"""What the figures were measured on, without names of hosts, people or folders."""

import os
import platform
import re
import resource
import shutil
import subprocess

SBIN = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"


def find_program(name):
    """Its path, or None."""
    return shutil.which(name, path=SBIN)


def first_line(path, pattern, fallback="unknown"):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            match = re.search(pattern, f.read(), re.M)
    except OSError:
        match = None
    return match.group(1).strip() if match else fallback


def version_of(name, *args):
    """The first number with dots that the program says, or None when it is not installed."""
    program = find_program(name)
    if not program:
        return None
    done = subprocess.run([program, *args], capture_output=True, text=True, check=False)
    match = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return match.group(0) if match else "unknown"


def library_version(name):
    try:
        done = subprocess.run(["pkg-config", "--modversion", name], capture_output=True, text=True,
                              check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


def describe():
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": first_line("/proc/cpuinfo", r"^model name\s*:\s*(.*)$"),
        "is_virtual": "hypervisor" in first_line("/proc/cpuinfo", r"^flags\s*:\s*(.*)$", ""),
        "memory_gib": round(pages / 2 ** 30, 1),
        "kernel": re.match(r"[\d.]*\d", platform.release()).group(0),
        "system": first_line("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)"?$'),
        "open_files_max": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "load_at_start": round(os.getloadavg()[0], 2),
        "versions": {
            "gcc": version_of("gcc", "-dumpfullversion"),
            "libuv": library_version("libuv"),
            "json-c": library_version("json-c"),
            "lighttpd": version_of("lighttpd", "-v"),
            "nginx": version_of("nginx", "-v"),
            "Apache": version_of("apache2", "-v"),
            "HAProxy": version_of("haproxy", "-v"),
            "Pushpin": version_of("pushpin", "--version"),
            "Go": version_of("go", "version"),
            "Node": version_of("node", "--version"),
        },
    }


def text(machine):
    """One paragraph for people."""
    versions = ", ".join("%s %s" % (k, v or "not installed")
                         for k, v in machine["versions"].items())
    return ("%d cores of %s%s, %g GiB, %s, Linux %s; at most %d open files a process; %s; load "
            "average at the start %g" % (
                machine["cores"], machine["processor"],
                " (virtual)" if machine["is_virtual"] else "", machine["memory_gib"],
                machine["system"], machine["kernel"], machine["open_files_max"], versions,
                machine["load_at_start"]))
