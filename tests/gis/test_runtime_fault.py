"""What pip, Python and operating systems really say, and the fault that it stands for."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.errors import RuntimeFailed
from lspace.gis.runtime.fault import Fault, fault_in
from lspace.gis.runtime.pip_progress import PipProgress
from lspace.ui.words import sentence_for

RETRYING = (
    "WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after "
    "connection broken by '{}': /simple/torch/\n"
)
NONE_FOUND = (
    "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)\n"
    "ERROR: No matching distribution found for torch==2.13.0"
)
OSERROR = "ERROR: Could not install packages due to an OSError: {}"

SAID = [
    (Fault.PROXY_LOGIN, RETRYING.format("OSError('Tunnel connection failed: 407 authenticationrequired')")),
    (Fault.PROXY_LOGIN, "ERROR: HTTP error 407 while getting https://files.example/torch.whl"),
    (
        Fault.TLS,
        RETRYING.format(
            "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] self-signed')"
        )
        + NONE_FOUND,
    ),
    (
        Fault.NO_NETWORK,
        RETRYING.format("NewConnectionError('[Errno 11001] getaddrinfo failed')") + NONE_FOUND,
    ),
    (Fault.NO_NETWORK, RETRYING.format("ReadTimeoutError('Read timed out. (read timeout=15)')") + NONE_FOUND),
    (
        Fault.SOCKS,
        "ERROR: Could not install packages due to an OSError: Missing dependencies for SOCKS support.",
    ),
    (Fault.DISK_FULL, OSERROR.format("[Errno 28] No space left on device")),
    (Fault.DISK_FULL, OSERROR.format("[WinError 112] Es steht nicht genug Speicherplatz zur Verfügung")),
    (Fault.BLOCKED, OSERROR.format("[WinError 5] Zugriff verweigert: 'C:\\\\Users\\\\a'")),
    (Fault.BLOCKED, "OSError: [WinError 1260] This program is blocked by group policy."),
    (
        Fault.BLOCKED,
        "[WinError 225] Operation did not complete successfully because the file contains a virus",
    ),
    (Fault.BLOCKED, "[WinError 4551] An Application Control policy has blocked this file"),
    (Fault.BLOCKED, "execve: Permission denied"),
    (Fault.BLOCKED, "ImportError: libtorch.so: failed to map segment from shared object"),
    (
        Fault.LONG_PATH,
        OSERROR.format("[Errno 2] No such file\nHINT: ... have Windows Long Path support enabled."),
    ),
    (
        Fault.MISSING_LIBRARY,
        'OSError: [WinError 126] Error loading "...\\\\fbgemm.dll" or one of its dependencies.',
    ),
    (Fault.MISSING_LIBRARY, "OSError: [WinError 1114] A DLL initialization routine failed"),
    (Fault.WRONG_ARCHITECTURE, "execve: Exec format error"),
    (Fault.WRONG_ARCHITECTURE, "[WinError 193] %1 ist keine zulässige Win32-Anwendung"),
    (
        Fault.WRONG_ARCHITECTURE,
        "(mach-o file, but is an incompatible architecture (have 'x86_64', need 'arm64'))",
    ),
    (Fault.CHECKSUM, "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."),
    (
        Fault.NO_WHEEL,
        "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: 2.2.0)",
    ),
    (Fault.NO_WHEEL, NONE_FOUND),
    (
        Fault.NO_WHEEL,  # the network came back in between
        RETRYING.format("ReadTimeoutError('Read timed out.')")
        + "ERROR: Could not find a version that satisfies the requirement torch==9 (from versions: 2.2.0)",
    ),
    (Fault.REFUSED, "ERROR: HTTP error 403 while getting https://files.example/torch.whl"),
    (Fault.BROKEN_BASE, "/usr/bin/python3: No module named venv"),
    (
        Fault.BROKEN_BASE,
        "WARNING: pip is configured with TLS, however the ssl module in Python is not available.",
    ),
    (Fault.UNKNOWN, "Segmentation fault"),
]


@pytest.mark.parametrize(("fault", "said"), SAID)
def test_the_fault_is_read_from_what_was_said(fault, said):
    assert fault_in(said) is fault


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_sentence_that_says_what_to_do(fault):
    values = {"folder": "/data/runtime", "log": "first\nlast words"}
    words = sentence_for(RuntimeFailed(reason=fault.value, keeps_old=False, **values))
    assert words[0].isupper()
    assert words.endswith(".")
    assert "{" not in words
    assert ("last words" in words) == (fault is Fault.UNKNOWN)
    kept = sentence_for(RuntimeFailed(reason=fault.value, keeps_old=True, **values))
    assert kept == f"{words} The Python that was in use still is."


def test_bytes_add_up_over_files_large_small_and_cached():
    pip = PipProgress(expected_mb=10)
    assert not pip.take("Collecting torch==2.13.0")
    assert not pip.take("  Downloading torch-2.13.0-cp312-win_amd64.whl (6.0 MB)")
    assert pip.take("Progress 3000000 of 6000000")
    assert (pip.share, pip.detail) == (0.3, "torch-2.13.0-cp312-win_amd64.whl (6.0 MB)")
    assert pip.take("Progress 6000000 of 6000000")
    assert not pip.take("  Using cached numpy-2.1.0.whl (2.0 MB)")
    assert not pip.take("  Downloading idna-3.10-py3-none-any.whl (500 kB)")
    assert pip.share == 0.8
    assert not pip.take("Installing collected packages: numpy, torch")
    assert (pip.share, pip.is_installing, pip.detail) == (0.85, True, "numpy, torch")


def test_more_than_was_expected_is_no_more_than_all_and_nothing_expected_is_unknown():
    for expected, share in ((1, 1.0), (0, None)):
        pip = PipProgress(expected)
        pip.take("Using cached numpy-2.1.0.whl (2.0 MB)")
        assert pip.share == share
