# SPDX-License-Identifier: GPL-2.0-or-later
"""A model on the hub to a folder on this machine: one pinned commit, resumable, checked.

Files lie in ``<cache>/<owner>--<name>/<commit>``. A file that is still arriving is called ``*.part`` and
is continued by the next try. A record beside the files says what was checked, so that a load need not
hash the weights again. (The hub library's own download throws away what had arrived.)
"""

from __future__ import annotations

import errno
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from filelock import FileLock, Timeout
from huggingface_hub import HfApi, constants, get_session, hf_hub_url
from huggingface_hub.errors import (
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

from ..errors import Cancelled, ChecksumMismatch, DownloadFailed, ModelNotFound, RuntimePackageMissing
from ..model_cache import PART, CachedFile, cache_folder, model_folder, read_record, write_record
from ..pins import pinned_digests, pinned_revision
from ..request import ModelChoice
from .digest import sha256_of

OnProgress = Callable[[str, int, int], None]
"""File, bytes that are here of all files, bytes of all files."""
IsCancelled = Callable[[], bool]

# no slashes, so that a name from the hub cannot lead out of our folder
_WANTED = re.compile(r"[\w-][\w.-]*\.(json|jinja|txt|safetensors)")
_PAUSES_S = (1.0, 3.0, 9.0)
"""Between attempts that brought nothing; after as many again the download fails."""


@dataclass(frozen=True)
class HubFile:
    """One file of a commit, as the hub lists it."""

    name: str
    size: int
    """Bytes."""
    sha256: str | None
    """Pinned by us or, failing that, told by the hub; None for small files."""


@dataclass(frozen=True)
class _Commit:
    hub_id: str
    revision: str
    endpoint: str | None
    folder: Path

    @property
    def token(self) -> bool | None:
        """The user's login goes to the hub itself, never to a mirror."""
        return False if self.endpoint else None


def download(choice: ModelChoice, on_progress: OnProgress, is_cancelled: IsCancelled) -> tuple[Path, str]:
    """The folder that holds the chosen hub model, downloaded if need be, and its commit.

    Raises:
        RequestError: no revision and no pin.
        ModelNotFound: no such model, or not downloaded and offline.
        DownloadFailed: the network or the disk gave up; what had arrived is kept.
        ChecksumMismatch: a file differs from its digest; it was removed.
        Cancelled: ``is_cancelled`` was true between two blocks.
    """
    revision = pinned_revision(choice.model, choice.revision)
    folder = model_folder(cache_folder(choice.cache_dir), choice.model, revision)
    if _is_recorded(folder):
        return folder, revision
    if choice.offline or constants.HF_HUB_OFFLINE:
        raise ModelNotFound(
            f"{choice.model} is not downloaded yet, and downloading is switched off", model=choice.model
        )
    commit = _Commit(choice.model, revision, choice.endpoint, folder)
    with _reporting_failures(commit), _alone(folder):
        _fetch(commit, on_progress, is_cancelled)
    return folder, revision


def told_seldom(on_progress: OnProgress) -> OnProgress:
    """Passes on a download's progress at most a thousand times."""
    told = -1

    def report(file: str, done: int, total: int) -> None:
        nonlocal told
        permille = 1000 * done // max(total, 1)
        if permille != told:
            told = permille
            on_progress(file, done, total)

    return report


def _fetch(commit: _Commit, on_progress: OnProgress, is_cancelled: IsCancelled) -> None:
    files = _list(commit)
    missing = [file for file in files if not _is_here(commit.folder, file)]
    total = sum(file.size for file in files)
    done = total - sum(file.size for file in missing)
    _check_space(commit.folder, sum(file.size - _size(_part(commit, file)) for file in missing))
    for file in missing:

        def report(arrived: int, file: HubFile = file, before: int = done) -> None:
            if is_cancelled():
                raise Cancelled("the download was cancelled")
            on_progress(file.name, before + arrived, total)

        _fetch_file(commit, file, report)
        done += file.size
    _verify(commit.folder, files)


def _list(commit: _Commit) -> list[HubFile]:
    api = HfApi(endpoint=commit.endpoint, token=commit.token)
    info = api.model_info(commit.hub_id, revision=commit.revision, files_metadata=True)
    pins = pinned_digests(commit.hub_id, commit.revision)
    files = []
    for entry in info.siblings or ():
        if not _WANTED.fullmatch(entry.rfilename):
            continue
        if entry.size is None:
            raise DownloadFailed(f"the hub does not say how large {entry.rfilename} is")
        told = entry.lfs.sha256 if entry.lfs else None
        files.append(HubFile(entry.rfilename, entry.size, pins.get(entry.rfilename, told)))
    return files


def _fetch_file(commit: _Commit, file: HubFile, report: Callable[[int], None]) -> None:
    part = _part(commit, file)
    pauses = list(_PAUSES_S)
    while True:
        before = _size(part)
        try:
            _stream(commit, file, part, report)
            break
        except httpx.TransportError:  # cut off: the next attempt goes on where this one stopped
            if _size(part) > before:
                pauses = list(_PAUSES_S)
            elif not pauses:
                raise
            else:
                time.sleep(pauses.pop(0))
    if _size(part) != file.size:
        part.unlink()
        raise DownloadFailed(
            f"{file.name} arrived with another size than the hub says", reason="refused", file=file.name
        )
    part.replace(commit.folder / file.name)


def _stream(commit: _Commit, file: HubFile, part: Path, report: Callable[[int], None]) -> None:
    arrived = _size(part)
    report(arrived)
    if arrived == file.size and part.exists():
        return
    url = hf_hub_url(commit.hub_id, file.name, revision=commit.revision, endpoint=commit.endpoint)
    headers = {**build_hf_headers(token=commit.token), "Accept-Encoding": "identity"}
    if 0 < arrived < file.size:
        headers["Range"] = f"bytes={arrived}-"
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
        hf_raise_for_status(response)
        continued = response.status_code == httpx.codes.PARTIAL_CONTENT
        with part.open("ab" if continued else "wb") as stream:
            for block in response.iter_bytes():
                stream.write(block)
                report(stream.tell())


def _verify(folder: Path, files: list[HubFile]) -> None:
    for file in files:
        path = folder / file.name
        if file.sha256 and sha256_of([path]) != file.sha256:
            path.unlink()
            raise ChecksumMismatch(
                f"{file.name} is not the file that was pinned; it was removed", file=file.name
            )
    checked = [
        CachedFile(file.name, file.size, file.sha256, (folder / file.name).stat().st_mtime_ns)
        for file in files
    ]
    write_record(folder, checked)


def _is_recorded(folder: Path) -> bool:
    """Whether all files are here and checked; files touched since then are checked again."""
    record = read_record(folder)
    if record is None or not all(file.is_in(folder) for file in record):
        return False
    if any(file.mtime_ns != (folder / file.name).stat().st_mtime_ns for file in record):
        _verify(folder, [HubFile(file.name, file.size, file.sha256) for file in record])
    return True


def _part(commit: _Commit, file: HubFile) -> Path:
    return commit.folder / f"{file.name}{PART}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is_here(folder: Path, file: HubFile) -> bool:
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.size


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DownloadFailed(
            f"the disk is too full: {needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free",
            reason="disk full",
            needed=needed,
            free=free,
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise DownloadFailed("another program is downloading this model right now", reason="busy") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _reporting_failures(commit: _Commit) -> Iterator[None]:
    where = commit.endpoint or constants.ENDPOINT
    try:
        yield
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ModelNotFound(
            f"{where} has no {commit.hub_id} at commit {commit.revision}, or does not show it to us"
        ) from error
    except OfflineModeIsEnabled as error:
        raise ModelNotFound(f"{commit.hub_id} is not downloaded yet, and downloading is off") from error
    except (HfHubHTTPError, httpx.HTTPError) as error:
        raise DownloadFailed(
            f"{where} does not answer as it should: {error}", reason=_network_reason(error)
        ) from error
    except (
        httpx.InvalidURL,
        ValueError,
    ) as error:  # of the hub, of a proxy; or a filter answered for the hub
        raise DownloadFailed(f"{where} cannot be asked: {error}", reason="refused") from error
    except ImportError as error:  # for a proxy that speaks SOCKS
        raise RuntimePackageMissing(str(error), package="socksio") from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        words = "the disk is full" if full else f"cannot write: {error}"
        raise DownloadFailed(words, reason="disk full" if full else "bad folder") from error


def _network_reason(error: HfHubHTTPError | httpx.HTTPError) -> str:
    """``proxy login``, ``tls``, ``no network`` or ``refused``."""
    if isinstance(error, HfHubHTTPError):
        wants_login = error.response.status_code == httpx.codes.PROXY_AUTHENTICATION_REQUIRED
        return "proxy login" if wants_login else "refused"
    if isinstance(error, httpx.ProxyError) and str(error).startswith("407"):
        return "proxy login"
    return "tls" if "SSL" in str(error) else "no network"
