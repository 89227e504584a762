# SPDX-License-Identifier: GPL-2.0-or-later
"""What the parameters mean together: typed values for the other rooms.

Each class is made by `of(configuration)`. Errors: ConfigurationError naming the
parameter and where it was set.
Source: docs/parameters.md; docs/format.md 11 to 13.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from interpose.config.configuration import Configuration
from interpose.config.owners import OwnerMap, read_owner_map
from interpose.config.parameters import read_switch
from interpose.config.proxies import proxy_chain
from interpose.config.repository_option import PinKind, parse_pin
from interpose.errors import ConfigurationError
from interpose.formats.proxylist import Groups, parse_servers, split_list

_VISIBILITIES = ("rootonly", "never", "always")


class OrderSettings(NamedTuple):
    """Which servers, proxies and addresses come first, and for how long; seconds.

    0 servers, addresses: all; family 0: no preference; reset after 0: not in this run.
    """

    use_geo: bool
    proxy_template: str
    max_servers: int
    max_external_servers: int
    proxy_shard: bool
    proxy_reset_s: int
    host_reset_s: int
    pac_urls: tuple[str, ...]
    auto_may_be_direct: bool
    ipv4_only: bool
    preferred_family: int
    addresses_of_proxy: int

    @classmethod
    def of(
        cls, configuration: Configuration, *, auto_may_be_direct: bool
    ) -> OrderSettings:
        """Order of a repository's servers and proxies."""
        number, flag = configuration.number, configuration.flag
        return cls(
            use_geo=flag("CVMFS_USE_GEOAPI"),
            proxy_template=configuration.text("CVMFS_PROXY_TEMPLATE"),
            max_servers=max(0, number("CVMFS_MAX_SERVERS")),
            max_external_servers=max(0, number("CVMFS_EXTERNAL_MAX_SERVERS")),
            proxy_shard=flag("CVMFS_PROXY_SHARD"),
            proxy_reset_s=max(0, number("CVMFS_PROXY_RESET_AFTER")),
            host_reset_s=max(0, number("CVMFS_HOST_RESET_AFTER")),
            pac_urls=split_list(_from_either(configuration, "CVMFS_PAC_URLS"), ";"),
            auto_may_be_direct=auto_may_be_direct,
            ipv4_only=bool(_from_either(configuration, "CVMFS_IPV4_ONLY")),
            preferred_family=number("CVMFS_IPFAMILY_PREFER"),
            addresses_of_proxy=max(0, number("CVMFS_MAX_IPADDR_PER_PROXY")),
        )


class ServerSettings(NamedTuple):
    """Servers, proxies and patience; seconds and bytes per second.

    `assumed_direct`: no proxy was configured, the user gets one notice. The last
    `fallback_groups` of the proxies are to fall back on.
    """

    servers: tuple[str, ...]
    proxies: Groups
    assumed_direct: bool
    fallback_groups: int
    external_servers: tuple[str, ...]
    external_proxies: Groups
    timeout_s: int
    timeout_direct_s: int
    external_timeout_s: int
    external_timeout_direct_s: int
    low_speed_limit: int
    max_retries: int
    backoff_init_s: int
    backoff_max_s: int
    follow_redirects: bool
    send_info: bool
    uuid: str
    use_system_ca: bool
    ca_directory: str
    ca_bundle: str
    order: OrderSettings

    @classmethod
    def of(cls, configuration: Configuration) -> ServerSettings:
        """Server settings of a repository."""
        text, number = configuration.text, configuration.number
        environment = configuration.environment
        regular, fallback = text("CVMFS_HTTP_PROXY"), text("CVMFS_FALLBACK_PROXY")
        chain = proxy_chain(regular, fallback, environment)
        external = proxy_chain(
            text("CVMFS_EXTERNAL_HTTP_PROXY"),
            text("CVMFS_EXTERNAL_FALLBACK_PROXY"),
            environment,
        )
        timeout_s = _positive(configuration, "CVMFS_TIMEOUT")
        direct_s = _positive(configuration, "CVMFS_TIMEOUT_DIRECT")
        return cls(
            servers=parse_servers(text("CVMFS_SERVER_URL")),
            proxies=chain.groups,
            assumed_direct=chain.assumed_direct,
            fallback_groups=chain.fallback_groups,
            external_servers=parse_servers(text("CVMFS_EXTERNAL_URL")),
            external_proxies=external.groups,
            timeout_s=timeout_s,
            timeout_direct_s=direct_s,
            external_timeout_s=number("CVMFS_EXTERNAL_TIMEOUT") or timeout_s,
            external_timeout_direct_s=(
                number("CVMFS_EXTERNAL_TIMEOUT_DIRECT") or direct_s
            ),
            low_speed_limit=max(0, number("CVMFS_LOW_SPEED_LIMIT")),
            max_retries=max(0, number("CVMFS_MAX_RETRIES")),
            backoff_init_s=max(0, number("CVMFS_BACKOFF_INIT")),
            backoff_max_s=max(0, number("CVMFS_BACKOFF_MAX")),
            follow_redirects=configuration.flag("CVMFS_FOLLOW_REDIRECTS"),
            send_info=configuration.flag("CVMFS_SEND_INFO_HEADER"),
            uuid=environment.get("CERNVM_UUID", ""),
            use_system_ca=configuration.flag("CVMFS_USE_SSL_SYSTEM_CA"),
            ca_directory=_from_either(configuration, "X509_CERT_DIR"),
            ca_bundle=_from_either(configuration, "X509_CERT_BUNDLE"),
            order=OrderSettings.of(
                configuration, auto_may_be_direct=chain.auto_may_be_direct
            ),
        )


def _from_either(configuration: Configuration, name: str) -> str:
    """A variable of the environment that files may set too (they export it)."""
    environment = configuration.environment.get(name, "")
    return configuration.get(name) or environment or configuration.text(name)


def _positive(configuration: Configuration, name: str) -> int:
    """A time-out; 0 or less would mean to wait for ever, which nobody wants."""
    return max(1, configuration.number(name))


class KeySettings(NamedTuple):
    """Files of master public keys; any of them may have signed."""

    files: tuple[Path, ...]
    parameter: str

    @classmethod
    def of(cls, configuration: Configuration) -> KeySettings:
        """CVMFS_PUBLIC_KEY, else the *.pub files of CVMFS_KEYS_DIR."""
        listed = split_list(configuration.text("CVMFS_PUBLIC_KEY"), ":")
        if listed:
            files = tuple(configuration.path(name) for name in listed)
            return cls(files, "CVMFS_PUBLIC_KEY")
        directory = configuration.path(configuration.text("CVMFS_KEYS_DIR"))
        try:
            names = sorted(p for p in directory.iterdir() if p.name.endswith(".pub"))
        except OSError:
            names = []
        return cls(tuple(names), "CVMFS_KEYS_DIR")


class PinSettings(NamedTuple):
    """The revision that was asked for; `kind` None means the newest.

    `date` (UTC) is set with kind DATE only. `is_alternative`: the root catalog that a
    pin means is asked for by its `.cvmfsalt-` name. `stays`: the revision that a run
    began with is not to be followed by another one, and never is.
    """

    kind: PinKind | None = None
    text: str = ""
    date: datetime | None = None
    is_alternative: bool = False
    stays: bool = False

    @classmethod
    def of(cls, configuration: Configuration) -> PinSettings:
        """A root hash wins over a tag, a tag over a date."""
        found = cls(
            is_alternative=configuration.flag("CVMFS_ALT_ROOT_PATH"),
            stays=read_switch(configuration.get("CVMFS_AUTO_UPDATE") or "yes")
            is not True,
        )
        for kind in PinKind:
            text = configuration.text(kind.value)
            if not text:
                continue
            if kind is PinKind.DATE:
                date = _date(configuration, kind.value)
                return found._replace(kind=kind, text=text, date=date)
            if kind is PinKind.ROOT_HASH and parse_pin(text).kind is not kind:
                raise _bad(configuration, kind.value, "no hash of a root catalog")
            return found._replace(kind=kind, text=text)
        return found


def _date(configuration: Configuration, name: str) -> datetime:
    text = configuration.text(name)
    problem = _bad(configuration, name, "no date", "write YYYY-MM-DDThh:mm:ssZ")
    if parse_pin(text).kind is not PinKind.DATE:
        raise problem
    try:
        return datetime.strptime(text[:-1] + "+0000", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError as error:
        raise problem from error


def _bad(
    configuration: Configuration, name: str, what: str, advice: str = ""
) -> ConfigurationError:
    """An error that quotes the parameter and says where it was set."""
    where = f"{name}={configuration.text(name)} from {configuration.origin(name)}"
    return ConfigurationError(what, where, advice)


class ViewSettings(NamedTuple):
    """How catalog entries are shown.

    `variables` are what variant symlinks can use; `xattr_visibility` is one of
    rootonly, never, always.
    """

    claim_ownership: bool
    check_permissions: bool
    world_readable: bool
    uid_map: OwnerMap
    gid_map: OwnerMap
    xattr_visibility: str
    protected_xattrs: frozenset[str]
    privileged_gids: frozenset[int]
    variables: Mapping[str, str]

    @classmethod
    def of(cls, configuration: Configuration) -> ViewSettings:
        """View settings; reads the owner maps."""
        flag, text = configuration.flag, configuration.text
        groups = split_list(text("CVMFS_XATTR_PRIVILEGED_GIDS"), ",")
        exported = dict(configuration.items())
        exported["CVMFS_FQRN"] = configuration.fqrn or ""
        exported["CVMFS_ARCH"] = os.uname().machine
        return cls(
            claim_ownership=flag("CVMFS_CLAIM_OWNERSHIP"),
            check_permissions=flag("CVMFS_CHECK_PERMISSIONS"),
            world_readable=flag("CVMFS_WORLD_READABLE"),
            uid_map=_owners(configuration, "CVMFS_UID_MAP"),
            gid_map=_owners(configuration, "CVMFS_GID_MAP"),
            xattr_visibility=_visibility(configuration),
            protected_xattrs=frozenset(
                split_list(text("CVMFS_XATTR_PROTECTED_XATTRS"), ",")
            ),
            privileged_gids=frozenset(int(g) for g in groups if g.isdecimal()) | {0},
            variables=exported,
        )


def _owners(configuration: Configuration, name: str) -> OwnerMap:
    text = configuration.text(name)
    return read_owner_map(configuration.path(text), name) if text else OwnerMap()


def _visibility(configuration: Configuration) -> str:
    """The new parameter, else what the old one means, else rootonly."""
    found = (configuration.get("CVMFS_MAGIC_XATTRS_VISIBILITY") or "").lower()
    if found in _VISIBILITIES:
        return found
    old = read_switch(configuration.get("CVMFS_HIDE_MAGIC_XATTRS") or "")
    return "rootonly" if old is None else "never" if old else "always"
