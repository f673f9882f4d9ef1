"""Every error, stage and outcome has a sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from lspace.gis import errors
from lspace.gis.imaging.chip_note import ChipNote, ChipNoteKind
from lspace.gis.runs.run_progress import RunEnd, RunOutcome, RunProgress, RunStage
from lspace.gis.runtime.requirements import Build, model_requirements
from lspace.gis.runtime.runtime_folder import RuntimeFolder, Stamp, python_of
from lspace.gis.settings import Settings
from lspace.model_backend import errors as backend_errors
from lspace.ui.words import end_words, model_words, note_words, sentence_for, setup_advice, stage_words


def leaves(base):
    below = base.__subclasses__()
    return [leaf for child in below for leaf in leaves(child)] if below else [base]


@pytest.mark.parametrize("error_class", leaves(errors.PluginError), ids=lambda c: c.__name__)
def test_every_error_of_the_qgis_side_is_a_sentence(error_class):
    values = {
        "path": "/p",
        "chips": 200,
        "most": 100,
        "exit_code": 3,
        "log": "",
        "code": "x",
        "detail": "It is.",
        "expected": "lspace",
        "found": "lspace-mini",
    }
    error = error_class("something technical", **values)
    words = sentence_for(error)
    assert words[0].isupper()
    assert words.rstrip().endswith(".")
    assert "{" not in words
    assert "=" not in words


@pytest.mark.parametrize("error_class", leaves(backend_errors.BackendError), ids=lambda c: c.code)
def test_every_error_of_the_worker_is_a_sentence_with_its_detail(error_class):
    error = errors.WorkerFailed(code=error_class.code, detail="the detail")
    words = sentence_for(error)
    assert words[0].isupper()
    assert "the detail" in words
    assert "{" not in words


def test_a_crash_shows_the_end_of_the_log_and_only_the_end():
    log = "\n".join(f"line {index}" for index in range(50))
    words = sentence_for(errors.WorkerCrashed("x", reason="signal", exit_code=9, log=log))
    assert "memory" in words
    assert "line 49" in words
    assert "line 40" not in words


@pytest.mark.parametrize("stage", RunStage)
def test_every_stage_has_words(stage):
    assert stage_words(RunProgress(stage, tokens=7, boxes=2))


def test_writing_counts_tokens_and_boxes_and_several_pictures_are_numbered():
    words = stage_words(RunProgress(RunStage.WRITING, place=2, places=5, tokens=17, boxes=3))
    assert "17 tokens, 3 boxes" in words
    assert "2 of 5" in words


@pytest.mark.parametrize("outcome", RunOutcome)
def test_what_had_arrived_is_named_however_a_run_ends(outcome):
    assert "3 boxes" in end_words(RunEnd(outcome, boxes=3))


def test_what_was_left_out_is_counted_with_its_reason():
    words = end_words(RunEnd(RunOutcome.FINISHED, boxes=1, dropped={"duplicate": 4}, cut_short=1))
    assert "4 told twice" in words
    assert "cut" in words


@pytest.mark.parametrize("kind", ChipNoteKind)
def test_every_note_names_its_subject(kind):
    assert "the scene" in note_words(ChipNote(kind, "the scene", "detail"))


def test_a_model_of_another_kind_is_told_with_both_kinds():
    words = sentence_for(errors.OtherContract(expected="lspace", found="lspace-mini"))
    assert "kind lspace-mini" in words
    assert "made for lspace." in words


INFO = {
    "name": "some-model",
    "device": "cpu",
    "precision": "float32",
    "reason": "no GPU.",
    "probe_s": 0.1,
    "random_weights": False,
}


def test_the_embedded_model_is_for_demonstration_before_it_is_loaded_and_after():
    before, advice = setup_advice(Settings(interpreter="/opt/python", model=""))
    assert before.startswith("lspace-mini: ")
    assert "for demonstration, not for analysis" in before
    assert advice == ""
    assert "for demonstration, not for analysis" in model_words(INFO, is_embedded=True)


@pytest.mark.parametrize("model", ["NuTonic/lspace", "/models/lspace/", "C:\\models\\lspace"])
def test_a_chosen_model_is_called_by_its_name_alone_and_not_for_demonstration(model):
    before, advice = setup_advice(Settings(interpreter="/opt/python", model=model))
    assert before.startswith("lspace: ")
    assert advice == ""
    assert "demonstration" not in before + model_words(INFO, is_embedded=False)


def test_a_missing_python_comes_first():
    words, advice = setup_advice(Settings(model=""))
    assert "Python" in words
    assert advice


@pytest.mark.parametrize("digest", ["", model_requirements(Build.SMALL).digest()])
def test_a_python_that_was_prepared_for_another_version_can_be_updated(tmp_path, digest):
    environment = tmp_path / "env-1"
    (environment / "bin").mkdir(parents=True)
    python = Path(python_of(environment))
    python.symlink_to(sys.executable)
    RuntimeFolder(tmp_path).switch_to(environment, Stamp(base=sys.executable, digest=digest, build="small"))
    words, advice = setup_advice(Settings(interpreter=str(python)))
    assert ("another version" in words, bool(advice)) == ((False, False) if digest else (True, True))
