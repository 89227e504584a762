# SPDX-License-Identifier: GPL-2.0-or-later
"""Completions for bash and zsh."""

from __future__ import annotations

import re

from tests.support.helptexts import Command, Option, Suite, kind

HEAD = """\
# SPDX-License-Identifier: GPL-2.0-or-later
# Made from the tables of options by `make man`; do not edit.
"""
BASH = """\
# One text under two names: each command can be reached through the other one.

# COMMAND: its options.
_interpose_options()
{{
	case $1 in
{options}
	esac
}}

# COMMAND OPTION: what the option's value is; nothing if it takes none.
_interpose_kind()
{{
	case "$1 $2" in
{kinds}
	esac
}}

# KIND of what is being typed.
_interpose_fill()
{{
	case $1 in
	directory)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		;;
	file)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	words)
		mapfile -t COMPREPLY < <(compgen -W "$2" -- "$cur")
		;;
	esac
}}

# The word at $1 and all behind it are a command line of their own.
_interpose_command()
{{
	if declare -F _comp_command_offset >/dev/null; then
		_comp_command_offset "$1"
	elif declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	elif ((COMP_CWORD == $1)) && [[ $cur != */* ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	else
		_interpose_fill file
	fi
}}

# COMMAND PLACE: its words begin at PLACE. Readline cuts `--cache=DIR` at the sign.
_interpose_words()
{{
	local at kind

	for ((at = $2; at < COMP_CWORD; at++)); do
		case ${{COMP_WORDS[at]}} in
		--)
			((at++))
			break
			;;
		--tool)
			_interpose_subcommands "$((at + 1))"
			return
			;;
		-?*)
			kind=$(_interpose_kind "$1" "${{COMP_WORDS[at]}}")
			[[ -n $kind ]] || continue
			((at++))
			[[ ${{COMP_WORDS[at]}} != = ]] || ((at++))
			((at < COMP_CWORD)) || {{
				_interpose_fill "$kind"
				return
			}}
			;;
		*)
			[[ $1 != run ]] || break
			;;
		esac
	done
	if [[ $1 == run && ${{COMP_WORDS[at - 1]}} == -- ]]; then
		_interpose_command "$at"
	elif [[ $cur == -* ]] && ((at == COMP_CWORD)); then
		_interpose_fill words "$(_interpose_options "$1")"
	elif [[ $1 == run ]]; then
		_interpose_command "$at"
	else
		_interpose_fill file
	fi
}}

# PLACE where the subcommand stands.
_interpose_subcommands()
{{
	local at=$1

	while ((at < COMP_CWORD)) && [[ ${{COMP_WORDS[at]}} == -* ]]; do
		((at++))
	done
	if ((at == COMP_CWORD)) && [[ $cur == -* ]]; then
		_interpose_fill words '{own}'
	elif ((at == COMP_CWORD)) || [[ ${{COMP_WORDS[at]}} == help ]]; then
		_interpose_fill words '{subcommands}'
	else
		_interpose_words "${{COMP_WORDS[at]}}" "$((at + 1))"
	fi
}}

_interpose()
{{
	local cur=${{COMP_WORDS[COMP_CWORD]}}

	COMPREPLY=()
	[[ $cur != = ]] || cur=
	case ${{COMP_WORDS[0]##*/}} in
	interpose) _interpose_subcommands 1 ;;
	*) _interpose_words run 1 ;;
	esac
}}

complete -F _interpose interpose interpose_run
"""
ZSH = """\
_interpose_run()
{{
	_arguments -S {run} \\
		'(-)1:command: _command_names -e' \\
		'*::arguments: _normal'
}}

_interpose_subcommand()
{{
	case $1 in
	run)
		_interpose_run
		;;
	help)
		_arguments '1:subcommand:({subcommands})'
		;;
{cases}
	esac
}}

_interpose()
{{
	local curcontext=$curcontext state line

	if [[ $service == interpose_run && $words[2] == --tool ]]; then
		shift words
		((CURRENT--))
	elif [[ $service == interpose_run ]]; then
		_interpose_run
		return
	fi
	_arguments -C {own} \\
		'1:subcommand:(({described}))' \\
		'*::words:->words' && return
	[[ $state == words ]] && _interpose_subcommand $words[1]
}}

_interpose "$@"
"""
OWN = (
    Option(("-h", "--help"), "", "this text"),
    Option(("--version",), "", "the version"),
    Option(("-v", "--verbose"), "", "say more"),
)


def named(suite: Suite) -> list[tuple[str, Command]]:
    """Commands by the name that the completions have for them."""
    rows = [("run", suite.run)]
    return rows + [(one.name, one) for one in suite.subcommands if one.groups]


def names(options: tuple[Option, ...]) -> str:
    return " ".join(name for row in options for name in row.names)


def bash(suite: Suite) -> str:
    options, kinds = [], []
    for name, command in named(suite):
        options.append(f"\t{name}) echo '{names(command.options)}' ;;")
        for sort in ("directory", "file", "other"):
            found = [row for row in command.options if row.kind == sort]
            patterns = [f"'{name} {one}'" for row in found for one in row.names]
            if patterns:
                kinds.append(f"\t{' | '.join(patterns)}) echo {sort} ;;")
    return HEAD + BASH.format(
        options="\n".join(options),
        kinds="\n".join(kinds),
        own=names(OWN),
        subcommands=" ".join(one.name for one in suite.subcommands),
    )


def quoted(text: str) -> str:
    """Within a specification of _arguments, in single quotes."""
    return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")


def action(sort: str) -> str:
    return {"directory": "_directories", "file": "_files"}.get(sort, " ")


def argument(row: Option) -> str:
    """The specification of one option, which may have two names."""
    value = f":{quoted(row.value)}:{action(row.kind)}" if row.kind else ""
    made = []
    for name in row.names:
        excluded = "*" if row.is_repeatable else f"({' '.join(row.names)})"
        sign = "" if not row.kind else "=" if name.startswith("--") else "+"
        made.append(f"'{excluded}{name}{sign}[{quoted(row.text)}]{value}'")
    return " \\\n\t\t".join(made)


def arguments(options: tuple[Option, ...]) -> str:
    return " \\\n\t\t".join(["", *map(argument, options)]).lstrip(" ")


def words(command: Command) -> str:
    """The specification of what is no option."""
    if not command.words:
        return ""
    last = command.words[-1].strip("[]")
    sorts = {kind(word.strip("[]")) for word in command.words}
    sort = next(one for one in ("file", "directory", "other", "") if one in sorts)
    return f" \\\n\t\t'*:{quoted(last)}:{action(sort)}'"


def zsh(suite: Suite) -> str:
    cases = []
    for name, command in named(suite)[1:]:
        spec = arguments(command.options) + words(command)
        cases.append(f"\t{name})\n\t\t_arguments {spec}\n\t\t;;")
    described = " ".join(
        f'{one.name}\\:"{quoted(one.summary)}"' for one in suite.subcommands
    )
    return (
        "#compdef interpose interpose_run\n"
        + HEAD
        + ZSH.format(
            run=arguments(suite.run.options),
            own=arguments(OWN),
            cases="\n".join(cases),
            subcommands=" ".join(one.name for one in suite.subcommands),
            described=described,
        )
    )
