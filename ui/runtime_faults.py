# SPDX-License-Identifier: GPL-2.0-or-later
"""Why the model's Python could not be prepared, and what to do about it."""

from __future__ import annotations

from typing import Any

from ..gis.runtime.fault import Fault
from .translation import tr

_LINES_SHOWN = 3


def runtime_failed_words(values: dict[str, Any]) -> str:
    """The sentence for a ``RuntimeFailed``, with pip's last lines where it alone can explain."""
    try:
        fault = Fault(values.get("reason"))
    except ValueError:
        fault = Fault.UNKNOWN
    told = {"folder": "", "needed": _gigabytes(values, "needed_mb"), "free": _gigabytes(values, "free_mb")}
    words = _advice(fault, values).format(**{**told, **values})
    kept = tr("The Python that was in use still is.") if values.get("keeps_old") else ""
    return " ".join(filter(None, [words, _last_words(fault, values), kept]))


def no_torch_words() -> str:
    """What to do where a device or a precision needs more than the small build."""
    return tr(
        "The chosen device or precision needs PyTorch, which the model's Python does not have. Leave both on "
        "automatic (tab Device of the options), or prepare a build with PyTorch (tab Runtime)."
    )


def _advice(fault: Fault, values: dict[str, Any]) -> str:
    if fault is Fault.DISK_FULL and "needed_mb" in values:
        return tr(
            "The disk of {folder} has {free} GB free, and {needed} GB are needed. Free some, or choose "
            "another folder."
        )
    return {**_of_network(), **_of_computer()}[fault]


def _of_network() -> dict[Fault, str]:
    return {
        Fault.PROXY_LOGIN: tr(
            "The proxy asks for a user name and a password. Set them in QGIS: Settings, Options, Network."
        ),
        Fault.SOCKS: tr(
            "Packages cannot be fetched through a SOCKS proxy. Set an HTTP proxy in QGIS's network options, "
            "or prepare from a folder of wheels."
        ),
        Fault.TLS: tr(
            "A certificate on the way is not trusted, as happens where the network inspects traffic. Ask "
            "your administrator for the certificate of its authority, and import it in QGIS: Settings, "
            "Options, Authentication, Manage certificates."
        ),
        Fault.NO_NETWORK: tr(
            "The package index could not be reached, or the line broke off. See whether the network and "
            "QGIS's proxy are right, then try again: what has arrived is kept. Without network, prepare from "
            "a folder of wheels."
        ),
        Fault.REFUSED: tr(
            "The package index refused a download. Its address or a filter of your network may be the cause; "
            "try later, ask your administrator, or prepare from a folder of wheels."
        ),
        Fault.CHECKSUM: tr(
            "A package is not the one that was published, and was thrown away. Try again; if this comes "
            "back, something on the way changes downloads: ask your administrator."
        ),
        Fault.NO_WHEEL: tr(
            "A package is not there for this Python or this computer. Choose a Python from 3.10 to 3.14 made "
            "for this processor, or another build; a folder of wheels has to hold all packages."
        ),
    }


def _of_computer() -> dict[Fault, str]:
    return {
        Fault.BAD_FOLDER: tr(
            "The runtime cannot lie in {folder}: updates of QGIS or the plugin would remove it. Choose "
            "a folder outside of both."
        ),
        Fault.BUSY: tr(
            "Another QGIS is preparing or removing the Python of this folder right now. Wait for it, or "
            "choose another folder."
        ),
        Fault.IN_USE: tr(
            "It could not be removed: a program still runs from it, perhaps another QGIS, or its files are "
            "protected. Close that program, then remove it again."
        ),
        Fault.DISK_FULL: tr(
            "The disk is full. Free some space or choose a folder on another disk, then try again: what has "
            "arrived is kept."
        ),
        Fault.BLOCKED: tr(
            "The computer forbids to write or to start programs there: permissions, a virus scanner or a "
            "policy such as AppLocker. Choose a folder where programs are allowed, or ask your administrator "
            "to allow it."
        ),
        Fault.WRONG_ARCHITECTURE: tr(
            "This Python or a package is made for another kind of processor. Install a 64 bit Python made "
            "for this computer from python.org, and choose that."
        ),
        Fault.MISSING_LIBRARY: tr(
            "A library of the system is missing. On Windows, install the Microsoft Visual C++ "
            "Redistributable (x64), then repair."
        ),
        Fault.LONG_PATH: tr(
            "A path grew too long. Choose a folder with a short name, such as C:\\lspace on Windows, where "
            "long paths can be switched on too."
        ),
        Fault.KILLED: tr(
            "It was ended from outside: memory ran out, or a virus scanner or somebody stopped it. Close "
            "other programs and try again: what has arrived is kept."
        ),
        Fault.BROKEN_BASE: tr(
            "The chosen Python cannot make environments: it lacks venv, pip or SSL. On Debian and Ubuntu, "
            "install python3-venv; elsewhere, install Python from python.org."
        ),
        Fault.UNKNOWN: tr(
            "The preparation failed for a reason that LSpace does not know; the log says more."
        ),
    }


def _last_words(fault: Fault, values: dict[str, Any]) -> str:
    lines = str(values.get("log", "")).splitlines()[-_LINES_SHOWN:]
    if fault is not Fault.UNKNOWN or not lines:
        return ""
    return tr("Its last words: {log}.").format(log=" / ".join(line.strip() for line in lines).rstrip("."))


def _gigabytes(values: dict[str, Any], name: str) -> str:
    return f"{values.get(name, 0) / 1000:.1f}"
