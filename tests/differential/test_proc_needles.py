# SPDX-License-Identifier: GPL-2.0-or-later
"""No text and no link of /proc shows the job where its files really are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.run import Runner

Configured = Callable[..., list[Any]]
FQRN = "programs.example.org"
ROOT = f"/cvmfs/{FQRN}"
PYTHON = ("/usr/bin/python3", "-I", "-c")
# Uses what it is given in every way that /proc tells of, then reads all of its own
# /proc. The needles come backwards: its own command line would show them.
LOOK = """
import ctypes, fcntl, mmap, os, socket, sys, threading
root, needles = sys.argv[1], [word[::-1].encode() for word in sys.argv[2:]]
file = os.open(f'{root}/README', os.O_RDONLY)
mapping = mmap.mmap(file, 0, prot=mmap.PROT_READ)
path = os.open(f'{root}/README', os.O_PATH)
copy = os.dup(file)
directory = os.open(root, os.O_RDONLY)
os.chdir(f'{root}/busybox')
fcntl.flock(file, fcntl.LOCK_SH)
ready = threading.Barrier(2)
threading.Thread(target=ready.wait, daemon=True).start()
left_out = {'mem', 'pagemap', 'clear_refs', 'kmsg', 'kcore', 'task'}

def texts(top, depth):
    for name in os.listdir(top):
        path = f'{top}/{name}'
        if name in left_out and (depth or name != 'task'):
            continue
        try:
            if os.path.islink(path):
                yield path, os.readlink(path).encode()
            elif os.path.isdir(path):
                yield from texts(path, depth + 1)
            else:
                fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                text = b''
                while len(text) < 1 << 22:
                    more = os.read(fd, 1 << 16)
                    if not more:
                        break
                    text += more
                os.close(fd)
                yield path, text
        except OSError:
            continue

seen = 0
for path, text in texts('/proc/self', 0):
    seen += 1
    for needle in needles:
        if needle in text:
            at = text.index(needle)
            print(path, text[max(at - 90, 0) : at + 90])
print('looked at', seen > 100)
"""


def test_no_text_of_proc_shows_a_cache_or_scratch(
    run: Runner, configured: Configured
) -> None:
    needles = [str(run.scratch)[::-1], str(run.cache)[::-1], "-esopretni."]
    result = run(*PYTHON, LOOK, ROOT, *needles, options=configured(FQRN)).ok()
    assert result.text == "looked at True\n"
