# SPDX-License-Identifier: GPL-2.0-or-later
"""One configuration for a run and the inner runs in it.

An inner run may add what the run does not have: it changes nothing that is open and no
value that somebody gave, and what the run covers by its name or its domain keeps what
trust depends on. Source: docs/inner-runs.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interpose.config.configuration import Configuration, load
from interpose.config.files import BUILT_IN, Value
from interpose.config.keyfiles import have_same_keys
from interpose.config.known import is_covered, is_listed, known_repositories
from interpose.config.parameters import PARAMETERS, parameter
from interpose.config.sources import Addition, Sources
from interpose.errors import ConfigurationError
from interpose.formats.fqrn import Fqrn

SERVER = "CVMFS_SERVER_URL"
LIST = "CVMFS_REPOSITORIES"
_KEYS = frozenset({"CVMFS_PUBLIC_KEY", "CVMFS_KEYS_DIR"})
# Signatures hold whatever these say; so do all of the network's parameters.
_HARMLESS = frozenset({SERVER, "CVMFS_REPOSITORY_TAG", "CVMFS_REPOSITORY_DATE"})
_NETWORK = "3.2 Network"
_ADVICE = "give it to the outer one"


class Additions:
    """The sources of a run, and the same with what each inner run has added."""

    def __init__(self, sources: Sources) -> None:
        self._steps = [sources]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added."""
        return len(self._steps) == 1

    def load(self, fqrn: Fqrn | None) -> Configuration:
        """The configuration of a repository, or the general one.

        Errors: ConfigurationError naming file and line.
        """
        found = load(fqrn, self._steps[0])
        for before, after in zip(self._steps, self._steps[1:]):
            found = _with(found, load(fqrn, after), before)
        return found

    def names(self) -> list[Fqrn]:
        """As known_repositories."""
        return sorted({name for one in self._steps for name in known_repositories(one)})

    def is_covered(self, fqrn: Fqrn) -> bool:
        """As the function of this name."""
        return any(is_covered(fqrn, one) for one in self._steps)

    def is_listed(self, fqrn: Fqrn, configuration: Configuration) -> bool:
        """As the function of this name."""
        return any(is_listed(fqrn, configuration, one) for one in self._steps)

    def add(self, addition: Addition, opened: Iterable[Fqrn]) -> bool:
        """Take it in; False if there is nothing new. `opened` stay as they are.

        Errors: ConfigurationError naming the option that stands against it.
        """
        last = self._steps[-1]
        if addition in last.added:
            return False
        after = last._replace(added=(*last.added, addition))
        for fqrn in sorted(opened):
            for name, value in _changed(self.load(fqrn), load(fqrn, after)):
                raise _differs(addition, name, value, self.load(fqrn))
        general = self.load(None)
        for name, value in _changed(general, load(None, after)):
            if _is_given(general, name):
                raise _differs(addition, name, value, general)
        for option in addition.repositories:
            before = self.load(option.fqrn)
            if not _is_own(option.fqrn, last):
                continue
            for name, value in _changed(before, load(option.fqrn, after)):
                if not _may_change(before, name):
                    raise _differs(addition, name, value, before)
        if self._is_known(addition, after):
            return False
        self._steps.append(after)
        return True

    def _is_known(self, addition: Addition, after: Sources) -> bool:
        """Whether it only names what there is, as it is."""
        if addition.extra or addition.options:
            return False
        names = {option.fqrn for option in addition.repositories}
        return all(
            self.is_listed(name, found := self.load(name))
            and not dict(_changed(found, load(name, after)))
            for name in names
        )

    def take_back(self, addition: Addition) -> None:
        """As if this, the last one, had never been added."""
        if addition in self._steps[-1].added:
            self._steps.pop()


def _with(found: Configuration, more: Configuration, before: Sources) -> Configuration:
    """`found`, which holds for `before`, with what is new in `more`."""
    changed = dict(_changed(found, more))
    if not changed:
        return found
    if found.fqrn is None or not _is_own(found.fqrn, before):
        return more
    new = {name: one for name, one in changed.items() if _may_change(found, name)}
    kept = ", ".join(sorted(set(changed) - set(new)))
    notice = f"the outer run covers {found.fqrn}, so an inner one does not set: {kept}"
    return found._replace(
        values={**found.values, **new},
        notices=(*found.notices, notice) if kept else found.notices,
    )


def _changed(
    before: Configuration, after: Configuration
) -> Iterator[tuple[str, Value]]:
    """What has another value afterwards. The list of names only grows.

    A key is the same in whatever file it lies: batch systems copy files to the job.
    """
    changed = {
        name: value
        for name, value in after.values.items()
        if name != LIST and after.text(name) != before.text(name)
    }
    if not _KEYS.isdisjoint(changed) and have_same_keys(before, after):
        changed = {name: changed[name] for name in changed.keys() - _KEYS}
    yield from sorted(changed.items())


def _is_given(configuration: Configuration, name: str) -> bool:
    """Whether somebody chose the value."""
    is_default = configuration.origin(name) == BUILT_IN
    return bool(configuration.get(name)) and not is_default


def _may_change(configuration: Configuration, name: str) -> bool:
    """Whether an inner run may set it for what the outer one covers."""
    row = PARAMETERS.get(name)
    is_harmless = name in _HARMLESS or (row is not None and row.source == _NETWORK)
    return is_harmless and not _is_given(configuration, name)


def _is_own(fqrn: Fqrn, sources: Sources) -> bool:
    """Whether a configuration means this name or its domain, and not just any."""
    configuration = load(fqrn, sources)
    if is_listed(fqrn, configuration, sources):
        return True
    general = load(None, sources)
    return bool(configuration.get(SERVER)) and (
        configuration.origin(SERVER) != general.origin(SERVER)
    )


def _differs(
    addition: Addition, name: str, value: Value, before: Configuration
) -> ConfigurationError:
    known = before.get(name) or parameter(name).default
    there = f"has {known}" if known else "has none"
    of = f" for {before.fqrn}" if before.fqrn else ""
    return ConfigurationError(
        "another interpose_run is around this one, with another value",
        f"{_option(addition, name, value, before.fqrn)}",
        f"{name} is {value.text or 'none'} here, the outer one {there}{of}; {_ADVICE}",
    )


def _option(addition: Addition, name: str, value: Value, fqrn: Fqrn | None) -> str:
    """The option of the inner run that sets a value."""
    if value.origin.file == "-o":
        return f"--option {name}={value.text}"
    if value.origin.file == "-r":
        texts = [one.text for one in addition.repositories if one.fqrn == fqrn]
        return f"--repository {texts[-1] if texts else fqrn}"
    return f"--config {value.origin}"
