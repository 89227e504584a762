# SPDX-License-Identifier: GPL-2.0-or-later
"""asyncio: programs and files of /cvmfs, sockets, threads and signals at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

ROOT, PYTHON = os.environ["R"], os.environ["PYTHON"]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    name = (await reader.readline()).decode().strip()
    loop = asyncio.get_running_loop()
    file = await loop.run_in_executor(None, open, f"{ROOT}/{name}", "rb")
    transport: asyncio.WriteTransport = writer.transport
    assert await loop.sendfile(transport, file)
    file.close()
    writer.close()


async def ask(path: str) -> int:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(f"usr/lib/{PYTHON}/os.py\n".encode())
    return len(await reader.read())


async def child(number: int) -> str:
    code = f"import os, sys; print({number}, os.__file__, sys.executable)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return out.decode().strip()


async def main() -> None:
    loop = asyncio.get_running_loop()
    path = os.path.join(os.environ["TMPDIR"], "socket")
    server = await asyncio.start_unix_server(answer, path)
    print(await asyncio.gather(*[ask(path) for _ in range(10)]))
    print("\n".join(await asyncio.gather(*[child(number) for number in range(5)])))
    names = await asyncio.to_thread(os.listdir, f"{ROOT}/usr/lib/{PYTHON}/asyncio")
    print(sorted(names))
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, told.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await told.wait()
    shell = await asyncio.create_subprocess_shell(
        f"ls {ROOT}/usr/lib | head -3; exit 5"
    )
    print(await shell.wait())
    server.close()


asyncio.run(main())
