# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes docs/share/: man pages and completions (bash, zsh) from what --help says.

python -m tests.support.manual
"""

from __future__ import annotations

from tests.support import completions, manpages
from tests.support.helptexts import everything
from tests.support.places import ROOT


def files() -> dict[str, str]:
    """Each file below docs/share/ and its text."""
    suite = everything()
    bash = completions.bash(suite)
    return {
        "man/man1/interpose.1": manpages.page_of_subcommands(suite),
        "man/man1/interpose_run.1": manpages.page(suite.run),
        "man/man1/interpose_parrot_run.1": manpages.page(suite.parrot),
        "bash-completion/completions/interpose": bash,
        "bash-completion/completions/interpose_run": bash,
        "zsh/site-functions/_interpose": completions.zsh(suite),
    }


if __name__ == "__main__":
    for name, text in files().items():
        file = ROOT / "docs/share" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")
