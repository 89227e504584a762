# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that configuration files call, done without a process: texts, names, dates.

Each gets its arguments and its input, and gives its status and its output. ValueError
means that it is used in a way that is not understood. Source: POSIX utilities.
"""

from __future__ import annotations

import os
import posixpath
import pwd
import re
import shutil
import socket
import time
from collections.abc import Callable

from interpose.config.arithmetic import calculate
from interpose.config.filters import FILTERS
from interpose.config.patterns import regular_expression
from interpose.config.sed import sed
from interpose.config.streams import Input, joined, options

Result = tuple[int, str]
Program = Callable[[list[str], Input], Result]

_UNAME = {"s": 0, "n": 1, "r": 2, "v": 3, "m": 4, "p": 4, "i": 4}
_DIRECTIVE = re.compile(r"%([-+#0 ]?)([a-zA-Z%])")


def _echo(arguments: list[str], given: Input) -> Result:
    del given
    end = "\n"
    while arguments and arguments[0] in ("-n", "-e", "-E"):
        end = "" if arguments[0] == "-n" else end
        arguments = arguments[1:]
    return 0, " ".join(arguments) + end


def _printf(arguments: list[str], given: Input) -> Result:
    del given
    if not arguments:
        raise ValueError("no format")
    escapes = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}
    form = re.sub(r"\\[nt\\]", lambda match: escapes[match.group()], arguments[0])
    values = arguments[1:]
    directive = re.compile(r"%(?:%|(-?0?[0-9]{0,3})([sdi]))")
    if "%" in directive.sub("", form):
        raise ValueError("this format")
    wanted = sum(match[2] is not None for match in directive.finditer(form))
    rounds = max(1, -(-len(values) // wanted)) if wanted else 1
    rest = iter(values + [""] * (rounds * wanted - len(values)))

    def fill(match: re.Match[str]) -> str:
        if match.group() == "%%":
            return "%"
        value = next(rest)
        if match[2] == "s":
            return f"%{match[1]}s" % value
        return f"%{match[1]}d" % int(value or "0")

    return 0, "".join(directive.sub(fill, form) for _ in range(rounds))


def _expr(arguments: list[str], given: Input) -> Result:
    del given
    words = arguments
    if len(words) == 3 and words[1] == ":":
        match = regular_expression(words[2], extended=False).match(words[0])
        found = (
            (match[1] or "" if match.re.groups else str(match.end())) if match else ""
        )
        return int(found in ("", "0")), found + "\n"
    if len(words) == 2 and words[0] == "length":
        return int(not words[1]), f"{len(words[1])}\n"
    numbers = re.compile(r"-?[0-9]{1,18}|[-+*/%()]|[<>!=]?=|[<>]")
    if not words or not all(numbers.fullmatch(word) for word in words):
        raise ValueError("these arguments")
    text = " ".join("==" if word == "=" else word for word in words)
    value = calculate(text, lambda _: "", lambda _name, _value: None)
    return int(not value), f"{value}\n"


def _cat(arguments: list[str], given: Input) -> Result:
    found, names = options(arguments, "u")
    del found
    return given.text(names)


def _hostname(arguments: list[str], given: Input) -> Result:
    del given
    name = os.uname().nodename
    kind = {
        "--short": "-s", "--fqdn": "-f", "--long": "-f", "--domain": "-d",
        "--ip-address": "-i",
    }.get("".join(arguments), "".join(arguments))  # fmt: skip
    if kind == "-s":
        name = name.partition(".")[0]
    elif kind in ("-f", "-d"):
        full = _full_name(name)
        name = full if kind == "-f" else full.partition(".")[2]
    elif kind == "-i":
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
        name = " ".join(dict.fromkeys(str(entry[4][0]) for entry in found))
    elif kind:
        raise ValueError("these options")
    return 0, name + "\n"


def _full_name(name: str) -> str:
    try:
        found = socket.getaddrinfo(
            name, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME
        )
    except OSError:
        return name
    return found[0][3] or name


def _date(arguments: list[str], given: Input) -> Result:
    moment: float = time.time()
    convert = time.localtime
    form = "%a %b %e %H:%M:%S %Z %Y"
    found, operands = options(arguments, "ud:r:", "utc", "date=", "reference=")
    for option, value in found:
        if option in ("-u", "--utc"):
            convert = time.gmtime
        elif option in ("-d", "--date") and re.fullmatch(r"@[0-9]{1,12}", value):
            moment = float(value[1:])
        elif option in ("-r", "--reference"):
            moment = os.stat(given.files.real(value)).st_mtime
        else:
            raise ValueError("this date")
    if operands:
        if len(operands) > 1 or not operands[0].startswith("+"):
            raise ValueError("these arguments")
        form = operands[0][1:]
    known = "aAbBcdDeFgGHIjmMnpRrsStTuUVwWyYZz%hCkl"
    if any(match[2] not in known for match in _DIRECTIVE.finditer(form)):
        raise ValueError("this format")
    form = form.replace("%s", str(int(moment)))
    return 0, time.strftime(form, convert(moment)) + "\n"


def _uname(arguments: list[str], given: Input) -> Result:
    del given
    found, operands = options(arguments, "asnrvmpio", "all", "nodename", "machine")
    if operands:
        raise ValueError("these arguments")
    long = {"--all": "a", "--nodename": "n", "--machine": "m"}
    letters = "".join(long.get(option, option[1:]) for option, _ in found) or "s"
    if "a" in letters:
        letters = "snrvmo"
    system = os.uname()
    words = [
        "GNU/Linux" if letter == "o" else system[_UNAME[letter]]
        for letter in "snrvmpio"
        if letter in letters
    ]
    return 0, " ".join(words) + "\n"


def _arch(arguments: list[str], given: Input) -> Result:
    return _uname([*arguments, "-m"], given)


def _id(arguments: list[str], given: Input) -> Result:
    del given
    letters = "".join(sorted("".join(arguments).replace("-", "")))
    user, group = os.geteuid(), os.getegid()
    if letters == "u":
        return 0, f"{user}\n"
    if letters == "g":
        return 0, f"{group}\n"
    if letters == "nu":
        return 0, _user_name(user) + "\n"
    raise ValueError("these options")


def _user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _whoami(arguments: list[str], given: Input) -> Result:
    return _id([*arguments, "-un"], given)


def _basename(arguments: list[str], given: Input) -> Result:
    del given
    if not 1 <= len(arguments) <= 2 or arguments[0].startswith("-"):
        raise ValueError("these arguments")
    path = arguments[0].rstrip("/") or arguments[0][:1]
    name = path if path == "/" else posixpath.basename(path)
    suffix = arguments[1] if len(arguments) == 2 else ""
    return 0, (name.removesuffix(suffix) or name) + "\n"


def _dirname(arguments: list[str], given: Input) -> Result:
    del given
    if not arguments or arguments[0].startswith("-"):
        raise ValueError("these arguments")
    found = []
    for path in arguments:
        head = posixpath.dirname(path.rstrip("/")) or ("/" if path[:1] == "/" else ".")
        found.append(head.rstrip("/") or "/")
    return 0, joined(found)


def _readlink(arguments: list[str], given: Input) -> Result:
    found, names = options(arguments, "fen")
    if not names:
        raise ValueError("no file")
    end = "" if ("-n", "") in found else "\n"
    follow = any(option in ("-f", "-e") for option, _ in found)
    path = given.files.real(names[0])
    if follow:
        return 0, os.path.realpath(path) + end
    return (0, os.readlink(path) + end) if os.path.islink(path) else (1, "")


def _pwd(arguments: list[str], given: Input) -> Result:
    del arguments
    return 0, given.files.directory + "\n"


def _nproc(arguments: list[str], given: Input) -> Result:
    del given
    if arguments:
        raise ValueError("these options")
    return 0, f"{len(os.sched_getaffinity(0))}\n"


def _seq(arguments: list[str], given: Input) -> Result:
    del given
    numbers = [int(word) for word in arguments]
    if not 1 <= len(numbers) <= 3:
        raise ValueError("these arguments")
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) == 3 else 1
    found = range(first, numbers[-1] + (1 if step > 0 else -1), step)
    if len(found) > 10_000:
        raise ValueError("so many numbers")
    return 0, joined([str(number) for number in found])


def _which(arguments: list[str], given: Input) -> Result:
    path = given.variables.get("PATH")
    found = [shutil.which(name, path=path) for name in arguments]
    return int(None in found), joined([one for one in found if one])


def _xargs(arguments: list[str], given: Input) -> Result:
    if arguments not in ([], ["echo"]):
        raise ValueError("these arguments")
    if re.search("['\"\\\\]", given.stdin):
        raise ValueError("quotes")
    return 0, " ".join(given.stdin.split()) + "\n"


PROGRAMS: dict[str, Program] = {
    **FILTERS,
    "arch": _arch,
    "basename": _basename,
    "cat": _cat,
    "date": _date,
    "dirname": _dirname,
    "echo": _echo,
    "expr": _expr,
    "hostname": _hostname,
    "id": _id,
    "nproc": _nproc,
    "printf": _printf,
    "pwd": _pwd,
    "readlink": _readlink,
    "sed": sed,
    "seq": _seq,
    "uname": _uname,
    "which": _which,
    "whoami": _whoami,
    "xargs": _xargs,
}
