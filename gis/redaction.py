# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes out of a text what is nobody else's business: names, folders, passwords, tokens, addresses."""

from __future__ import annotations

import getpass
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QSysInfo

_SECRET, _USER, _COMPUTER, _MAIL = "<secret>", "<user>", "<computer>", "<e-mail>"
_LEAST_SECRET = 4
"""Letters of a secret that is looked for by itself: shorter ones would take half of the text with them."""
_LEAST_VALUE = 8
"""The same for values of the environment, where TOKEN may also stand before "true"."""
_LEAST_NAME = 3
_NAMES_OF_ALL = {"root", "user", "localhost", "lspace", "python", "qgis"}
_TELLTALE_NAME = (
    r"[\w.-]*(?:token(?!s\b|i[sz])|secret|passw(?:or)?d|passphrase|pwd|credential|"
    r"api[_-]?key|access[_-]?key|private[_-]?key|signature)[\w.-]*"
)

_PATTERNS = (
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(\W{1,4})[^\n]*"), rf"\1\2{_SECRET}"),
    (re.compile(r"(?i)\b(bearer|basic|digest)\s+[A-Za-z0-9+/=._~-]{6,}"), rf"\1 {_SECRET}"),
    (re.compile(r"(\b[a-zA-Z][\w+.-]*://)(?:[^\s/:@]+:[^\s\"']*|[^\s\"'/@]*)@"), rf"\1{_SECRET}@"),
    (
        re.compile(rf"(?i)({_TELLTALE_NAME}[\"']?\s*(?:=|:)\s*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s&,;}}]+)"),
        rf"\1{_SECRET}",
    ),
    (re.compile(r"(?i)([?&](?:key|sig|code|auth|sas|se)=)[^&\s\"']+"), rf"\1{_SECRET}"),
    (re.compile(r"\b(?:hf_|gh[a-z]_|github_pat_|glpat-|sk-|pypi-|AKIA)[A-Za-z0-9_-]{8,}"), _SECRET),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+"), _SECRET),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), _MAIL),
    (re.compile(r"(?i)([\\/](?:home|users)[\\/]+)(?!<)[^\\/\s:\"'<>]+"), rf"\1{_USER}"),
)


@dataclass(frozen=True)
class Private:
    """What is known to be private on this computer."""

    home: str
    user: str
    computer: str = ""
    secrets: tuple[str, ...] = ()
    """Passwords and tokens that are set here, as they are."""

    @classmethod
    def here(cls) -> Private:
        """That of the user who is logged in."""
        return cls(
            str(Path.home()), _login_name(), QSysInfo.machineHostName(), (*_proxy(), *_of_environment())
        )

    def taken_out_of(self, text: str) -> str:
        """The text without secrets; the home folder reads ``~``, the user ``<user>``."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = _without_secret(text, secret)
        text = _without_home(text, self.home)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        text = _without_name(text, self.user, _USER)
        return _without_name(text, self.computer, _COMPUTER)


def _without_secret(text: str, secret: str) -> str:
    if len(secret) < _LEAST_SECRET:
        return text
    for written in {secret, quote(secret, safe=""), quote(secret)}:
        text = text.replace(written, _SECRET)
    return text


def _without_home(text: str, home: str) -> str:
    """Also where it is written with other slashes, with doubled ones, or inside an address."""
    parts = [part for part in re.split(r"[\\/]+", home) if part]
    if not parts:
        return text
    words = [f"(?:{re.escape(part)}|{re.escape(quote(part))})" for part in parts]
    start = r"[\\/]+" if home[0] in "\\/" else ""
    pattern = start + r"[\\/]+".join(words) + r"(?![\w.-])"
    return re.sub(pattern, "~", text, flags=re.IGNORECASE)


def _without_name(text: str, name: str, stands_for: str) -> str:
    if len(name) < _LEAST_NAME or name.lower() in _NAMES_OF_ALL:
        return text
    pattern = rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"
    return re.sub(pattern, stands_for, text, flags=re.IGNORECASE)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such variable, and no entry for the user id
        return ""


def _proxy() -> tuple[str, ...]:
    stored = QgsSettings()
    names = ("proxy/proxyUser", "proxy/proxyPassword")
    return tuple(str(stored.value(name, "")) for name in names)


def _of_environment() -> tuple[str, ...]:
    is_secret = re.compile(_TELLTALE_NAME, re.IGNORECASE).search
    found = (value for name, value in os.environ.items() if is_secret(name))
    return tuple(value for value in found if len(value) >= _LEAST_VALUE and not os.path.exists(value))
