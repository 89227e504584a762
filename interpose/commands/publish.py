# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose publish`: makes or updates a repository from a directory."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from interpose.commands.progress import progress_bar
from interpose.errors import FormatError, UsageError
from interpose.formats.flags import Compression
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import Algorithm
from interpose.messages import Messages, counted
from interpose.publish.publisher import Publication, Published, publish
from interpose.publish.tree import Progress

_ALGORITHMS = {
    "sha1": Algorithm.SHA1,
    "rmd160": Algorithm.RIPEMD160,
    "shake128": Algorithm.SHAKE128,
}

_SWITCH_S = 0.0005

_EXAMPLE = """example:
  interpose publish software --repository sft.example.org --storage out --keys keys
  interpose serve out --keys keys

The repository is written to OUT/cvmfs/FQRN, so that OUT is what a web server shows.
Publishing again makes the next revision. Missing keys are made: clients need
KEYDIR/FQRN.pub; KEYDIR/FQRN.masterkey and KEYDIR/FQRN.key stay with you. For a
repository that is there already none are made (see --new-identity). Below OUT nothing
may be a link.
A file .cvmfscatalog makes its directory a nested catalog: use one for each part of
1,000 to 100,000 entries that is used on its own, such as one version of a program. So
do the rules of .cvmfsdirtab in the root: /software/* and exceptions, ! /software/old.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `interpose publish`."""
    parser.epilog = _EXAMPLE
    add = parser.add_argument
    add("source", metavar="DIR", help="what /cvmfs/FQRN is to show")
    add("--repository", metavar="FQRN", required=True, help="name, sft.example.org")
    add("--storage", metavar="OUT", required=True, help="document root to write to")
    add("--keys", metavar="KEYDIR", required=True, help="where the keys are, or go to")
    add("--tag", metavar="NAME", help="also give the revision this name")
    add("--description", metavar="TEXT", default="", help="of the tag or revision")
    add("--hash", choices=sorted(_ALGORITHMS), help="default: as before, else sha1")
    add("--uncompressed", action="store_true", help="store files as they are")
    add(
        "--new-identity",
        action="store_true",
        help="other keys than those of the last revision: every client needs the new"
        " public key",
    )
    add("--json", action="store_true", help="print one JSON object instead of text")


def execute(arguments: argparse.Namespace) -> int:
    """Publish, and tell what was made."""
    publication = Publication(
        source=Path(arguments.source),
        fqrn=_fqrn(arguments.repository),
        storage=Path(arguments.storage),
        keys=Path(arguments.keys),
        tag=arguments.tag,
        description=arguments.description,
        algorithm=_ALGORITHMS.get(arguments.hash),
        new_identity=arguments.new_identity,
        compression=(Compression.NONE if arguments.uncompressed else Compression.ZLIB),
    )
    started = time.monotonic()
    with _impatient_threads(), _progress() as progress:
        published = publish(publication, datetime.now(timezone.utc), progress)
    seconds = time.monotonic() - started
    for remark in published.remarks:
        Messages().tell(remark)
    show = _show_json if arguments.json else _show_text
    show(publication, published, seconds)
    return 0


def _fqrn(text: str) -> Fqrn:
    try:
        return Fqrn.parse(text)
    except FormatError as error:
        advice = "letters, digits and - _ . with a dot, as in sft.example.org"
        raise UsageError(error.what, text, advice) from error


def _show_text(publication: Publication, published: Published, seconds: float) -> None:
    totals = published.totals
    sys.stdout.write(
        f"{publication.fqrn} is at revision {published.revision}"
        f" (root catalog {published.root_hash.text})\n"
        f"  {counted(totals.entries, 'entry', 'entries')},"
        f" {counted(totals.bytes, 'byte')},"
        f" {counted(totals.catalogs, 'catalog')} in {seconds:.1f} s\n"
        f"  {counted(published.new_objects, 'new object')},"
        f" {counted(published.new_bytes, 'byte')} in {publication.directory}\n"
        f"  public key {publication.keys / (publication.fqrn + '.pub')}\n"
    )


def _show_json(publication: Publication, published: Published, seconds: float) -> None:
    answer = {
        "repository": publication.fqrn,
        "directory": str(publication.directory),
        "public_key": str(publication.keys / (publication.fqrn + ".pub")),
        "revision": published.revision,
        "root_hash": published.root_hash.text,
        "entries": published.totals.entries,
        "bytes": published.totals.bytes,
        "catalogs": published.totals.catalogs,
        "new_objects": published.new_objects,
        "new_bytes": published.new_bytes,
        "remarks": list(published.remarks),
        "seconds": round(seconds, 3),
    }
    sys.stdout.write(json.dumps(answer) + "\n")


@contextmanager
def _impatient_threads() -> Iterator[None]:
    """Let workers that come back from zlib have the interpreter sooner.

    Measured with 30,000 small files on two cores: 7.9 s instead of 9.6 s.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """What shows the progress on standard error, if that is a terminal."""
    with progress_bar("publishing", "entries") as bar:
        if bar is None:
            yield None
            return

        def show(entries: int, size_bytes: int) -> None:
            bar.set_postfix_str(f"{size_bytes / 1e6:.0f} MB", refresh=False)
            bar.update(entries - bar.n)

        yield show
