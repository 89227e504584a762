# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of multiprocessing by each way to start them: `multi.py METHOD`."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.shared_memory import SharedMemory


def digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def write(name: str, queue: multiprocessing.Queue[str]) -> None:
    memory = SharedMemory(name)
    memory.buf[:5] = b"there"
    memory.close()
    queue.put(os.path.realpath(os.__file__))


def main(method: str) -> None:
    multiprocessing.set_start_method(method)
    root, python = os.environ["R"], os.environ["PYTHON"]
    above = f"{root}/usr/lib/{python}/json"
    paths = [os.path.join(above, name) for name in sorted(os.listdir(above))]
    files = [path for path in paths if path.endswith(".py")]
    with multiprocessing.Pool(4) as pool:
        print(pool.map(digest, files))
    with ProcessPoolExecutor(3) as executor:
        print(list(executor.map(digest, files)))
    queue: multiprocessing.Queue[str] = multiprocessing.Queue()
    memory = SharedMemory(create=True, size=16)
    child = multiprocessing.Process(target=write, args=(memory.name, queue))
    child.start()
    print(queue.get())
    child.join()
    print(bytes(memory.buf[:5]), child.exitcode)
    memory.close()
    memory.unlink()
    with multiprocessing.Manager() as manager:
        shared = manager.dict(root=root)
        print(shared.copy())


if __name__ == "__main__":
    main(sys.argv[1])
