# SPDX-License-Identifier: GPL-2.0-or-later
"""``python -m model_backend caption|detect|ask``: text or one JSON object, or a sentence of what is wrong."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from chips import png_of
from conversation import ROOT
from lspace.model_backend import __main__ as command_line
from lspace.model_backend.errors import ModelInvalid
from scripted import ScriptedEngine

ANSWER_KEYS = ["task", "target", "text", "finish_reason", "outcome", "proposals"]
BOX = '{"label": "water", "bbox": [0.1, 0.2, 0.3, 0.4]}'


@pytest.fixture
def chip(tmp_path):
    path = tmp_path / "chip.png"
    path.write_bytes(png_of(64, [(10, 10, 20, 30)]))
    return str(path)


@pytest.fixture
def say(monkeypatch):
    """Has a scripted engine answer in place of a model."""

    def script(*answers):
        engine = ScriptedEngine(*answers)
        monkeypatch.setattr(command_line, "_real_loader", lambda: lambda *_: engine)
        return engine

    return script


def in_a_shell(*arguments, interpreter=(sys.executable,)):
    command = [*interpreter, "-m", "model_backend", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def failure(capsys, *arguments):
    """What is written to stderr by a command that fails; nothing else is."""
    assert command_line.main(list(arguments)) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_a_caption_is_printed_as_it_is_written(capsys, say, chip):
    engine = say(["A har", "bour."])
    assert command_line.main(["caption", chip, "--model", "m"]) == 0
    assert capsys.readouterr().out == "A harbour.\n"
    assert engine.images[0][0].getpixel((10, 10)) == (255, 0, 255)


def test_each_class_is_asked_for_and_answered_on_a_line_of_its_own(capsys, say, chip):
    engine = say([f"[{BOX}]"], ["[]"])
    assert command_line.main(["detect", chip, "--model", "m", "--classes", "water", "red boats"]) == 0
    assert capsys.readouterr().out == f"[{BOX}]\n[]\n"
    assert [prompt.target for prompt in engine.prompts] == ["water", "red boats"]


def test_json_holds_the_documented_keys(capsys, say, chip):
    say([f"[{BOX}]"], ["nothing é"])
    command_line.main(["detect", chip, "--model", "m", "--classes", "water", "red boats", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == ["model", "answers"]
    assert printed["model"]["name"] == "scripted"
    water, boats = printed["answers"]
    assert list(water) == list(boats) == ANSWER_KEYS
    assert (water["target"], water["outcome"], water["finish_reason"]) == ("water", "found", "stop")
    (proposal,) = water["proposals"]
    assert (proposal["label"], proposal["box"]) == ("water", [0.1, 0.2, 0.3, 0.4])
    assert proposal["score"] == pytest.approx(0.9)
    assert (boats["text"], boats["outcome"], boats["proposals"]) == ("nothing é", "prose", [])


def test_prose_has_no_proposals_in_json(capsys, say, chip):
    say(["A harbour."])
    command_line.main(["caption", chip, "--model", "m", "--json"])
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    assert (answer["target"], answer["outcome"], answer["proposals"]) == (None, None, None)


def test_the_budget_reaches_the_engine(say, chip):
    engine = say(["A"])
    command_line.main(["caption", chip, "--model", "m", "--max-new-tokens", "3"])
    assert engine.prompts[0].max_new_tokens == 3


@pytest.mark.parametrize(("arguments", "is_held"), [([], True), (["--free-form"], False)])
def test_lists_of_boxes_are_held_to_their_form_unless_told_otherwise(say, chip, arguments, is_held):
    engine = say(["[]"])
    command_line.main(["detect", chip, "--model", "m", "--classes", "water", *arguments])
    assert engine.prompts[0].keep_form is is_held


def test_any_task_is_asked_about_the_pictures_in_their_order(capsys, say, chip, tmp_path):
    engine = say(["The pair suggests"], [f"[{BOX}]"])
    later = tmp_path / "later.png"
    later.write_bytes(png_of(64, [(0, 0, 5, 5)]))
    dates = ["--date", "2023-07-01", "-"]
    command_line.main(["ask", chip, str(later), "--task", "wildfire", "--model", "m", *dates])
    assert capsys.readouterr().out == f"The pair suggests\n[{BOX}]\n"
    assert "(2023-07-01 and an unknown date)" in engine.prompts[0].text
    assert [image.getpixel((2, 2)) for image in engine.images[1]] == [(0, 0, 0), (255, 0, 255)]


@pytest.mark.parametrize(
    ("arguments", "tasks"), [([], ["vessels_report"]), (["--anyway"], ["vessels_report", "vessels"])]
)
def test_boxes_that_the_report_denies_are_asked_for_only_on_request(capsys, say, chip, arguments, tasks):
    say(["No strong vessel candidate regions"], ["[]"])
    command_line.main(["ask", chip, "--task", "vessels", "--model", "m", "--json", *arguments])
    assert [answer["task"] for answer in json.loads(capsys.readouterr().out)["answers"]] == tasks


def test_classes_and_questions_can_be_asked(say, chip):
    engine = say(["Much."], ["Two."])
    command_line.main(["ask", chip, "--task", "focus", "--model", "m", "--classes", "water"])
    command_line.main(["ask", chip, "--task", "question", "--model", "m", "--question", "How many boats?"])
    assert "Describe only water" in engine.prompts[0].text
    assert engine.prompts[1].text == "How many boats?"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--task", "segment"], "has no task 'segment'"),
        (["--task", "flood"], "takes 2 images of a place, not 1"),
        (["--task", "question"], "no question"),
        (["--task", "caption", "--date", "2023-07-01", "2023-07-02"], "one date for each picture: 2 for 1"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(capsys, say, chip, arguments, reason):
    say()
    line = failure(capsys, "ask", chip, "--model", "m", *arguments)
    assert line.startswith("request: ")
    assert reason in line


def test_a_console_that_lacks_a_letter_is_given_its_escape(monkeypatch, say, chip):
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", console)
    say(["Málaga"])
    assert command_line.main(["caption", chip, "--model", "m"]) == 0
    console.flush()
    assert console.buffer.getvalue().decode("ascii").split() == ["M\\xe1laga"]


def test_a_picture_that_is_not_there_is_told_in_a_sentence(capsys, say, tmp_path):
    say()
    line = failure(capsys, "caption", str(tmp_path / "no.png"), "--model", "m")
    assert line.startswith("request: ")
    assert "no.png is not a readable picture" in line
    assert "No such file" in line


@pytest.mark.parametrize("content", [b"", b"words", png_of(64)[:60]], ids=["empty", "text", "cut"])
def test_what_is_no_picture_is_told_in_a_sentence(capsys, say, tmp_path, content):
    say()
    path = tmp_path / "chip.png"
    path.write_bytes(content)
    line = failure(capsys, "caption", str(path), "--model", "m")
    assert line.startswith(f"request: {path} is not a readable picture")


def test_detect_without_classes_is_refused(capsys, say, chip):
    say()
    assert failure(capsys, "detect", chip, "--model", "m").startswith("request: nothing to look for")


def test_an_error_of_several_lines_takes_one(capsys, monkeypatch, chip):
    def fail(*_):
        raise ModelInvalid("cannot be read:\n    size mismatch\n    shape")

    monkeypatch.setattr(command_line, "_real_loader", lambda: fail)
    line = failure(capsys, "caption", chip, "--model", "m")
    assert line == "model_invalid: cannot be read: size mismatch shape"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["paint"],
        ["caption", "c.png"],
        ["caption", "c.png", "--model", "m", "--classes", "water"],
        ["caption", "c.png", "d.png", "--model", "m"],
        ["ask", "c.png", "--model", "m"],
    ],
)
def test_wrong_arguments_are_told_with_the_usage(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        command_line.main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m model_backend")


def test_an_interpreter_without_packages_is_told_in_a_sentence(chip):
    # -S: without site-packages
    done = in_a_shell("caption", chip, "--model", "m", interpreter=(sys.executable, "-S"))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("package_missing: ")


def test_a_model_folder_that_is_not_there_is_told_in_a_sentence(capsys, chip, tmp_path):
    line = failure(capsys, "caption", chip, "--model", str(tmp_path / "no-model"))
    assert line == f"model_not_found: there is no folder {tmp_path / 'no-model'}"


def test_a_real_model_answers_in_a_shell_with_nothing_but_json(chip, tiny):
    options = ["--model", str(tiny), "--device", "cpu", "--max-new-tokens", "4", "--json"]
    done = in_a_shell("detect", chip, "--classes", "water", "red boats", *options)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert (printed["model"]["name"], printed["model"]["random_weights"]) == ("tiny", True)
    assert [answer["target"] for answer in printed["answers"]] == ["water", "red boats"]
    assert all(list(answer) == ANSWER_KEYS for answer in printed["answers"])


def test_a_model_that_only_writes_describes_a_picture_in_a_shell(chip, tmp_path):
    assert command_line.main(["random-checkpoint", str(tmp_path / "eye"), "--model", "n2-eye"]) == 0
    options = ["--model", str(tmp_path / "eye"), "--precision", "float32", "--device", "cpu"]
    done = in_a_shell("caption", chip, *options, "--max-new-tokens", "4", "--json")
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout)["answers"]
    assert (answer["task"], answer["outcome"], answer["proposals"]) == ("caption", None, None)
