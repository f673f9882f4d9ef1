# SPDX-License-Identifier: GPL-2.0-or-later
"""The contract holds what lspace was trained on, letter by letter; QGIS can read it with its own Python."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from lspace.model_backend.contract import (
    CONTRACT_MARK,
    EMBEDDED_MODEL,
    contract_for,
    expected_contract,
    load_contracts,
)
from lspace.model_backend.errors import ModelInvalid, RequestError
from lspace.model_backend.inference.prompts import build_prompts
from lspace.model_backend.inference.tokens import neutralise

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_OF_TASKS = (
    "You are a geospatial analyst specializing in satellite imagery interpretation. "
    "Analyze the provided Sentinel-2 satellite images and report findings grounded in visible evidence. "
    "Use [x1, y1, x2, y2] bounding boxes normalized to 0-1 relative to image dimensions. "
    "This is optical-only observation. "
    "Avoid certainty claims beyond visible evidence, and state confidence and limitations where appropriate."
)


@pytest.fixture
def lspace():
    return load_contracts()["lspace"]


def test_the_caption_is_asked_for_in_the_trained_words(lspace):
    (prompt,) = build_prompts(lspace, "caption", ())
    assert prompt.text == (
        "The input is satellite imagery (RGB). "
        "Describe this imagery in detail, including surface cover and structure where visible."
    )
    assert (prompt.system, prompt.answer) == (None, "text")


@pytest.mark.parametrize(
    "words",
    [
        "water",
        "tree cover",
        "grassland",
        "flooded vegetation",
        "cropland",
        "shrub and scrub",
        "built areas",
        "bare ground",
        "snow and ice",
    ],
)
def test_a_land_cover_class_is_asked_for_in_the_trained_words(lspace, words):
    (prompt,) = build_prompts(lspace, "detect", (words,))
    assert prompt.text == (
        f"The input is satellite imagery. Inspect it and detect the {words}. "
        'Provide result as a valid JSON: [{"label": str, "bbox": [x1,y1,x2,y2]}, ...]. '
        "Coordinates must be normalized to 0-1."
    )
    assert (prompt.system, prompt.answer, prompt.trained) == (None, "boxes", True)
    assert lspace.target(words).label == words


def test_vessels_are_asked_for_in_the_trained_words(lspace):
    (prompt,) = build_prompts(lspace, "detect", ("vessel candidate",))
    assert prompt.text == (
        "Locate potential vessel candidates in this image and return JSON list with normalized bboxes."
    )
    assert prompt.system == SYSTEM_OF_TASKS
    assert (prompt.answer, prompt.trained) == ("boxes", True)
    assert lspace.target("vessel candidate").label == "vessel_candidate"


TRAINED = {
    "focus": "Review the satellite image and its aligned land-cover label. "
    "Describe only water in the imagery: approximate share of valid pixels and brief spatial layout.",
    "vessels_report": "Examine this Sentinel-2 coastal/ocean image "
    "and identify potential vessel candidates or maritime activity.",
    "wildfire_report": "These two Sentinel-2 images show the same area at two times "
    "(2023-07-01 and 2023-09-01). Identify wildfire damage or burn-scar changes.",
    "wildfire": "Locate burn-scar and fire-affected regions visible in the post-event image. "
    "Return JSON list with labels and normalized bboxes.",
    "flood_report": "Compare these two Sentinel-2 images (2023-07-01 baseline and 2023-09-01 flood period) "
    "and describe flood-related water expansion.",
    "flood": "Locate flooded or newly inundated regions in the second image "
    "and return JSON list with normalized bboxes.",
    "transition_report": "Compare these two Sentinel-2 images (2023-07-01 and 2023-09-01) "
    "and describe major land-cover transitions.",
    "transition": "Locate major land-cover transition regions "
    "and return JSON list with labels and normalized bboxes.",
    "brief": "You are given multiple geospatial analysis images from the same region. "
    "Write a concise analytical brief with key findings, confidence, and recommended follow-up actions.",
}


@pytest.mark.parametrize(("task", "text"), TRAINED.items(), ids=TRAINED)
def test_every_other_task_is_asked_for_in_the_trained_words(lspace, task, text):
    prompt = build_prompts(lspace, task, ("water",), dates=["2023-07-01", "2023-09-01"])[-1]
    assert (prompt.task, prompt.text, prompt.trained) == (task, text, True)
    assert prompt.system == (None if task == "focus" else SYSTEM_OF_TASKS)


def test_a_user_chooses_among_all_tasks_but_the_reports(lspace):
    assert [task.name for task in lspace.offered] == [
        "caption",
        "ground",
        "focus",
        "words",
        "vessels",
        "wildfire",
        "flood",
        "transition",
        "brief",
        "question",
    ]


def test_lspace_mini_has_three_tasks_and_no_reports():
    mini = load_contracts()["lspace-mini"]
    assert [task.name for task in mini.offered] == ["caption", "ground", "vessels"] == list(mini.tasks)


@pytest.mark.parametrize("task", ["vessels", "wildfire", "flood", "transition"])
def test_boxes_of_a_kind_have_a_report_about_the_same_number_of_images(lspace, task):
    boxes, report = lspace.task(task), lspace.task(lspace.task(task).report)
    assert (boxes.answer, report.answer, report.report) == ("boxes", "text", None)
    assert (report.images, report.most_images) == (boxes.images, boxes.most_images)
    assert report.none


@pytest.mark.parametrize(
    ("task", "counts"),
    [("caption", {1}), ("words", {1}), ("vessels", {1}), ("flood", {2}), ("brief", {1, 2, 3, 4})],
)
def test_a_task_is_asked_about_so_many_images_and_no_other_number(lspace, task, counts):
    for count in range(6):
        if count in counts:
            lspace.task(task).check_images(count)
        else:
            with pytest.raises(RequestError, match=f"image.* of a place, not {count}"):
                lspace.task(task).check_images(count)


def test_what_is_to_be_filled_in_is_told_by_the_prompt(lspace):
    assert [task.name for task in lspace.offered if task.takes_targets] == ["ground", "focus", "words"]
    assert [task.name for task in lspace.offered if task.takes_question] == ["question"]
    assert [task.name for task in lspace.offered if task.own_words] == ["words"]


def test_the_share_of_a_class_is_asked_for_the_classes_of_land_cover(lspace):
    classes = [target.name for target in lspace.targets_of(lspace.task("ground"))]
    assert len(classes) == 9
    assert [target.name for target in lspace.targets_of(lspace.task("focus"))] == classes
    assert [target.name for target in lspace.targets_of(lspace.task("vessels"))] == ["vessel candidate"]
    assert lspace.targets_of(lspace.task("words")) == ()


@pytest.mark.parametrize("task", ["vessels_report", "wildfire_report", "flood_report", "transition_report"])
class TestAReport:
    def test_denies_in_the_trained_words_whatever_their_case_and_spaces(self, lspace, task):
        asked = lspace.task(task)
        assert asked.denies(asked.none)
        assert asked.denies("\n " + asked.none.upper().replace(" ", "  "))
        assert asked.denies(" ".join(asked.none.split()[:2]))

    def test_that_found_something_or_says_anything_else_denies_nothing(self, lspace, task):
        asked = lspace.task(task)
        assert not asked.denies(asked.found)
        assert not any(asked.denies(text) for text in ("", "No", "No.", "nothing", "There is no clear one"))


def test_a_caption_denies_where_it_names_no_class_and_not_by_its_first_words(lspace):
    caption = lspace.task("caption")
    assert caption.denies(caption.none)
    assert not caption.denies("This satellite imagery is dominated by water (~40%).")


def test_a_task_without_a_trained_denial_denies_nothing(lspace):
    assert not lspace.task("question").denies("No clear burn-scar regions are detected.")


def test_there_are_no_other_targets_than_the_nine_classes_and_vessels(lspace):
    assert len(lspace.targets) == len({target.name for target in lspace.targets}) == 10


def test_the_chips_have_the_trained_geometry(lspace):
    chip = lspace.chip
    assert (chip.side_m, chip.native_px, chip.model_px) == (5120, 512, 224)
    assert chip.stretch_percentiles == (2, 98)
    assert chip.side_m / chip.native_px == 10
    assert chip.gsd_m == pytest.approx(22.857, abs=0.001)


def test_boxes_are_inclusive_pixels_of_the_trained_picture(lspace):
    assert (lspace.box.grid_px, lspace.box.inclusive) == (224, True)


@pytest.mark.parametrize("contract", load_contracts().values(), ids=lambda contract: contract.name)
class TestEveryContract:
    def test_names_no_task_that_it_lacks(self, contract):
        assert {target.task for target in contract.targets} <= set(contract.tasks)
        others = {
            name for task in contract.tasks.values() for name in (task.report, task.targets_from) if name
        }
        assert others <= set(contract.tasks)

    def test_answers_in_text_or_boxes(self, contract):
        assert {task.answer for task in contract.tasks.values()} <= {"text", "boxes"}

    def test_has_room_for_an_answer(self, contract):
        assert all(task.max_new_tokens > 0 for task in contract.tasks.values())

    def test_has_each_blank_at_most_once_in_a_prompt(self, contract):
        blanks = ("{target}", "{question}", "{date_t0}", "{date_t1}")
        assert all(task.prompt.count(blank) <= 1 for task in contract.tasks.values() for blank in blanks)

    def test_says_what_each_offered_task_is_for_in_one_sentence(self, contract):
        assert all(task.hint.count(".") == 1 and task.hint.endswith(".") for task in contract.offered)

    def test_shows_the_model_its_own_prompts_as_they_are(self, contract):
        assert all(neutralise(task.prompt) == task.prompt for task in contract.tasks.values())

    def test_has_something_to_look_for_where_a_task_asks_for_targets(self, contract):
        tasks = [task for task in contract.offered if task.takes_targets]
        assert all(task.own_words or contract.targets_of(task) for task in tasks)

    def test_translates_each_label_back_to_its_words(self, contract):
        assert all(contract.words_for_label(target.label) == target.name for target in contract.targets)

    def test_is_found_by_the_name_in_a_checkpoints_configuration(self, contract):
        config = {"model_type": contract.model_type, CONTRACT_MARK: contract.name}
        assert contract_for(config) is contract


def test_a_label_that_was_never_trained_stays_as_it_is(lspace):
    assert lspace.words_for_label("red boats") == "red boats"


def test_an_unknown_model_type_is_no_model_for_us():
    with pytest.raises(ModelInvalid, match="'llava'") as caught:
        contract_for({"model_type": "llava"})
    assert caught.value.values == {"model_type": "llava", "name": None}


def test_a_checkpoint_that_names_no_contract_has_that_of_lspace(lspace):
    assert contract_for({"model_type": "lfm2_vl"}) is lspace


def test_an_unknown_contract_is_not_replaced_by_another_of_its_architecture():
    with pytest.raises(ModelInvalid, match="'lspace-9'"):
        contract_for({"model_type": "lfm2_vl", CONTRACT_MARK: "lspace-9"})


def test_a_hub_ids_contract_is_expected_before_anything_is_downloaded(lspace):
    assert expected_contract("NuTonic/lspace") is lspace


def test_the_model_that_comes_with_the_plugin_is_expected_to_be_lspace_mini():
    mini = expected_contract(str(EMBEDDED_MODEL))
    assert (mini.name, mini.chip.side_m, mini.own_words) == ("lspace-mini", 1280, False)
    assert [target.name for target in mini.targets] == [
        "water",
        "tree cover",
        "built areas",
        "vessel candidate",
    ]


@pytest.mark.parametrize("contract", load_contracts().values(), ids=load_contracts())
def test_a_folders_contract_is_expected_from_its_configuration(tmp_path, contract):
    config = {"model_type": contract.model_type, CONTRACT_MARK: contract.name}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert expected_contract(str(tmp_path)) is contract


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"model_type": "llava"}',
        b'{"model_type": ["lfm2_vl"]}',
        b'{"model_type": "lfm2_vl", "lspace_contract": {}}',
    ],
)
def test_of_a_folder_that_tells_nothing_lspace_is_expected(tmp_path, lspace, content):
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    assert expected_contract(str(tmp_path)) is lspace


@pytest.mark.parametrize(
    "model", ["/no/such/folder", "someone/else", "~no-such-user/model", "a\0b", "x" * 5000]
)
def test_of_a_model_that_is_not_here_lspace_is_expected(lspace, model):
    assert expected_contract(model) is lspace


def test_an_unknown_task_is_refused_with_those_that_there_are(lspace):
    with pytest.raises(RequestError, match="'segment'") as caught:
        lspace.task("segment")
    assert caught.value.values == {"tasks": sorted(lspace.tasks)}
    assert {"caption", "ground", "vessels"} < set(lspace.tasks)


def test_what_qgis_imports_needs_the_standard_library_alone_and_python_3_9():
    modules = "chip contract errors georeference.geotransform overlap proposal protocol request"
    script = (
        "import importlib, sys\n"
        f"for name in {modules.split()}: importlib.import_module('model_backend.' + name)\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('model_backend')), sep='\\n')"
    )
    # -S: without site-packages
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    paths = [ROOT / line for line in done.stdout.splitlines()]
    assert len(paths) >= len(modules.split())
    for path in paths:
        source = path.read_text(encoding="utf-8")
        ast.parse(source, str(path), feature_version=(3, 9))
        # X | None in a signature would be evaluated
        assert "from __future__ import annotations" in source or path.name == "__init__.py"
