# SPDX-License-Identifier: MIT
# test_docs.py: the manual pages tell every option and setting, and no other; examples are good.

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = os.environ.get("SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SSECGI = os.environ.get("SSECGI", "")
CTL = os.path.join(os.path.dirname(SSECGI), "ssecgi-ctl")
MODULES = {"module_dir": os.path.dirname(os.path.abspath(SSECGI))}
ROWS, COLUMNS = 24, 80
ANSWERS = "SETTINGS OF STREAMS THAT ANSWER REQUESTS"
ESCAPES = {"\\-": "-", "\\(dq": '"', "\\(aq": "'", "\\(": "("}


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def run(*args):
    """(status, standard output, standard error), without what the environment may say."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("SSECGI")}
    done = subprocess.run(args, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def with_config(value, action):
    """What the program says of a JSON text, or of what becomes one."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        f.write(value if isinstance(value, str) else json.dumps(value))
        f.flush()
        return run(SSECGI, "--config", f.name, action)


def check_config(value):
    return with_config(value, "--check-config")


def left_out():
    """Modules that are not built here for want of a library, or that are refused."""
    listed = with_config(MODULES, "--list-sources")[1]
    return {m for m in ("chat", "redis") if not re.search(r"(?m)^%s: (?!refused)" % m, listed)}


def known_keys(value):
    """The keys that are known where an unknown one stands."""
    status, _, said = check_config(value)
    assert status == 6, said
    return set(re.search(r"known here: (.*)", said).group(1).split(", "))


class Page:
    """A manual page's sections, each a list of (head, text) by .TP and .TQ."""

    def __init__(self, name):
        self.text = read("man/" + name)
        self.sections = {}
        self._heads, self._wants_head = [], False
        for line in self.text.splitlines():
            self._line(line)

    def _line(self, line):
        words = self.words(line)
        if line.startswith(".SH"):
            self._here = self.sections.setdefault(" ".join(words), [])
        elif line.startswith((".TP", ".TQ")):
            self._heads = self._heads if line.startswith(".TQ") else []
            self._wants_head = True
        elif self._wants_head:
            self._heads.append(words)
            self._here.append([words, ""])
            self._wants_head = False
        elif self.sections and self._here:
            for entry in self._here[-len(self._heads):]:
                entry[1] += " " + "".join(words) if line.startswith(".") else " " + " ".join(words)

    @staticmethod
    def words(line):
        """The words of a macro line, or of text, without roff's escapes."""
        if line.startswith("."):
            line = line.partition(" ")[2]
        for escape, text in ESCAPES.items():
            line = line.replace(escape, "\1" if text == '"' else text)
        return [w.strip('"').replace("\1", '"') for w in re.findall(r'"[^"]*"|[^\s"]+', line)]

    def settings(self, section):
        """{name: default or ""} of a section's heads."""
        found = {}
        for words, _ in self.sections[section]:
            found[words[0].strip()] = "".join(words[1:]).strip().removeprefix("(").removesuffix(")")
        return found

    def text_of(self, section, name):
        return next(text for words, text in self.sections[section] if words[0].strip() == name)

    def options(self):
        """{"--config FILE", ...}"""
        return {" ".join("".join(w + " " for w in words).split())
                for words, _ in self.sections["OPTIONS"]}


def help_options(text):
    """What --help lists: lines that begin with options."""
    found = set()
    for line in text.splitlines():
        match = re.match(r" +(--[a-z-]+.*)", line)
        for option in re.split(r"  |, ", match.group(1)) if match else ():
            option = re.match(r"--[a-z-]+( [A-Z][A-Z:]*)?$", option.strip())
            if option:
                found.add(option.group(0))
    return found


@unittest.skipUnless(os.access(SSECGI, os.X_OK), "SSECGI names no program")
class Manual(unittest.TestCase):
    def test_every_setting_of_the_process_is_told_with_its_default(self):
        page = Page("ssecgi.json.5").settings("SETTINGS OF THE PROCESS")
        self.assertEqual(set(page), known_keys({"zzz": 1}))
        for key, value in json.loads(run(SSECGI, "--dump-config")[1]).items():
            if key not in ("streams", "module_dir"):  # where it was installed
                self.assertEqual(json.loads(page[key] or "null"), value, key)

    def sources(self):
        """{source: {setting: default, or None}}, and {"?parameter="} of all."""
        found, parameters = {}, set()
        for line in with_config(MODULES, "--list-sources")[1].splitlines():
            head = re.match(r"(\w+): ", line)
            if head and ": refused: " in line:
                continue
            if head:
                here = found.setdefault(head.group(1), {})
            elif line.strip().startswith("?"):
                parameters.add(line.strip())
            else:
                name, _, text = line.strip().partition(" ")
                default = re.search(r"; default (.*)$", text)
                here[name] = default and json.loads(default.group(1))
        return found, parameters

    def test_every_setting_of_every_source_is_told_with_its_default(self):
        page = Page("ssecgi.json.5")
        sources, _ = self.sources()
        told = {s.removeprefix("SOURCE ") for s in page.sections if s.startswith("SOURCE ")}
        self.assertEqual(told - left_out(), set(sources))
        for source, settings in sources.items():
            told = page.settings("SOURCE " + source)
            self.assertEqual(set(told), set(settings), source)
            for name, default in settings.items():
                self.assertEqual(json.loads(told[name] or "null"), default,
                                 "%s.%s" % (source, name))

    def test_every_setting_that_all_streams_have_is_told(self):
        page = set(Page("ssecgi.json.5").settings("SETTINGS OF EVERY STREAM"))
        answers = set(Page("ssecgi.json.5").settings(ANSWERS))
        for source, settings in self.sources()[0].items():
            known = known_keys({**MODULES, "state_dir": "/tmp",
                                "streams": {"x": {"source": source, "zzz": 1}}})
            told = page | answers if "max_runs" in known else page
            self.assertEqual(known - set(settings), told - set(settings), source)

    def test_every_setting_of_answers_is_told_with_its_default(self):
        told = Page("ssecgi.json.5").settings(ANSWERS)
        stream = {"source": "exec", "argv": ["true"], "mode": "per_request"}
        said = with_config({"state_dir": "/tmp", "streams": {"x": stream}}, "--dump-config")[1]
        dump = json.loads(said)["streams"]["x"]
        self.assertEqual({name: dump[name] for name in told},
                         {name: json.loads(default) for name, default in told.items()})

    def test_every_choice_is_told(self):
        page = Page("ssecgi.json.5")
        for source, settings in self.sources()[0].items():
            for name, default in settings.items():
                if isinstance(default, str):
                    self.assert_choices(page, "SOURCE " + source, name, {
                        **MODULES, "streams": {"x": {"source": source, name: "zzz"}}})
        for name, default in page.settings("SETTINGS OF THE PROCESS").items():
            if default.startswith('"'):
                self.assert_choices(page, "SETTINGS OF THE PROCESS", name, {name: "zzz"})

    def assert_choices(self, page, section, name, config):
        said = check_config(config)[2]
        choices = re.search(r"must be one of (.*?)(, not|$)", said)
        told = page.text_of(section, name) + page.settings(section)[name]
        for choice in re.findall(r"[\w-]+", choices.group(1)) if choices else ():
            self.assertIn('"%s"' % choice, told, name)

    def test_settings_within_settings_are_told(self):
        inner = known_keys({"streams": {"p": {"source": "price", "symbols": {"A": {"zzz": 1}}}}})
        text = Page("ssecgi.json.5").text_of("SOURCE price", "symbols")
        for name in inner:
            self.assertIn('"%s"' % name, text)

    def test_every_parameter_of_a_request_is_told(self):
        requests = read("man/ssecgi.8").partition(".SH REQUESTS")[2].partition(".SH ")[0]
        names = {"?from=", "?last=", "?since=", "?until=", "?before=", *self.sources()[1]}
        for name in names:
            self.assertRegex(requests, r"[?&]%s" % re.escape(name[1:]), name)

    def test_the_page_and_the_help_have_the_same_options(self):
        self.assertEqual(Page("ssecgi.8").options(), help_options(run(SSECGI, "--help")[1]))

    def test_every_option_is_in_the_help(self):
        table = re.findall(r'^ +\{"([a-z-]+)", (?:no|required)_argument', read("src/app/flags.c"),
                           re.M)
        told = {o.split(" ")[0][2:] for o in help_options(run(SSECGI, "--help")[1])}
        self.assertEqual(told, set(table))

    def test_the_help_fits_a_screen(self):
        self.assert_fits(run(SSECGI, "--help")[1])

    def assert_fits(self, text):
        lines = text.splitlines()
        self.assertLess(len(lines), ROWS)  # the prompt has a row, too
        self.assertLessEqual(max(map(len, lines)), COLUMNS, max(lines, key=len))

    @unittest.skipUnless(os.access(CTL, os.X_OK), "ssecgi-ctl is not built (libcurl)")
    def test_the_companions_page_and_help_have_the_same_options(self):
        text = run(CTL, "--help")[1]
        self.assert_fits(text)
        heads = " ".join(" ".join(words) for words, _ in Page("ssecgi-ctl.1").sections["OPTIONS"])
        listed = "\n".join(line for line in text.splitlines() if re.match(r" +-", line))
        self.assertEqual(set(re.findall(r"--[a-z-]+", heads)),
                         set(re.findall(r"--[a-z-]+", listed)))

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed (Debian: groff-base)")
    def test_the_pages_are_good_roff(self):
        for name in sorted(os.listdir(os.path.join(TOP, "man"))):
            if re.search(r"\.[1-8]$", name):
                said = run("groff", "-man", "-Tutf8", "-ww", "-z", os.path.join(TOP, "man", name))
                self.assertEqual(said, (0, "", ""), name)

    def test_examples_of_configurations_are_good(self):
        examples = re.findall(r"```json\n(.*?)```", read("README.md"), re.S)
        page = read("man/ssecgi.json.5").partition(".SH EXAMPLE")[2]
        examples.append(re.search(r"\.nf\n(.*?)\.fi", page, re.S).group(1).replace("\\(dq", '"'))
        for name in sorted(os.listdir(os.path.join(TOP, "doc"))):
            if name.endswith(".md"):
                text = read("doc/" + name)
                examples += re.findall(r"```json\n(.*?)```", text, re.S)
                streams = re.findall(r'^ {4}("[\w./-]+": \{"source".*\})$', text, re.M)
                examples += ['{"streams": {%s}}' % stream for stream in streams]
        self.assertGreaterEqual(len(examples), 4)
        absent = left_out()
        for example in examples:
            if any('"source": "%s"' % name in example for name in absent):
                continue
            for key, value in {**MODULES, "state_dir": "/var/lib/ssecgi"}.items():
                if '"%s"' % key not in example:
                    example = example.replace("{", '{"%s": "%s", ' % (key, value), 1)
            status, _, said = check_config(example)
            self.assertEqual(status, 0, said + example)


class Links(unittest.TestCase):
    def test_links_lead_to_files_that_are_there(self):
        pages = [p for p in os.listdir(TOP) if p.endswith(".md")]
        pages += ["doc/" + p for p in os.listdir(os.path.join(TOP, "doc")) if p.endswith(".md")]
        for page in pages:
            for link in re.findall(r"\]\(([^)\s]+)\)", read(page)):
                if not re.match(r"\w+:|#", link):
                    target = os.path.join(TOP, os.path.dirname(page), link.partition("#")[0])
                    self.assertTrue(os.path.exists(target), "%s: %s" % (page, link))

    def test_the_choice_of_a_server_names_every_folder(self):
        deploy = os.path.join(TOP, "deploy")
        servers = {f for f in os.listdir(deploy) if os.path.isdir(os.path.join(deploy, f))}
        page = read("doc/which-server.md")
        for folder in servers - {"demo", "scale", "systemd"}:
            self.assertIn("`%s`" % folder, page)


if __name__ == "__main__":
    unittest.main()
