# SPDX-License-Identifier: GPL-2.0-or-later
"""Man pages, in the language of man(7)."""

from __future__ import annotations

import re

from interpose import __version__
from tests.support.helptexts import Command, Option, Suite

HEAD = """\
.\\" SPDX-License-Identifier: GPL-2.0-or-later
.\\" Made from the tables of options by `make man`; do not edit.
.TH {title} 1 "" "interpose {version}" "interpose"
.nh
.ad l
.SH NAME
{name} \\- {summary}
"""
SEE = {
    "interpose_run": "interpose",
    "interpose": "interpose_run",
    "interpose_parrot_run": "interpose_run",
}
DIAGNOSTICS = """\
0 done, 1 the answer is no or something was found wrong, 2 usage, 125 it could not be\
 done, 130 ended by SIGINT, 141 nobody reads the output. run ends as its COMMAND did."""


def escaped(text: str) -> str:
    """Text that means itself; a hyphen that can be copied is a minus."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti")
    text = text.replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha")
    return re.sub(r"^(?=\.)", r"\\&", text, flags=re.MULTILINE)


def paragraph(text: str) -> str:
    return f".PP\n{escaped(text)}\n"


def verbatim(text: str) -> str:
    """Lines as they are."""
    return f".PP\n.nf\n{escaped(text)}\n.fi\n"


def synopsis(lines: tuple[str, ...]) -> str:
    """Each with its command in bold."""
    made = ""
    for line in lines:
        name, _, rest = line.partition(" ")
        between = ".br\n" if made else ""
        made += f"{between}\\fB{escaped(name)}\\fR {escaped(joined(rest))}\n"
    return made


def joined(text: str) -> str:
    return " ".join(text.split())


def option(row: Option) -> str:
    names = ", ".join(f"\\fB{escaped(name)}\\fR" for name in row.names)
    value = f" \\fI{escaped(row.value)}\\fR" if row.value else ""
    return f".TP\n{names}{value}\n{escaped(row.text)}\n"


def variables(command: Command) -> str:
    """The section of variables, which stand in brackets behind an option's text."""
    made = ""
    for row in command.options:
        for name in re.findall(r"\[([A-Z]+_[A-Z_]+)", row.text):
            made += f".TP\n.B {name}\nas {escaped(row.names[-1])}\n"
    return f".SH ENVIRONMENT\n{made}" if made else ""


def heading(name: str, summary: str) -> str:
    return HEAD.format(
        title=name.upper(), version=__version__, name=name, summary=escaped(summary)
    )


def see_also(name: str) -> str:
    where = escaped("https://cvmfs.readthedocs.io")
    return f".SH SEE ALSO\n.BR {SEE[name]} (1),\n{where}\n"


def page(command: Command) -> str:
    """Of one program."""
    made = heading(command.name, command.summary)
    made += f".SH SYNOPSIS\n{synopsis(command.usage)}.SH DESCRIPTION\n"
    made += "".join(map(paragraph, command.paragraphs)) + ".SH OPTIONS\n"
    for title, options in command.groups:
        if title != "Options":
            made += f".SS {escaped(title)}\n"
        made += "".join(map(option, options))
    made += "".join(
        paragraph(one) for one in command.ending if not one.startswith("Exit status: ")
    )
    for one in command.ending:
        if one.startswith("Exit status: "):
            made += f".SH EXIT STATUS\n{escaped(one.partition(': ')[2])}\n"
    made += variables(command)
    made += f".SH EXAMPLES\n{verbatim(command.examples)}"
    return made + see_also(command.name)


def page_of_subcommands(suite: Suite) -> str:
    """interpose(1)."""
    made = heading("interpose", "look into, make and serve CernVM-FS repositories")
    made += ".SH SYNOPSIS\n" + synopsis(("interpose SUBCOMMAND [ARGUMENT...]",))
    made += ".SH DESCRIPTION\n.PP\nOne command for each line of SUBCOMMANDS.\n"
    made += ".SH SUBCOMMANDS\n"
    for one in suite.subcommands:
        made += f".SS {one.name}\n{synopsis(one.usage)}"
        made += "".join(map(paragraph, one.paragraphs or (one.summary + ".",)))
        made += "".join(map(option, one.options))
        if one.examples:
            made += f".PP\nExample:\n{verbatim(one.examples)}"
    made += f".SH EXIT STATUS\n{escaped(DIAGNOSTICS)}\n"
    return made + see_also("interpose")
