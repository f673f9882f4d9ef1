"""A scan whose process is killed at any moment goes on: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.scan.cell_outcome import CellState
from lspace.gis.scan.journal import Journal
from planted import ROOT

COLUMNS, ROWS = 20, 20
WRITER = [sys.executable, str(ROOT / "tests" / "workers" / "scan_writer.py")]


class Sitting:
    """One process that writes, and the chips that it says it has written."""

    def __init__(self, path):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        self._process = subprocess.Popen([*WRITER, str(path), str(COLUMNS), str(ROWS)], **pipes)
        self.told = []
        self.read()  # begins

    def read(self):
        """The next thing it tells; nothing at its end."""
        line = self._process.stdout.readline().strip()
        if line.isdigit():
            self.told.append(int(line))
        return line

    def kill(self):
        """With what it had said until then."""
        self._process.kill()
        self.end()

    def end(self):
        while self.read():
            pass
        self._process.stdout.close()
        self._process.wait()


def rows_of(path, query):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path):
    dice, path, told = random.Random(7), tmp_path / "scan.gpkg", []
    for kill in range(20):
        sitting = Sitting(path)
        # the first ones while the file is made and the grid planned, the others among the chips
        for _ in range(0 if kill < 5 else dice.randint(1, 20)):
            sitting.read()
        time.sleep(dice.uniform(0, 0.5 if kill < 5 else 0.02))
        sitting.kill()
        told += sitting.told
        if path.exists():
            done = rows_of(path, "SELECT cell FROM lspace_cells WHERE state = 'done'")
            assert {(index,) for index in told} <= set(done)
            assert len(done) <= len(told) + kill + 1  # one may be written and not yet told
    assert 0 < len(told) < COLUMNS * ROWS
    last = Sitting(path)
    last.end()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]

    assert len(set(told + last.told)) == len(told + last.told)
    journal = Journal(path)
    assert journal.counts()[CellState.DONE] == sum(journal.counts().values()) == COLUMNS * ROWS
    journal.close()
    expected = [(f"{index}/{place}",) for index in range(COLUMNS * ROWS) for place in range(3)]
    assert rows_of(path, "SELECT raw_box FROM proposals ORDER BY fid") == expected
    chips = [(f"chip{index}", 3) for index in range(COLUMNS * ROWS)]
    assert rows_of(path, "SELECT chip_id, n_boxes FROM footprints ORDER BY fid") == chips
    assert rows_of(path, "SELECT DISTINCT tries FROM lspace_cells") == [(1,)]
    assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows_of(path, "SELECT COUNT(*) FROM rtree_proposals_geom") == [(len(expected),)]
