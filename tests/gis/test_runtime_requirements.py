"""What pip is asked for, on each system and for each build."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from lspace.gis import nvidia_driver
from lspace.gis.runtime import requirements as module
from lspace.gis.runtime.requirements import (
    Build,
    Requirements,
    model_requirements,
    offered_builds,
    package_names,
    source_of,
    suitable_build,
    torch_version,
)


@pytest.fixture
def on(monkeypatch):
    return lambda system: monkeypatch.setattr(module.platform, "system", lambda: system)


@pytest.mark.parametrize(
    ("system", "builds"),
    [
        ("Linux", (Build.SMALL, Build.CPU, Build.CUDA)),
        ("Windows", (Build.SMALL, Build.CPU, Build.CUDA)),
        ("Darwin", (Build.SMALL, Build.CPU)),
    ],
)
def test_the_builds_of_a_system_are_known_with_their_sizes(system, builds):
    assert offered_builds(system) == builds
    sizes = [source_of(build, system).download_mb for build in builds]
    assert sizes == sorted(sizes)
    assert all(
        source_of(build, system).disk_mb > 3 * source_of(build, system).download_mb for build in builds
    )


@pytest.mark.parametrize(
    ("system", "build", "tag"),
    [("Linux", Build.CPU, "+cpu"), ("Windows", Build.CUDA, "+cu130")],
)
def test_a_build_of_another_index_is_asked_for_by_its_tag(on, system, build, tag):
    on(system)
    requirements = model_requirements(build)
    arguments = list(requirements.arguments(Path("c.txt")))
    assert requirements.constraints == (f"torch=={torch_version()}{tag}",)
    assert arguments[arguments.index("--extra-index-url") + 1].startswith("https://download.pytorch.org/whl/")
    assert arguments[arguments.index("-c") + 1] == "c.txt"


@pytest.mark.parametrize(
    ("system", "build"), [("Linux", Build.CUDA), ("Windows", Build.CPU), ("Darwin", Build.CPU)]
)
def test_the_default_build_of_a_system_needs_no_other_index(on, system, build):
    on(system)
    arguments = list(model_requirements(build).arguments(Path("c.txt")))
    assert arguments == ["-r", str(module.REQUIREMENTS)]


@pytest.mark.parametrize("system", ["Linux", "Windows", "Darwin"])
def test_the_small_build_needs_neither_torch_nor_another_index(on, system):
    on(system)
    requirements = model_requirements(Build.SMALL)
    assert list(requirements.arguments(Path("c.txt"))) == ["-r", str(module.SMALL_REQUIREMENTS)]
    assert {"torch", "transformers"}.isdisjoint({*package_names(requirements.file), *requirements.modules})


def test_the_full_requirements_hold_the_small_ones():
    small, full = package_names(module.SMALL_REQUIREMENTS), package_names(module.REQUIREMENTS)
    assert {"onnxruntime", "numpy"} < set(small) < set(full)
    assert {"torch", "transformers"} <= set(full)


@pytest.mark.parametrize(
    ("system", "has_driver", "build"),
    [
        ("Linux", False, Build.SMALL),
        ("Linux", True, Build.CUDA),
        ("Windows", True, Build.CUDA),
        ("Darwin", True, Build.SMALL),
    ],
)
def test_the_small_build_suits_every_computer_without_an_nvidia_card(
    on, monkeypatch, tmp_path, system, has_driver, build
):
    on(system)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(nvidia_driver, "_TRACES", ())
    if has_driver:
        program = tmp_path / "nvidia-smi"
        program.write_text("")
        program.chmod(0o755)
    assert suitable_build() is build


def test_a_change_of_what_a_file_includes_is_another_digest(tmp_path):
    file = tmp_path / "requirements.txt"
    file.write_text("-r small.txt\nsix\n")
    (tmp_path / "small.txt").write_text("idna\n")
    before = Requirements(file, ("six",)).digest()
    (tmp_path / "small.txt").write_text("idna<4\n")
    assert Requirements(file, ("six",)).digest() != before


def test_an_index_can_be_named_for_everything_and_none_besides(on):
    on("Linux")
    requirements = model_requirements(Build.CPU, index="https://mirror.example/simple", extra_index="")
    arguments = list(requirements.source_arguments())
    assert arguments == ["--index-url", "https://mirror.example/simple"]


def test_a_mirror_is_the_only_index_and_is_asked_for_no_cpu_build_that_it_may_not_have(on):
    on("Linux")
    arguments = list(
        model_requirements(Build.CPU, index="https://mirror.example/simple").arguments(Path("c"))
    )
    assert arguments == ["-r", str(module.REQUIREMENTS), "--index-url", "https://mirror.example/simple"]


def test_a_mirror_that_lacks_cuda_s_build_does_not_give_the_cpu_s_instead(on):
    on("Windows")
    requirements = model_requirements(Build.CUDA, index="https://mirror.example/simple")
    assert requirements.constraints == (f"torch=={torch_version()}+cu130",)
    assert "--extra-index-url" not in requirements.source_arguments()


def test_a_folder_of_wheels_is_the_only_source(on):
    on("Linux")
    requirements = model_requirements(Build.CPU, wheels="/media/stick/wheels")
    assert list(requirements.arguments(Path("c.txt")))[2:] == [
        "--no-index",
        "--find-links",
        "/media/stick/wheels",
    ]
    assert requirements.download_mb == 0


def test_another_build_is_another_digest():
    assert len({model_requirements(build).digest() for build in Build}) == 3
    assert model_requirements(Build.CPU).digest() == model_requirements(Build.CPU).digest()
