# SPDX-License-Identifier: GPL-2.0-or-later
"""The client parameters, one row each; a row may go on in indented lines.

NAME|weight|kind|default in code|value in default.conf|unit|meaning. Weights:
A must, B should, C accepted with little or no effect, N of the kernel's client only.
Source: docs/parameters.md, whose sections the headings name.
"""

ROWS = """
# 3.1 Repositories, keys, pinning
CVMFS_SERVER_URL|A|servers||||URLs of servers, separated by ;, with @fqrn@
CVMFS_PUBLIC_KEY|A|paths||||master key files, separated by :; wins over KEYS_DIR
CVMFS_KEYS_DIR|A|path|/etc/cvmfs/keys|/etc/cvmfs/keys||directory of *.pub master keys
CVMFS_REPOSITORIES|A|names||||known repositories, separated by commas, short names too
CVMFS_DEFAULT_DOMAIN|A|text|cern.ch|||completes names without a dot
CVMFS_STRICT_MOUNT|A|switch|no|no||only repositories of the list
CVMFS_CONFIG_REPOSITORY|A|text||||repository that holds configuration
CVMFS_CONFIG_REPO_REQUIRED|B|switch|no|||fail if config repository is missing
CVMFS_CONFIG_REPO_DEFAULT_ENV|A|text||||set by the config repository's default.conf
CVMFS_CLIENT_PROFILE|A|text||||read by the configuration repository's files
CVMFS_USE_CDN|A|switch|no|||yes: domain files choose CDN servers
CVMFS_FQRN|A|text||||name being configured; set by the client
CVMFS_REPOSITORY_NAME|C|text||||shown by cvmfs_config; shrinkwrap's name
CVMFS_ROOT_HASH|A|text||||pin this root catalog
CVMFS_REPOSITORY_TAG|A|text||||pin this named snapshot
CVMFS_REPOSITORY_DATE|A|text||||pin the last snapshot up to YYYY-MM-DDThh:mm:ssZ
CVMFS_ALT_ROOT_PATH|B|switch|no|||a pinned root catalog is asked for by its
    .cvmfsalt- name
CVMFS_AUTO_UPDATE|A|switch|yes|||off: stay on the revision of the first opening. A run
    always does, with all that join it; the next run begins with the newest
CVMFS_MAX_TTL|B|number|0||min|cap of TTL
CVMFS_BLACKLIST|A|path|/etc/cvmfs/blacklist|||forbidden certificates and revisions
CVMFS_MOUNT_DIR|A|path|/cvmfs|/cvmfs||where repositories appear
CVMFS_NOTIFICATION_SERVER|C|text||||push notifications of new revisions
CVMFS_AUTHZ_HELPER|C|path||||helper for protected repositories
CVMFS_AUTHZ_SEARCH_PATH|C|path|/usr/libexec/cvmfs/authz|||where helpers are searched
CVMFS_AUTHZ_*|C|text||||passed to the helper's environment
CVMFS_TRUSTED_CERTS|C|paths||||CA directories for Wcachain (removed in 2.12)
CVMFS_IGNORE_SIGNATURE|C|switch|no|||shown by cvmfs_config, no effect any more
_CVMFS_DEVEL_IGNORE_SIGNATURE_FAILURES|C|switch|no|||refused: accepts wrong objects
# 3.2 Network
CVMFS_HTTP_PROXY|A|proxies||||proxies: groups separated by ;, members by a bar,
    DIRECT, auto
CVMFS_FALLBACK_PROXY|A|proxies||||more groups at the end; switches DIRECT off
CVMFS_TIMEOUT|A|number|5|5|s|connect and stall, via proxy
CVMFS_TIMEOUT_DIRECT|A|number|5|10|s|connect and stall, without proxy
CVMFS_LOW_SPEED_LIMIT|A|number|1024|1024|B/s|rate below which a transfer stalls
CVMFS_MAX_RETRIES|A|number|1|1||retries of the same URL
CVMFS_BACKOFF_INIT|A|number|2|2|s|first back-off is random up to it
CVMFS_BACKOFF_MAX|A|number|10|10|s|ceiling of back-off
CVMFS_PROXY_RESET_AFTER|A|number|0|300|s|until the first proxy group is tried again
CVMFS_HOST_RESET_AFTER|A|number|0|1800|s|until the first server is tried again
CVMFS_FOLLOW_REDIRECTS|A|switch|no|||follow up to 4 redirects
CVMFS_USE_GEOAPI|B|switch|no|no||let a server sort servers by distance
CVMFS_MAX_SERVERS|B|number|0|||keep only the first n after sorting
CVMFS_PROXY_TEMPLATE|C|text||||replaces the proxy name in GeoAPI requests
CVMFS_PROXY_SHARD|B|switch|no|||choose proxy of the group by object hash
CVMFS_PROXY_SHARDING_POLICY|C|text||||EXTERNAL: hook, not implemented in the open
    source
CVMFS_FAILOVER_INDEFINITELY|C|switch|no|||never give up a download
CVMFS_MAX_IPADDR_PER_PROXY|B|number|0|||addresses used of each proxy name
CVMFS_IPFAMILY_PREFER|B|number||||4 or 6 for proxies
CVMFS_IPV4_ONLY|B|text||||non-empty: resolve IPv4 only
CVMFS_DNS_TIMEOUT|C|number|3||s|per proxy name query
CVMFS_DNS_RETRIES|C|number|1|||retries of proxy name queries
CVMFS_DNS_MIN_TTL|C|number|60||s|lower bound of name validity
CVMFS_DNS_MAX_TTL|C|number|86400||s|upper bound of name validity
CVMFS_DNS_SERVER|C|text||||name server to ask instead of system's
CVMFS_DNS_ROAMING|C|switch|no|||watch /etc/resolv.conf
CVMFS_SEND_INFO_HEADER|B|switch|no|no||header cvmfs-info with the path
CVMFS_HTTP_TRACING|C|switch|no|||headers X-CVMFS-PID, -GID, -UID
CVMFS_HTTP_TRACING_HEADERS|C|text||||key:value,..., <= 1000 characters, alphanumeric
    keys
CVMFS_USE_SSL_SYSTEM_CA|B|switch|no|||system's CAs for https servers
CVMFS_PAC_URLS|B|servers||||PAC files for auto, separated by ;
CVMFS_EXTERNAL_URL|B|servers||||servers of external files, separated by ;
CVMFS_EXTERNAL_SERVER_URL|C|servers||||old name, shown only
CVMFS_EXTERNAL_HTTP_PROXY|B|proxies|DIRECT|||proxies for external files
CVMFS_EXTERNAL_FALLBACK_PROXY|B|proxies||||fallback proxies for external files
CVMFS_EXTERNAL_TIMEOUT|B|number|||s|time-out for external files; default:
    CVMFS_TIMEOUT
CVMFS_EXTERNAL_TIMEOUT_DIRECT|B|number|||s|time-out for external files, direct;
    default: CVMFS_TIMEOUT_DIRECT
CVMFS_EXTERNAL_MAX_SERVERS|B|number|0|||keep the first n external servers
http_proxy|B|text||||first answer of auto
X509_CERT_DIR|B|path|/etc/grid-security/certificates|||CA directory for https
X509_CERT_BUNDLE|B|path||||CA bundle for https
HOST_ALIASES|C|text||||alias file of the resolver
HOSTALIASES|C|text||||alias file of the resolver
CERNVM_UUID|B|text||||appended to the User-Agent
# 3.3 Cache
CVMFS_CACHE_BASE|A|path|/var/lib/cvmfs|/var/lib/cvmfs||parent of `shared` or of the
    repository's cache
CVMFS_CACHE_DIR|A|path||||exact cache directory; excludes CACHE_BASE
CVMFS_SHARED_CACHE|A|switch|no|yes||one cache for all repositories
CVMFS_ALIEN_CACHE|A|path||||externally managed cache; no quota, not shared
INTERPOSE_TRUSTED_OWNERS|A|names||||users (names, numbers) beside root and the job's
    own whose objects in a shared cache are used without proof, in place if nobody else
    can write there
CVMFS_QUOTA_LIMIT|A|number|1024|4000|MB|soft limit of the cache; <= 0: unmanaged
INTERPOSE_QUOTA_FILES|A|number||||the same in files; 0, the default: any number
CVMFS_WORKSPACE|B|path||||turns between jobs, and what they learned of the network;
    default: the private cache
CVMFS_CACHE_WORKSPACE|C|path||||as without `_CACHE`, per cache instance
CVMFS_CACHE_PRIMARY|C|text|default|||name of the cache instance to use
CVMFS_CACHE_TYPE|C|text|posix|||posix ram tiered external, per instance
CVMFS_CACHE_ALIEN|A|path||||as without `_CACHE`, per cache instance
CVMFS_CACHE_SHARED|A|switch||||as without `_CACHE`, per cache instance
CVMFS_CACHE_QUOTA_LIMIT|A|number|||MB|as without `_CACHE`, per cache instance
CVMFS_CACHE_SERVER_MODE|C|switch||||as without `_CACHE`, per cache instance
CVMFS_CACHE_UPPER|C|text||||instances of a tiered cache
CVMFS_CACHE_LOWER|C|text||||instances of a tiered cache
CVMFS_CACHE_LOWER_READONLY|C|switch|no|||do not write the lower one
CVMFS_CACHE_SIZE|C|text||||RAM cache, MB or n%; default: 1/32 of memory
CVMFS_CACHE_MALLOC|C|text|heap|||RAM cache: libc or heap
CVMFS_CACHE_CMDLINE|C|text||||external cache plug-in: command (,), socket
CVMFS_CACHE_LOCATOR|C|text||||external cache plug-in: command (,), socket
CVMFS_CACHE_PLUGIN_*|C|text||||settings of the plug-ins' own processes
CVMFS_CACHE_REFCOUNT|N|switch|no|||share descriptors of equal open objects
CVMFS_SERVER_CACHE_MODE|C|switch|no|||commit by link; raw symlinks (publisher's mount)
CVMFS_STREAMING_CACHE|C|switch|no|||read without storing
CVMFS_CATALOG_WATERMARK|B|number||||with n catalogs mapped those are let go that are
    not above the newest; default: a quarter of vm.max_map_count
CVMFS_MEMCACHE_SIZE|C|number|16||MB|size of metadata caches
CVMFS_NFILES|C|number|8192|131072||open file limit of the client
# 3.4 View
CVMFS_CLAIM_OWNERSHIP|A|switch|no|yes||files belong to the client's user
CVMFS_CHECK_PERMISSIONS|A|switch|no|yes||enforce mode bits
CVMFS_WORLD_READABLE|A|switch|no|||everybody may read: 0444 or 0555 is added to modes
CVMFS_UID_MAP|B|path||||file of lines `from to` and `* default`
CVMFS_GID_MAP|B|path||||file of lines `from to` and `* default`
CVMFS_MAGIC_XATTRS_VISIBILITY|A|text|rootonly|||rootonly never always
CVMFS_HIDE_MAGIC_XATTRS|B|switch|no|||old: on = never, off = always
CVMFS_XATTR_PROTECTED_XATTRS|B|names||||magic names for privileged groups only, by
    commas
CVMFS_XATTR_PRIVILEGED_GIDS|B|names||||ids of these groups, by commas
CVMFS_STATFS_CACHE_TIMEOUT|C|number|0||s|time to keep statfs answers
CVMFS_ENFORCE_ACLS|C|switch|no|||POSIX ACLs from xattrs, kernel feature
CVMFS_SUID|N|switch|no|||honour set-uid bits (root)
CVMFS_MOUNT_RW|N|switch|no|||mount read-write (still unwritable)
CVMFS_CACHE_SYMLINKS|N|switch|no|||kernel caches symlinks
CVMFS_KCACHE_TIMEOUT|N|number|60||s|time in the kernel's caches
CVMFS_FUSE_NOTIFY_INVALIDATION|N|switch|yes|||invalidate kernel caches actively
CVMFS_FUSE3_MAX_THREADS|N|number||||libfuse threads
CVMFS_FUSE3_IDLE_THREADS|N|number||||libfuse threads
CVMFS_INITIAL_GENERATION|N|number|0|||first inode generation
CVMFS_NFS_SOURCE|N|switch|no|||stable inodes for NFS export
CVMFS_NFS_SHARED|N|path||||directory of shared inode maps
CVMFS_NFS_INTERLEAVED_INODES|N|text||||residue%modulus of inodes
CVMFS_ARCH|A|text||||`uname -m`, for variant symlinks; set by the client
# 3.5 Process, logs, control
CVMFS_USER|N|text||cvmfs||account of the client
CVMFS_BASE_ENV|N|text||1||guard inside default.conf
CVMFS_RELOAD_SOCKETS|N|path|/var/run/cvmfs|/var/run/cvmfs||loader's sockets, pause
    marker
CVMFS_DEBUGLOG|B|path||||verbose log to this file: what -vv shows of the resolver
CVMFS_USYSLOG|B|path||||lines for the user go to this file, too (500 kB, then
    FILE.1)
CVMFS_SYSLOG_LEVEL|C|number|3|||1 debug, 2 info, 3 notice
CVMFS_SYSLOG_FACILITY|C|number||||0-7 = local0-7
CVMFS_SYSLOG_PREFIX|C|text||||prefix of lines in CVMFS_USYSLOG; default: the repository
CVMFS_TRACEFILE|C|path||||CSV trace of calls
CVMFS_TRACEBUFFER|C|number|8192||lines|buffer of the trace
CVMFS_TRACEBUFFER_THRESHOLD|C|number|7000||lines|when the buffer is written
CVMFS_INSTRUMENT_FUSE|N|switch|no|||latency histograms
CVMFS_TALK_SOCKET|N|text|./cvmfs_io.fqrn|||cvmfs_talk socket
CVMFS_TALK_OWNER|N|text||||owner of the cvmfs_talk socket
CVMFS_TELEMETRY_SEND|C|switch|no|||send counters
CVMFS_TELEMETRY_RATE|C|number|300||s|interval of sending counters
CVMFS_INFLUX_HOST|C|text||||where; all three needed
CVMFS_INFLUX_PORT|C|number||||where; all three needed
CVMFS_INFLUX_METRIC_NAME|C|text||||where; all three needed
CVMFS_INFLUX_EXTRA_TAGS|C|text||||added to each line
CVMFS_INFLUX_EXTRA_FIELDS|C|text||||added to each line
CVMFS_OOM_SCORE_ADJ|N|number||||written to /proc/self/oom_score_adj
CVMFS_CPU_AFFINITY|N|text||||CPUs, by commas
CVMFS_SYSTEMD_NOKILL|N|switch|no|||argv[0] begins with @
CVMFS_LIBRARY_PATH|N|path||||where libcvmfs_fuse is loaded from
CVMFS_CWD_CACHE|N|text||||dropped in 2.4
"""
