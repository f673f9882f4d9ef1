"""What pip is asked for, on each system and for each build."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.runtime import requirements as module
from lspace.gis.runtime.requirements import (
    Build,
    model_requirements,
    offered_builds,
    source_of,
    torch_version,
)


@pytest.fixture
def on(monkeypatch):
    return lambda system: monkeypatch.setattr(module.platform, "system", lambda: system)


@pytest.mark.parametrize(
    ("system", "builds"),
    [
        ("Linux", (Build.CPU, Build.CUDA)),
        ("Windows", (Build.CPU, Build.CUDA)),
        ("Darwin", (Build.CPU,)),
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
    assert model_requirements(Build.CPU).digest() != model_requirements(Build.CUDA).digest()
    assert model_requirements(Build.CPU).digest() == model_requirements(Build.CPU).digest()
