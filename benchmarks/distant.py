# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server on loopback that is some milliseconds away.

`python -m benchmarks.distant DIRECTORY MILLISECONDS [LOG]` prints its port and serves
until it is ended. Each request waits for itself, as on a long line: connections are
kept. LOG gets the path of each one as a line.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from urllib.parse import unquote


async def answer(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    root: Path,
    wait_s: float,
    log: Path | None,
) -> None:
    """Answer the requests of one connection."""
    while True:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        await asyncio.sleep(wait_s)
        name = unquote(request.split()[1].decode())
        if log is not None:
            with log.open("a") as lines:
                lines.write(name + "\n")
        path = root / name.lstrip("/")
        try:
            body, status = path.read_bytes(), b"200 OK"
        except OSError:
            body, status = b"", b"404 Not Found"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body)))
        writer.write(body)
        await writer.drain()


async def main() -> None:
    """Serve for ever."""
    root, wait_s = Path(sys.argv[1]), float(sys.argv[2]) / 1000
    log = Path(sys.argv[3]) if sys.argv[3:] else None
    server = await asyncio.start_server(
        lambda reader, writer: answer(reader, writer, root, wait_s, log), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
