# SPDX-License-Identifier: GPL-2.0-or-later
"""A thread changes a path while it is looked at, between rows and other names."""

from __future__ import annotations

import errno
from collections import Counter
from pathlib import Path

from tests.support.run import Runner

# All names have one length; one thread writes them by turns, the other one opens.
CODE = """
import ctypes, errno, os, sys, threading
names = [os.fsencode(name) for name in sys.argv[1:]]
text = ctypes.create_string_buffer(names[0])
c = ctypes.CDLL(None, use_errno=True)
over = False
def change():
    turn = 0
    while not over:
        turn += 1
        ctypes.memmove(text, names[turn % len(names)], len(names[0]))
thread = threading.Thread(target=change)
thread.start()
for _ in range(3000):
    fd = c.open(text, os.O_RDONLY)
    if fd < 0:
        print(errno.errorcode[ctypes.get_errno()])
    else:
        print(os.read(fd, 20).decode())
        os.close(fd)
over = True
thread.join()
"""


def test_each_answer_is_one_of_a_name(run: Runner, place: Path) -> None:
    for name in ("target", "hosts1", "secret", "masked"):
        (place / name).write_text(name)
    options = ["--mount", f"{place}/masked={place}/target"]
    options += ["--mount", f"{place}/secret=DENY", "--mount", f"{place}/no-one=ENOENT"]
    names = [place / name for name in ("masked", "hosts1", "secret", "no-one")]
    found = run("/usr/bin/python3", "-c", CODE, *names, options=options).ok()
    answers = Counter(found.text.split())
    denied, missing = errno.errorcode[errno.EACCES], errno.errorcode[errno.ENOENT]
    # What the kernel has at a row's name may be seen: the limit that is written down.
    # Half a name is the program's own doing.
    assert set(answers) <= {"target", "hosts1", denied, missing, "secret", "masked"}
    assert {"target", "hosts1", denied} <= set(answers)
    assert not found.messages
