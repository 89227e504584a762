# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server on loopback that is some milliseconds away.

`python -m benchmarks.distant DIRECTORY MILLISECONDS` prints its port and serves until
it is ended. Each request waits for itself, as on a long line: connections are kept.
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
) -> None:
    """Answer the requests of one connection."""
    while True:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        await asyncio.sleep(wait_s)
        path = root / unquote(request.split()[1].decode()).lstrip("/")
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
    server = await asyncio.start_server(
        lambda reader, writer: answer(reader, writer, root, wait_s), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
