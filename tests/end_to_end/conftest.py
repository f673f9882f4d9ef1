"""Shared by the end-to-end tests; without QGIS those skip, so nothing of it is imported up here."""

from __future__ import annotations

import pytest


@pytest.fixture
def make_runner(qtbot):
    """Makes runners with a worker of ``tests/workers``, or, for None, with the plugin's own."""
    from lspace.gis.runs.runner import Runner
    from lspace.gis.runs.worker_process import WorkerProcess
    from planted import ROOT
    from qgis.core import QgsProject

    runners = []

    def make(script="bright_targets.py", *arguments):
        if script is None:
            runner = Runner()
        else:
            path = str(ROOT / "tests" / "workers" / script)
            runner = Runner(lambda program: WorkerProcess(program, [path, *arguments]))
        runner.ends, runner.steps, runner.texts = [], [], []
        runner.ended.connect(runner.ends.append)
        runner.progressed.connect(runner.steps.append)
        runner.text_arrived.connect(lambda chip, target, piece: runner.texts.append(piece))
        runners.append(runner)
        return runner

    yield make
    for runner in runners:
        runner.shut_down()
    QgsProject.instance().clear()


@pytest.fixture
def complete(qtbot):
    """Runs an order to its end; without settings the scripted engines' contract, lspace's, is expected."""
    from lspace.gis.settings import Settings
    from planted import WORKER_PYTHON

    scripted = Settings(interpreter=WORKER_PYTHON, model="NuTonic/lspace")

    def run(runner, order, settings=scripted):
        before = len(runner.ends)
        runner.start(order, settings)
        qtbot.waitUntil(lambda: len(runner.ends) > before, timeout=60000)
        return runner.ends[-1]

    return run
