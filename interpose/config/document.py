# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes docs/parameters.md from the table.

python -m interpose.config.document > docs/parameters.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from interpose.config.parameters import PARAMETERS, Parameter

_HEAD = """\
# Client parameters

Made from `interpose/config/table.py` by `python -m interpose.config.document`; do not
edit. Parameters are those of the official client, in its files and in their order,
then `$XDG_CONFIG_HOME/interpose/`, `--config`, variables of the environment that are
named like a parameter, `-o` and `-r`; later ones win. `interpose showconfig FQRN` shows
what each is set to and by which line, the configuration repository's values included.

A directory of `--config` is laid out like `/etc/cvmfs`, and a copy of one works as the
original: what its files call `/etc/cvmfs/...` is looked for in it first, and its files
are read beside those of `/etc/cvmfs`, each kind (`default.d`, `default.local`,
`domain.d`, `config.d`) after the other's, the configuration repository's between them.

- **default**: holds where nothing sets the parameter. In parentheses: what the official
  `default.conf` sets, which also holds on a machine without `/etc/cvmfs`.
- **weight**: A and B belong to what interpose does or is going to do; C is accepted and
  has little or no effect; N concerns the kernel's client only and is ignored.
- **kind**: switches are on with `yes on 1 true`, off with `no off 0 false`; lists are
  separated by `;` (servers), `;` and `|` (proxies), `:` (paths), `,` (names). In every
  value `@fqrn@` is the repository's name and `@org@` its first label.

Names that are not listed are kept; variant symlinks can use them.
"""


def document() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    section = ""
    for row in PARAMETERS.values():
        if row.source != section:
            section = row.source
            yield ""
            yield f"## {section.partition(' ')[2]}"
            yield ""
            yield "| name | default | kind | weight | meaning |"
            yield "|---|---|---|---|---|"
        yield _line(row)


def _line(row: Parameter) -> str:
    default = f"`{row.default}`" if row.default else ""
    if row.shipped and row.shipped != row.default:
        default = f"{default} (`{row.shipped}`)".strip()
    kind = f"{row.kind.value}, {row.unit}" if row.unit else row.kind.value
    return f"| {row.name} | {default} | {kind} | {row.weight} | {row.help} |"


if __name__ == "__main__":
    sys.stdout.write(document())
