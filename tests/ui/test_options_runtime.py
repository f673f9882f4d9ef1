"""The runtime tab: a Python is prepared, checked, repaired and removed by clicks, and nobody waits."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_file, click
from lspace.gis.runtime.requirements import suitable_build
from lspace.gis.runtime.runtime_folder import Stamp
from lspace.gis.settings import Settings
from lspace.ui.options.option_words import space_words
from lspace.ui.options.runtime_page import RuntimePage
from lspace.ui.options.runtime_work import RuntimeWork
from planted import WORKER_PYTHON
from preparing import BASE, versions_in
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QProcess, Qt

pytest_plugins = ("runtime_fixtures",)
PATIENCE_MS = 120_000


class Desk:
    """The tab with a small set of packages behind it."""

    def __init__(self, qtbot, requirements, folder):
        self._qtbot, self.saved = qtbot, []
        self.asked = []
        self.requirements = requirements
        self.work = RuntimeWork(lambda: self.saved.append(Settings.load()), None, self._small)
        Settings(runtime_folder=str(folder)).save()
        self.page = self.open()

    def _small(self, build, wheels, index):
        self.asked.append(build)
        return replace(self.requirements, wheels=wheels, index=index or self.requirements.index)

    def open(self):
        self.page = RuntimePage(self.work)
        self._qtbot.addWidget(self.page)
        self.page.show_settings(Settings.load())
        self.page.show()
        self.page.form.look_for_pythons([BASE])
        self._qtbot.waitUntil(lambda: self.page.form.base.count() > 0, timeout=PATIENCE_MS)
        return self.page

    def end(self):
        self._qtbot.waitUntil(lambda: not self.work.activity.is_running, timeout=PATIENCE_MS)
        return self.page.activity.label.text()

    def prepare(self):
        click(self.page.form.prepare_button)
        return self.end()


@pytest.fixture
def desk(qtbot, local_order):
    desk = Desk(qtbot, local_order.requirements, local_order.folder.path)
    yield desk
    desk.work.activity.cancel()
    desk.end()
    desk.page.shut_down()
    Settings().save()


def test_a_python_is_prepared_by_one_click_and_in_use_at_once(desk):
    assert desk.page.state.text().startswith("Not ready")
    assert desk.prepare() == "The Python is ready and in use."
    interpreter = Settings.load().interpreter
    assert versions_in(interpreter) == {"packaging": "24.2", "idna": "3.10"}
    assert desk.saved[-1].interpreter == interpreter
    assert desk.page.interpreter.filePath() == interpreter
    assert desk.page.written_into(Settings()).interpreter == interpreter
    assert "idna" in desk.page.activity.log.toPlainText()


def test_what_was_prepared_before_is_offered_where_no_python_is_chosen(desk):
    desk.prepare()
    prepared = Settings.load()
    replace(prepared, interpreter="").save()
    again = desk.open()
    assert again.written_into(Settings.load()).interpreter == prepared.interpreter
    assert again.prepare_way.isChecked()
    assert Settings.load().interpreter == ""


def test_while_it_is_made_it_can_be_cancelled_and_not_started_twice(qtbot, desk):
    click(desk.page.form.prepare_button)
    assert not desk.page.form.prepare_button.isEnabled()
    assert desk.page.activity.bar.isVisible()
    click(desk.page.activity.cancel_button)
    assert "Cancelled" in desk.end()
    assert Settings.load().interpreter == ""
    assert desk.page.form.prepare_button.isEnabled()
    assert not desk.page.activity.bar.isVisible()


def test_it_goes_on_when_the_dialog_is_closed_and_is_seen_when_it_opens_again(qtbot, desk):
    click(desk.page.form.prepare_button)
    qtbot.waitUntil(lambda: bool(desk.work.activity.lines), timeout=PATIENCE_MS)
    first = desk.work.activity.lines[0]
    desk.page.shut_down()
    desk.page.close()
    desk.page.deleteLater()
    again = desk.open()
    assert first in again.activity.log.toPlainText()
    assert again.activity.bar.isVisible()
    assert desk.end() == "The Python is ready and in use."
    assert again.interpreter.filePath() == Settings.load().interpreter != ""


def test_a_failure_is_a_sentence_and_what_was_in_use_stays(desk):
    Settings(interpreter=WORKER_PYTHON, runtime_folder=Settings.load().runtime_folder).save()
    desk.requirements = replace(desk.requirements, disk_mb=10**9)
    words = desk.prepare()
    assert "1000000.0 GB are needed" in words
    assert Settings.load().interpreter == WORKER_PYTHON


def test_wheels_are_asked_for_only_where_they_are_the_source(desk, wheels, index):
    desk.page.wheels_way.setChecked(True)
    form = desk.page.form
    assert form.wheels.isVisible()
    assert form.build.isVisible()
    assert not form.build_note.isVisible()
    assert not form.prepare_button.isEnabled()
    form.wheels.setFilePath(str(wheels))
    assert desk.prepare() == "The Python is ready and in use."
    assert index.asked == []


@pytest.fixture
def prepared(desk, runtime):
    """One that was prepared before, in use."""
    environment = runtime.new_environment()
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(BASE)
    found = runtime.switch_to(environment, Stamp(base=BASE, digest="", build="cpu"))
    replace(Settings.load(), interpreter=found.python).save()
    desk.open()
    return found


def test_the_prepared_one_can_be_removed_which_also_takes_it_out_of_use(desk, prepared):
    form = desk.page.form
    assert form.repair_button.isEnabled()
    click(form.remove_button)
    assert desk.end() == "Removed."
    assert Settings.load().interpreter == ""
    assert not prepared.folder.exists()
    assert not form.remove_button.isEnabled()
    assert not form.repair_button.isEnabled()
    assert desk.page.state.text().startswith("Not ready")


def test_removing_leaves_a_python_of_the_users_own_in_use(desk, prepared):
    replace(Settings.load(), interpreter=WORKER_PYTHON).save()
    click(desk.page.form.remove_button)
    desk.end()
    assert Settings.load().interpreter == WORKER_PYTHON


def test_a_repair_makes_the_same_again_with_the_packages_of_today(desk, prepared, monkeypatch):
    orders = []
    monkeypatch.setattr(desk.work, "_start", orders.append)
    click(desk.page.form.repair_button)
    assert (orders[0].base, orders[0].folder.path) == (BASE, prepared.folder.parent)
    assert "torch" in orders[0].requirements.file.read_text()


def test_a_prepared_python_opens_its_own_way_and_another_one_the_other(desk, prepared):
    assert desk.page.prepare_way.isChecked()
    replace(Settings.load(), interpreter=WORKER_PYTHON).save()
    page = desk.open()
    assert page.own_way.isChecked()
    assert page.interpreter.isVisible()
    assert not page.form.isVisible()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (WORKER_PYTHON, "Ready: Python 3."),
        ("", "Not ready: the model needs a Python"),
        ("/no/such/python", "no Python program at /no/such/python"),
        ("/bin/echo", "not an answer"),
    ],
)
def test_a_python_of_ones_own_is_checked_by_a_click(qtbot, desk, path, words):
    desk.page.own_way.setChecked(True)
    desk.page.interpreter.setFilePath(path)
    click(desk.page.check_button)
    qtbot.waitUntil(lambda: words in desk.page.state.text(), timeout=PATIENCE_MS)


def test_a_python_that_lacks_packages_is_not_ready_and_says_which(qtbot, desk):
    desk.page.own_way.setChecked(True)
    desk.page.interpreter.setFilePath(BASE)
    click(desk.page.check_button)
    qtbot.waitUntil(lambda: "lacks" in desk.page.state.text(), timeout=PATIENCE_MS)
    assert "onnxruntime" in desk.page.state.text()


def test_a_chosen_file_that_is_no_python_is_refused_with_the_reason(qtbot, desk):
    form = desk.page.form
    count = form.base.count()
    click(form.browse_button)
    choose_file(qtbot, desk.page, "LSpaceBasePython", "/bin/echo")
    qtbot.waitUntil(lambda: "/bin/echo does not run" in form.base_note.text(), timeout=PATIENCE_MS)
    assert form.base.count() == count


def test_a_path_that_was_changed_is_not_called_ready(qtbot, desk):
    desk.page.own_way.setChecked(True)
    desk.page.interpreter.setFilePath(WORKER_PYTHON)
    click(desk.page.check_button)
    qtbot.waitUntil(lambda: desk.page.state.text().startswith("Ready"), timeout=PATIENCE_MS)
    desk.page.interpreter.lineEdit().setText("/opt/other")
    assert desk.page.state.text() == "Not checked yet: click Check."


def test_a_prepared_python_says_when_it_was_made_and_that_it_is_outdated(qtbot, desk, prepared):
    qtbot.waitUntil(lambda: "Prepared by LSpace on" in desk.page.state.text(), timeout=PATIENCE_MS)
    assert "CPU build. It was made for another version of LSpace: click Repair" in desk.page.state.text()
    assert desk.page.form.repair_button.isEnabled()


def test_what_a_preparation_takes_is_told_before_it(desk):
    form = desk.page.form
    form.build.setCurrentIndex(form.build.findData("small"))
    assert "80 MB to download" in form.build_note.text()
    assert "450 MB of disk are needed" in form.space_note.text()
    form.build.setCurrentIndex(form.build.findData("cpu"))
    assert "300 MB to download" in form.build_note.text()
    assert "2.5 GB of disk are needed" in form.space_note.text()
    form.build.setCurrentIndex(form.build.findData("cuda"))
    assert "3 GB to download" in form.build_note.text()
    assert "11 GB of disk are needed" in form.space_note.text()


def test_too_little_room_is_told_in_a_colour_of_its_own():
    assert "<b" not in space_words(2000, 2000, "#cc0000")
    assert '#cc0000">Too little room: 2 GB are free.' in space_words(2001, 2000, "#cc0000")
    assert "free" not in space_words(2001, None, "#cc0000")


def test_where_there_is_no_nvidia_driver_cuda_is_grey_and_can_be_chosen(qtbot, desk, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    build = desk.open().form.build
    row = build.findData("cuda")
    assert "no driver found" in build.itemText(row)
    assert build.itemData(row, Qt.ItemDataRole.ForegroundRole) is not None
    build.setCurrentIndex(row)
    assert "Without a driver" in desk.page.form.build_note.text()
    program = tmp_path / "nvidia-smi"
    program.write_text("")
    program.chmod(0o755)
    form = desk.open().form
    assert form.build.currentData() == "cuda"
    assert "no driver" not in form.build.itemText(row)
    form.build.setCurrentIndex(form.build.findData("small"))
    assert "CUDA would be faster" in form.build_note.text()


def test_where_downloads_are_switched_off_nothing_is_prepared_from_the_network(desk, index):
    replace(Settings.load(), offline=True).save()
    assert "switched off" in desk.prepare()
    assert index.asked == []


def test_packages_come_from_the_mirror_that_the_network_tab_names(desk, index):
    desk.requirements = replace(desk.requirements, index="http://127.0.0.1:9/nobody")
    replace(Settings.load(), package_index=index.url).save()
    assert desk.prepare() == "The Python is ready and in use."


def test_folder_and_build_are_kept_with_the_settings(desk):
    desk.page.form.folder.setFilePath("/opt/lspace")
    kept = desk.page.written_into(Settings(device="cpu"))
    assert (kept.runtime_folder, kept.runtime_build, kept.device) == (
        "/opt/lspace",
        suitable_build().value,
        "cpu",
    )


def test_nothing_is_started_before_anybody_looks(qtbot, qgis_app):
    Settings(interpreter=WORKER_PYTHON).save()
    before = len(QgsApplication.instance().findChildren(QProcess))
    page = RuntimePage(RuntimeWork(lambda: None))
    qtbot.addWidget(page)
    page.show_settings(Settings.load())
    assert len(QgsApplication.instance().findChildren(QProcess)) == before
    Settings().save()
