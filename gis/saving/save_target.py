# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a layer is saved: whether the place is free, and how finished files get there all or none."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsMapLayer, QgsProject, QgsProviderRegistry

from ..errors import DiskFull, ExportError, TargetExists, TargetInUse, TargetNotWritable
from .export_format import ExportFormat, FileFormat

_PROBE_BYTES = 1 << 20
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_IN_USE = {errno.EBUSY, errno.ETXTBSY}
# ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION of Windows.
_IN_USE_WINDOWS = {32, 33}


@dataclass(frozen=True)
class SaveTarget:
    """The main file, its format, and the table inside it."""

    path: Path
    format: FileFormat
    table: str
    """Name of the layer in the file."""
    overwrite: bool
    """Whether what is there may be replaced."""

    @classmethod
    def at(cls, path: Path, format: FileFormat, table: str, overwrite: bool) -> SaveTarget:
        """Gives the path the format's extension, and the table a name that SQL likes."""
        path = _with_extension(path, format)
        return cls(path, format, _table_name(table) if _is_package(format) else path.stem, overwrite)

    @property
    def is_package(self) -> bool:
        """Whether the file may hold other tables too."""
        return _is_package(self.format)

    @property
    def uri(self) -> str:
        """Opens the saved layer with QGIS's ``ogr`` provider."""
        return self.uri_in(self.path.parent)

    def uri_in(self, folder: Path) -> str:
        """Opens the layer if its file lies in the folder."""
        path = folder / self.path.name
        return f"{path}|layername={self.table}" if self.is_package else str(path)

    def check(self) -> None:
        """Asks whether the files may be written; for the GUI thread, as it looks at the project's layers.

        Raises:
            TargetExists: ``files`` would be replaced; of a GeoPackage only ``table``, if it is in ``tables``.
            TargetInUse: by ``layers`` of the project, or by another program if there are none.
            TargetNotWritable: the folder or a file does not allow it.
        """
        present = self.check_files()
        readers = _layers_reading(present)
        if readers:
            raise TargetInUse(path=str(self.path), layers=readers)
        self._check_journals()

    def put_in_place(self, folder: Path) -> None:
        """Moves the files beside the target, the main one last and at once; or moves none.

        Raises:
            ExportError: somebody else was there since the check.
        """
        draft, backup = folder / self.path.name, folder / "old"
        sidecars = sorted(file for file in folder.iterdir() if file != draft)
        for file in (draft, *sidecars):
            flush(file)
        self.check_files()
        self._check_journals()
        backup.mkdir()
        moved: list[Path] = []
        try:
            for old in self._files()[1:]:
                if old.exists():
                    os.replace(old, backup / old.name)
            for sidecar in sidecars:
                os.replace(sidecar, self.path.with_name(sidecar.name))
                moved.append(self.path.with_name(sidecar.name))
            os.replace(draft, self.path)
        except OSError:
            for file in moved:
                file.unlink()
            for old in backup.iterdir():
                os.replace(old, self.path.with_name(old.name))
            raise

    def _files(self) -> list[Path]:
        return [self.path, *(self.path.with_suffix(ending) for ending in self.format.companions)]

    def check_files(self) -> list[Path]:
        """The files that are there, if they may be replaced; raises as ``check``, whoever reads them."""
        present = [file for file in self._files() if file.exists()]
        if present and not self.overwrite:
            tables = _tables_in(self.path) if self.is_package else []
            files = [str(file) for file in present]
            raise TargetExists(path=str(self.path), files=files, table=self.table, tables=tables)
        for file in present:
            # Renaming over a read-only file would succeed; who made it read-only would not like it.
            if not file.is_file() or not os.access(file, os.W_OK) or not file.stat().st_mode & stat.S_IWRITE:
                raise TargetNotWritable("read-only, or not a file", path=str(file))
        if not os.access(self.path.parent, os.W_OK):
            raise TargetNotWritable("no folder that takes files", path=str(self.path))
        return present

    def _check_journals(self) -> None:
        journals = [self.path.with_name(self.path.name + ending) for ending in ("-wal", "-journal")]
        if self.is_package and any(journal.exists() for journal in journals):
            raise TargetInUse("another program has the GeoPackage open", path=str(self.path), layers=[])


@contextmanager
def os_errors(target: SaveTarget) -> Iterator[None]:
    """Makes an ``ExportError`` of what the operating system complains about."""
    try:
        yield
    except OSError as error:
        raise _export_error(error, target.path) from error


@contextmanager
def folder_beside(target: SaveTarget) -> Iterator[Path]:
    """A folder to write in, on the disk of the target, which is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=".lspace-", dir=target.path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_room(folder: Path) -> None:
    """Raises the OSError of a full disk, if it is one."""
    probe = folder / "probe"
    probe.write_bytes(bytes(_PROBE_BYTES))
    flush(probe)


def flush(file: Path) -> None:
    """Waits until the file is on the disk; some file systems notice only here that they are full."""
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


def _with_extension(path: Path, format: FileFormat) -> Path:
    if path.suffix.lower() == format.extension:
        return path.with_suffix(format.extension)
    return path.with_name(path.name + format.extension)


def _table_name(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_").lower() or "proposals"


def _is_package(format: FileFormat) -> bool:
    return format is ExportFormat.GEOPACKAGE


def _export_error(error: OSError, path: Path) -> ExportError:
    if error.errno in _DISK_FULL:
        return DiskFull(str(error), path=str(path))
    if error.errno in _IN_USE or getattr(error, "winerror", None) in _IN_USE_WINDOWS:
        return TargetInUse(str(error), path=str(path), layers=[])
    return TargetNotWritable(str(error), path=str(path))


def _tables_in(package: Path) -> list[str]:
    """Names of the layers in a GeoPackage, read without touching it; none if it is something else."""
    with closing(sqlite3.connect(f"{package.resolve().as_uri()}?immutable=1", uri=True)) as database:
        try:
            query = "SELECT table_name FROM gpkg_contents WHERE data_type = 'features'"
            return [name for (name,) in database.execute(query)]
        except sqlite3.Error:
            return []


def _layers_reading(files: list[Path]) -> list[str]:
    wanted = {_canonical(file) for file in files}
    return [
        layer.name() for layer in QgsProject.instance().mapLayers().values() if _source_of(layer) in wanted
    ]


def _source_of(layer: QgsMapLayer) -> str | None:
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return _canonical(parts["path"]) if parts.get("path") else None


def _canonical(path: str | Path) -> str:
    return os.path.normcase(os.path.realpath(path))
