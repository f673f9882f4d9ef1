# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes out of a text what is nobody else's business: names, folders, passwords, tokens, addresses."""

from __future__ import annotations

import getpass
import os
import re
from base64 import b64encode
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote, unquote

from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QSysInfo

from .settings import Settings

_SECRET, _USER, _COMPUTER, _MAIL, _DOMAIN = "<secret>", "<user>", "<computer>", "<e-mail>", "<domain>"
_LEAST_SECRET = 4
"""Letters of a secret that is looked for by itself: shorter ones would take half of the text with them."""
_LEAST_VALUE = 8
"""The same for values of the environment, where TOKEN may also stand before "true"."""
_LEAST_NAME = 3
_NAMES_OF_ALL = {"root", "user", "localhost", "lspace", "python", "qgis", "workgroup"}
_TELLTALE_NAME = (
    r"(?:token(?!s\b|i[sz])|secret|passw(?:or)?d|passphrase|pwd|credential|"
    r"api[_-]?key|access[_-]?key|private[_-]?key|signature|authcfg)[\w.-]*"
)
_TELLTALE_VARIABLE = re.compile(rf"(?i){_TELLTALE_NAME}|_(?:key|auth|pat|pass|creds?)$")
_LOGIN = re.compile(r"^(?:[a-zA-Z][\w+.-]*://)?[^:@/\s]*:(?!//)(\S+)@[^@]+$")
"""User, password and host, such as a proxy's."""
_VALUE = r"""(?:\\+".*?\\+"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[^\s&]+)"""
"""In quotes, which may be inside of a text in quotes, or up to a blank."""
_PATH_WORD = r"[^\\/\s:\"'<>]+"

_PATTERNS = (
    (re.compile(r"(?s)-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)"), _SECRET),
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(\W{1,4})[^\n]*"), rf"\1\2{_SECRET}"),
    (re.compile(r"(?i)\b(bearer|basic|digest)\s+[A-Za-z0-9+/=._~-]{6,}"), rf"\1 {_SECRET}"),
    (re.compile(r"(\b[a-zA-Z][\w+.-]*://)(?:[^\s/:@]*:\S*|[^\s\"'/@]*)@"), rf"\1{_SECRET}@"),
    (re.compile(r"(?<![\w/@.])[\w.+-]+:(?!//)[^\s@]+@(?=[\w.-]+:\d)"), f"{_SECRET}@"),
    (re.compile(rf"(?i)((?<!\S)--?[\w-]{{0,40}}{_TELLTALE_NAME}[ =]){_VALUE}"), rf"\1{_SECRET}"),
    (
        re.compile(rf"(?i)({_TELLTALE_NAME}(?:\\*[\"'])?(?:\s*(?:=|:)\s*|\s*,\s*(?=[\"']))){_VALUE}"),
        rf"\1{_SECRET}",
    ),
    (re.compile(rf"(?i)(\b(?:user|username|user_name|login|uid)=){_VALUE}"), rf"\1{_USER}"),
    (re.compile(r"(?i)([?&](?:key|sig|code|auth|sas|se)=)[^&\s\"']+"), rf"\1{_SECRET}"),
    (
        re.compile(
            r"\b(?:hf_|api_org_|gh[a-z]_|github_pat_|glpat-|sk-|pypi-|npm_|xox[a-z]-|AKIA|AKCp|AIza|ya29\.)"
            r"[A-Za-z0-9_-]{8,}"
        ),
        _SECRET,
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+"), _SECRET),
    # a long part of an address, of letters and digits, is a key as a rule; a commit is none
    (
        re.compile(
            r"(://[^\s\"']{0,300}?/)(?![0-9a-f]{40}\b)(?=[A-Za-z_-]*\d)(?=[\d_-]*[A-Za-z])"
            r"[A-Za-z0-9_-]{24,}(?![\w.+%-])"
        ),
        rf"\1{_SECRET}",
    ),
    (re.compile(r"(?i)(?<![\w.+-])[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*"), _MAIL),
    (
        re.compile(
            r"(?i)([\\/](?:homes?|users|documents and settings)[\\/]+)(?!<)"
            rf"(?:{_PATH_WORD}(?: {_PATH_WORD}){{1,3}}(?=[\\/])|{_PATH_WORD})"
        ),
        rf"\1{_USER}",
    ),
    (re.compile(r"(?i)(\bOneDrive - )[^\\/\n\"']+"), rf"\1{_DOMAIN}"),
    (re.compile(r"(?i)(\bfile:(?://|\\\\))[\w.-]+(?=[\\/])"), rf"\1{_COMPUTER}"),
    (re.compile(r"(?<![\w:~>\\/)])(\\{2,4}|//)(?!<)[\w.-]+\$?(?=[\\/]{1,2}\w)"), rf"\1{_COMPUTER}"),
)


@dataclass(frozen=True)
class Private:
    """What is known to be private on this computer."""

    home: str
    user: str
    computer: str = ""
    secrets: tuple[str, ...] = ()
    """Passwords and tokens that are set here, as they are."""
    full_name: str = ""
    """Of the user."""
    domain: str = ""
    """That the computer or the user belongs to, as Windows calls it."""

    @classmethod
    def here(cls) -> Private:
        """That of the user who is logged in."""
        return cls(
            home=str(Path.home()),
            user=_login_name(),
            computer=QSysInfo.machineHostName(),
            secrets=(*_of_settings(), *_of_environment()),
            full_name=QgsApplication.userFullName(),
            domain=os.environ.get("USERDOMAIN", ""),
        )

    def taken_out_of(self, text: str) -> str:
        """The text without secrets; the home folder reads ``~``, the user ``<user>``."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = _without_secret(text, secret)
        text = _without_home(text, self.home)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        for name in (self.full_name, self.user):
            text = _without_name(text, name, _USER)
        for name in (self.computer, self.computer.partition(".")[0]):
            text = _without_name(text, name, _COMPUTER)
        return _without_name(text, self.domain, _DOMAIN)


def _without_secret(text: str, secret: str) -> str:
    """However it is written: each of its letters as it is, or escaped for an address, JSON or HTML."""
    if len(secret) < _LEAST_SECRET:
        return text
    return re.sub("".join(map(_written, secret)), _SECRET, text)


def _written(letter: str) -> str:
    """A pattern of all the ways to write it."""
    if letter.isascii() and letter.isalnum():
        return letter
    encoded = "".join(f"%{byte:02x}" for byte in letter.encode("utf-8", "surrogatepass"))
    ways = {letter, letter.encode("unicode_escape").decode("ascii"), f"\\u{ord(letter):04x}", f"\\{letter}"}
    ways |= {escape(letter), "+" if letter == " " else letter}
    longest_first = sorted(ways, key=len, reverse=True)
    return f"(?:(?i:{encoded})|{'|'.join(map(re.escape, longest_first))})"


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


def _of_settings() -> tuple[str, ...]:
    """QGIS's proxy, and logins in the addresses that LSpace was given."""
    stored = QgsSettings()
    user, password = (str(stored.value(f"proxy/proxy{name}", "") or "") for name in ("User", "Password"))
    told = b64encode(f"{user}:{password}".encode()).decode() if password else ""
    ours = Settings.load()
    return (user, password, told, *map(_password_in, (ours.endpoint, ours.package_index)))


def _of_environment() -> tuple[str, ...]:
    named = [value for name, value in os.environ.items() if _TELLTALE_VARIABLE.search(name)]
    long_enough = [value for value in named if len(value) >= _LEAST_VALUE and not os.path.exists(value)]
    return (*long_enough, *map(_password_in, os.environ.values()))


def _password_in(address: str) -> str:
    """Empty where it has none."""
    found = _LOGIN.match(address)
    return unquote(found.group(1)) if found else ""
