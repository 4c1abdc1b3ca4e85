# SPDX-License-Identifier: MIT
# lint.py: rules of the house that a program can check; each returns a list of complaints.
"""Each check takes the top folder of a source tree and returns texts "file:line: what is wrong".

    python3 tests/lint/lint.py [TOP]     prints all complaints, exit status 1 when there are any
"""

import os
import re
import sys

# The include table of the rooms (folders of src/): which rooms a room may include besides
# itself, and which headers from outside besides those of libc and POSIX.
UV = ("uv.h",)
JSON_C = ("json-c/", "json.h")
FCGI = ("fcgiapp.h", "fcgios.h", "fcgi_config.h", "fcgimisc.h", "fastcgi.h")
ROOMS = {
    "base": ((), ()),
    "conf": (("base",), JSON_C),
    "sse": (("base",), ()),
    "hub": (("base", "conf", "sse"), ()),
    "source": (("base", "conf", "sse"), UV + JSON_C + ("zlib.h", "pcre2.h")),
    "gate": (("base", "conf", "sse", "hub"), UV + FCGI),
    "app": (("base", "conf", "sse", "hub", "source", "gate"), UV + JSON_C + ("sha2.h",)),
    "ctl": (("base", "conf", "sse", "source", "app"), JSON_C + ("curl/", "hiredis/")),
}

# Folders of a room that include what the rest of it must not: loadable modules.
FOLDERS = {
    "source/redis": ("hiredis/",),
    "source/chat": ("curl/",),
}

LIBC = set("""
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal
    stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath
    threads time uchar wchar wctype
    dirent dlfcn endian fcntl fnmatch getopt glob grp iconv libgen link malloc netdb poll pthread pwd regex
    sched search semaphore spawn strings syslog termios unistd utime wordexp
    """.split())
LIBC_FOLDERS = ("sys/", "net/", "netinet/", "arpa/", "linux/")

SOURCE_FOLDERS = ("src", "tests", "html", "deploy", "doc", "man", "build-aux/local", ".ci")
SKIPPED_FOLDERS = {"node_modules", "__pycache__", "artefacts", ".deps", ".libs"}
COMMENTED = (".c", ".h", ".py", ".sh", ".mk", ".ac", ".am", ".js", ".mjs", ".css", ".html",
             ".conf", ".1", ".5", ".8")
CODE = (".c", ".h", ".py", ".sh", ".js", ".mjs", ".css", ".html")
LISTED = CODE + (".conf", ".json", ".md", ".svg", ".png", ".1", ".5", ".8", ".ts")
MAX_LINES = 500
SPDX = "SPDX-License-Identifier: MIT"

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)"|(.*))')

# Places of one person's machine. In pieces, so that this file does not name them.
MACHINE_PATH = re.compile(r"(?<![\w.@})])/(?:ro" "ot|wo" "rk|ho" "me|Us" "ers)/")


def walk(top, suffixes, folders=SOURCE_FOLDERS):
    """The files below `folders` with one of `suffixes`, as sorted paths relative to `top`."""
    found = []
    for folder in folders:
        for where, names, files in os.walk(os.path.join(top, folder)):
            names[:] = [n for n in names if n not in SKIPPED_FOLDERS]
            found += [os.path.relpath(os.path.join(where, f), top)
                      for f in files if f.endswith(suffixes)]
    return sorted(found)


def lines_of(top, path):
    with open(os.path.join(top, path), encoding="utf-8", errors="replace", newline="") as f:
        return f.read().split("\n")


def is_libc(header):
    return (header.endswith(".h") and header[:-2] in LIBC) or header.startswith(LIBC_FOLDERS)


def is_among(header, allowed):
    return any(header.startswith(a) if a.endswith("/") else header == a for a in allowed)


def include_complaint(folder, match):
    """What is wrong with one #include of a file of `folder`, "room" or "room/folder", or None."""
    outside, ours, other = match.groups()
    if other is not None:
        return "an include must name its file"
    room = folder.split("/")[0]
    rooms, libraries = ROOMS[room]
    if outside is not None:
        if is_libc(outside) or is_among(outside, libraries + FOLDERS.get(folder, ())):
            return None
        return f"{room} must not include <{outside}>"
    target = ours.split("/")[0]
    if "/" not in ours or ".." in ours or target not in ROOMS:
        return f'include our headers as "room/file.h", not "{ours}"'
    if not ours.endswith(".h"):
        return f'only headers are included, not "{ours}"'
    if target != room and target not in rooms:
        return f'{room} must not include "{ours}": see the table of rooms in tests/lint/lint.py'
    return None


def check_includes(top):
    """No file of src/ includes what the table of rooms does not allow."""
    complaints = []
    for path in walk(top, (".c", ".h"), ("src",)):
        parts = path.split(os.sep)
        if len(parts) not in (3, 4) or parts[1] not in ROOMS:
            complaints.append(f"{path}:1: a source file stands in one of src/{{{','.join(ROOMS)}}}, "
                              "or in a folder of one")
            continue
        for number, line in enumerate(lines_of(top, path), 1):
            match = INCLUDE.match(line)
            what = match and include_complaint("/".join(parts[1:-1]), match)
            if what:
                complaints.append(f"{path}:{number}: {what}")
    return complaints


def check_headings(top):
    """Line 1 is the SPDX tag, line 2 says what the file is for (one lower after #! or doctype)."""
    complaints = []
    for path in walk(top, COMMENTED):
        lines = lines_of(top, path) + ["", "", ""]
        first = 1 if lines[0].lower().startswith(("#!", "<!doctype")) else 0
        if SPDX not in lines[first]:
            complaints.append(f"{path}:{first + 1}: must be '{SPDX}' in a comment")
        elif not re.search(r"\w{2}", lines[first + 1]):
            complaints.append(f"{path}:{first + 2}: must say what the file is for")
    return complaints


def check_guards(top):
    """The guard of src/room/file.h is ROOM_FILE_H."""
    complaints = []
    for path in walk(top, (".h",), ("src",)):
        guard = re.sub(r"\W", "_", "/".join(path.split(os.sep)[1:])).upper()
        text = "\n".join(lines_of(top, path))
        if f"#ifndef {guard}\n#define {guard}\n" not in text:
            complaints.append(f"{path}:3: the guard must be {guard}")
    return complaints


def check_sizes(top):
    """No file of code has more than MAX_LINES lines."""
    complaints = []
    for path in walk(top, CODE):
        count = len(lines_of(top, path)) - 1
        if count > MAX_LINES:
            complaints.append(f"{path}:{count}: more than {MAX_LINES} lines: split it")
    return complaints


def check_text(top):
    """No path of one person's machine, no tab in C, no blank at a line's end, no CR."""
    complaints = []
    for path in walk(top, LISTED + (".mk",)):
        if path.endswith((".png", ".svg")) or path.endswith("package-lock.json"):
            continue
        for number, line in enumerate(lines_of(top, path), 1):
            if MACHINE_PATH.search(line):
                complaints.append(f"{path}:{number}: a path of one machine")
            if "\r" in line or (line != line.rstrip() and not path.endswith(".md")):
                complaints.append(f"{path}:{number}: blanks or CR at the end of the line")
            if "\t" in line and path.endswith((".c", ".h")):
                complaints.append(f"{path}:{number}: a tab")
    return complaints


def check_listed(top):
    """Each file is named in Makefile.am or a local.mk, so that it is built and distributed."""
    makefiles = ["Makefile.am"] + walk(top, ("local.mk",))
    words = set()
    for makefile in makefiles:
        words.update(re.split(r"[\s=]+", "\n".join(lines_of(top, makefile))))
    complaints = []
    for path in walk(top, LISTED):
        stem = os.path.splitext(path)[0]
        # A unit test's program is named; automake adds the ".c".
        if path not in words and not (path.startswith("tests/unit/test_") and stem in words):
            complaints.append(f"{path}:1: is named in no local.mk")
    return complaints


CHECKS = (check_includes, check_headings, check_guards, check_sizes, check_text, check_listed)


def main(arguments):
    top = arguments[0] if arguments else os.path.join(os.path.dirname(__file__), "..", "..")
    complaints = [c for check in CHECKS for c in check(top)]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
