# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a runtime could not be prepared, read from what pip, Python and the operating system say."""

from __future__ import annotations

import re
from enum import Enum


class Fault(Enum):
    """One for each thing that a user or an administrator can do about it."""

    BAD_FOLDER = "bad folder"
    BUSY = "busy"
    IN_USE = "in use"
    DISK_FULL = "disk full"
    PROXY_LOGIN = "proxy login"
    SOCKS = "socks"
    TLS = "tls"
    NO_NETWORK = "no network"
    REFUSED = "refused"
    CHECKSUM = "checksum"
    NO_WHEEL = "no wheel"
    BLOCKED = "blocked"
    WRONG_ARCHITECTURE = "wrong architecture"
    MISSING_LIBRARY = "missing library"
    LONG_PATH = "long path"
    KILLED = "killed"
    BROKEN_BASE = "broken base"
    UNKNOWN = "unknown"


# In this order: what comes first explains what comes after it. pip says "no matching distribution" after a
# certificate that it did not like, and goes on after a line that it could retry. Windows translates its
# sentences but not their numbers.
_SIGNS = (
    (Fault.DISK_FULL, r"Errno 28\b|Errno 122\b|WinError 112\b|No space left on device|Disk quota exceeded"),
    (
        Fault.PROXY_LOGIN,
        r"\b407 Proxy|Tunnel connection failed: 407|(?:error|code|status) 407\b|\b407 Client",
    ),
    (Fault.SOCKS, r"Missing dependencies for SOCKS"),
    (Fault.BROKEN_BASE, r"No module named '?(?:venv|ensurepip|encodings|_?ssl)\b|ensurepip is not available"),
    (Fault.BROKEN_BASE, r"(?:ssl|SSL) module (?:in Python )?is not available"),
    (
        Fault.TLS,
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|SSLError|SSL: [A-Z_]+|TLS CA certificate",
    ),
    (Fault.CHECKSUM, r"DO NOT MATCH THE HASHES|BadZipFile|not a zip file|Wheel '.*' .*is invalid|Bad CRC-32"),
    (Fault.LONG_PATH, r"Windows Long Path support|WinError 206\b|Errno 36\b|File name too long"),
    (
        Fault.WRONG_ARCHITECTURE,
        r"Exec format error|Bad CPU type|wrong ELF class|incompatible architecture|WinError (?:193|216)\b",
    ),
    (Fault.MISSING_LIBRARY, r"WinError (?:126|1114)\b|DLL load failed|cannot open shared object file"),
    (Fault.BLOCKED, r"WinError (?:5|32|225|1260|4551)\b|Permission denied|Access is denied|group policy"),
    (
        Fault.BLOCKED,
        r"failed to map segment from shared object|Operation not permitted|Read-only file system",
    ),
    (Fault.NO_WHEEL, r"\(from versions: (?!none)|is not a supported wheel|requires a different Python"),
    (
        Fault.NO_NETWORK,
        r"timed out|name resolution|getaddrinfo failed|NameResolutionError|Name or service not known|"
        r"Connection refused|Connection reset|Connection aborted|Connection broken|Network is unreachable|"
        r"No route to host|connect to proxy|RemoteDisconnected|IncompleteRead|IncompleteDownload|"
        r"incomplete-download|NewConnectionError|actively refused|Temporary failure",
    ),
    (Fault.REFUSED, r"HTTP error [45]\d\d|[45]\d\d (?:Client|Server) Error"),
    (Fault.NO_WHEEL, r"No matching distribution found|Could not find a version|ResolutionImpossible"),
)
_PATTERNS = tuple((fault, re.compile(pattern)) for fault, pattern in _SIGNS)


def fault_in(log: str) -> Fault:
    """The fault that the last words of a step tell."""
    return next((fault for fault, pattern in _PATTERNS if pattern.search(log)), Fault.UNKNOWN)
