"""A tiny checkpoint with random weights, written once; worker processes that end with their test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conversation import Conversation
from hypothesis import HealthCheck, settings

# how long an example takes says something about the machine, nothing about the code
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

WORKERS = Path(__file__).resolve().parents[1] / "workers"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """Read-only: copy it before you break it."""
    from lspace.model_backend.inference.random_checkpoint import write_random_checkpoint

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_random_checkpoint(folder, "tiny")
    return folder


@pytest.fixture
def start():
    """Starts a script of ``tests/workers`` and talks to it."""
    conversations = []

    def make(script: str, *arguments: object) -> Conversation:
        command = [sys.executable, str(WORKERS / script), *map(str, arguments)]
        conversations.append(Conversation(command))
        return conversations[-1]

    yield make
    for conversation in conversations:
        conversation.kill()
