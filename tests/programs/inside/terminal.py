# SPDX-License-Identifier: GPL-2.0-or-later
"""Types into a program on a terminal of its own: `terminal.py LINES COMMAND...`.

Each line of the file LINES is what to wait for (a pattern),
a tab, and what to type then: text with Enter, or `^C` and the like. Prints all that
the terminal showed, and the status.
"""

from __future__ import annotations

import os
import pty
import re
import sys


def shown_until(terminal: int, pattern: str) -> str:
    """The output until it has the pattern, or all of it."""
    text = ""
    while not re.search(pattern, text):
        try:
            more = os.read(terminal, 4096)
        except OSError:  # the program has closed its terminal
            break
        if not more:
            break
        text += more.decode()
    return text


def main(script: str, *command: str) -> int:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    text = ""
    with open(script, encoding="utf-8") as lines:
        for line in lines:
            pattern, _, send = line.rstrip("\n").partition("\t")
            text += shown_until(terminal, pattern)
            key = len(send) == 2 and send[0] == "^"
            typed = chr(ord(send[1]) & 31) if key else send + "\r"
            os.write(terminal, typed.encode())
    text += shown_until(terminal, "(?!)")
    print(text.replace("\r", ""), flush=True)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    print("status", main(*sys.argv[1:]))
