# SPDX-License-Identifier: MIT
"""Runs the tests of one file and prints TAP: python3 tap.py FILE.py [Class[.test] ...]"""

import importlib.util
import os
import signal
import sys
import time
import traceback
import unittest


TEST_SECONDS_MAX = 240  # every wait has a deadline of its own; this is for what has none


class TooLong(BaseException):
    """Not an Exception: no test takes it for one that it expects."""


def on_alarm(number, frame):
    raise TooLong("the test took more than %d s" % TEST_SECONDS_MAX)


class TapResult(unittest.TestResult):
    """One line a test, as soon as it ended; what went wrong follows as comments."""

    def __init__(self, out):
        super().__init__()
        self.out = out
        self.number = 0
        self.has_failed = False
        self._trouble = []
        self._skip = None
        self._started = 0.0

    def say(self, text):
        self.out.write(text + "\n")
        self.out.flush()

    def comment(self, text):
        for line in text.splitlines():
            self.say("# " + line)

    def line(self, is_good, name, reason=None):
        self.number += 1
        self.has_failed = self.has_failed or not is_good
        self.say("%s %d - %s%s" % ("ok" if is_good else "not ok", self.number, name,
                                   " # SKIP " + " ".join(reason.split())
                                   if reason is not None else ""))

    def startTest(self, test):
        super().startTest(test)
        self._trouble = []
        self._skip = None
        self._started = time.monotonic()
        signal.alarm(TEST_SECONDS_MAX)

    def addError(self, test, err):
        super().addError(test, err)
        self._note(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._note(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self._trouble.append("in %s" % subtest)
            self._note(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._skip = reason
        if not isinstance(test, unittest.TestCase):  # setUpClass skipped: no test was started
            self.line(True, test.id(), reason)

    def _note(self, test, err):
        text = "".join(traceback.format_exception(*err))
        if isinstance(test, unittest.TestCase):
            self._trouble.append(text)
        else:  # setUpClass or setUpModule
            self.line(False, test.id())
            self.comment(text)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)
        name = test.id().removeprefix(type(test).__module__ + ".")
        if self._trouble:
            self.line(False, name)
            for text in self._trouble:
                self.comment(text)
            for text in getattr(test, "logs", []):
                self.comment(text)
        else:
            self.line(True, name, self._skip)
        self.comment("%s took %.1f s" % (name, time.monotonic() - self._started))


def main(args):
    if not args:
        sys.stderr.write("usage: tap.py FILE.py [Class[.test] ...]\n")
        return 2
    path = os.path.abspath(args[0])
    sys.path.insert(0, os.path.dirname(path))
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location(os.path.basename(path).removesuffix(".py"), path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except unittest.SkipTest as skip:
        print("1..0 # SKIP %s" % skip)
        return 0
    loader = unittest.TestLoader()
    suite = (loader.loadTestsFromNames(args[1:], module) if args[1:]
             else loader.loadTestsFromModule(module))
    result = TapResult(sys.stdout)
    signal.signal(signal.SIGALRM, on_alarm)
    suite.run(result)
    result.say("1..%d" % result.number)
    return 1 if result.has_failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
