"""The tokenizer and chat template without transformers against those that transformers reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from lfm2_vl_processor import load_processor
from lspace.model_backend.contract import contract_for
from lspace.model_backend.errors import ModelInvalid, RequestError
from lspace.model_backend.inference.chat import Chat
from lspace.model_backend.inference.patches import PatchCutter
from lspace.model_backend.inference.prompts import Prompt
from lspace.model_backend.inference.tokens import reserved_ids

ROOT = Path(__file__).resolve().parents[3]
MINI = ROOT / "resources" / "models" / "lspace-mini"
TEXTS = ["What is here?", "  two  spaces\n\n\tand a tab ", "été ≥ 3 km² 船 🚢", "<|im_start", "don't 12345"]


@pytest.fixture(params=["tiny", "mini"])
def folder(request, tiny):
    return tiny if request.param == "tiny" else MINI


def prompts(folder):
    tasks = contract_for(json.loads((folder / "config.json").read_text())).tasks.values()
    for task in tasks:
        yield Prompt(task.name, task.system, task.prompt, task.answer, 9, True), max(1, task.images)
    for text in TEXTS:
        for system in (None, "You are an analyst."):
            yield Prompt("test", system, text, "text", 9, False), 2
    yield Prompt("test", None, "No picture", "text", 9, False), 0


def as_transformers_writes(processor, prompt, pictures):
    content = [{"type": "image"} for _ in pictures] + [{"type": "text", "text": prompt.text}]
    messages = [{"role": "user", "content": content}]
    if prompt.system is not None:
        messages.insert(0, {"role": "system", "content": prompt.system})
    text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    inputs = processor(text=[text], images=[pictures] if pictures else None, do_image_splitting=False)
    return text, inputs["input_ids"][0]


def test_every_prompt_has_the_text_and_the_ids_that_transformers_gives_it(folder, chip):
    chat, cutter, processor = Chat.open(folder), PatchCutter.read(folder), load_processor(folder)
    sizes = [(224, 224), (300, 200), (512, 512), (64, 400)]
    for prompt, count in prompts(folder):
        pictures = [chip(index, *size) for index, size in zip(range(count), sizes)]
        text, ids = as_transformers_writes(processor, prompt, pictures)
        ours = chat.text(prompt, count)
        assert ours == text
        assert chat.ids(ours, [cutter.cut(picture).tokens for picture in pictures]) == ids


def test_a_text_cut_behind_its_last_picture_gives_the_same_ids(folder):
    chat = Chat.open(folder)
    for prompt, count in prompts(folder):
        if count:
            text = chat.text(prompt, count)
            cut = text.rindex(chat.image) + len(chat.image)
            assert chat.ids(text[:cut], [5] * count) + chat.ids(text[cut:]) == chat.ids(text, [5] * count)


def test_what_ends_an_answer_and_what_is_never_written_is_as_transformers_has_it(folder):
    chat, tokenizer = Chat.open(folder), load_processor(folder).tokenizer
    assert chat.ends == {tokenizer.eos_token_id}
    assert list(chat.barred) == reserved_ids(tokenizer, chat.ends)


def test_ids_become_the_text_that_transformers_makes_of_them(folder):
    chat, tokenizer = Chat.open(folder), load_processor(folder).tokenizer
    for text in TEXTS:
        ids = chat.ids(text)
        assert chat.decode(ids) == tokenizer.decode(ids, skip_special_tokens=True)
        assert chat.decode(ids[:1]) == tokenizer.decode(ids[:1], skip_special_tokens=True)


def test_an_image_marker_in_the_words_is_refused(tiny):
    with pytest.raises(RequestError, match="image marker"):
        Chat.open(tiny).text(Prompt("test", None, "look at <image>", "text", 9, False), 1)


def test_a_template_in_the_older_place_is_found_and_none_is_refused(broken):
    template = (broken / "chat_template.jinja").read_text()
    expected = Chat.open(broken).text(Prompt("test", None, "x", "text", 9, False), 1)
    (broken / "chat_template.jinja").unlink()
    with pytest.raises(ModelInvalid, match="chat template"):
        Chat.open(broken)
    settings = broken / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"chat_template": template}))
    assert Chat.open(broken).text(Prompt("test", None, "x", "text", 9, False), 1) == expected


@pytest.mark.parametrize("template", ["{% for %}", "{{ ''.__class__.__mro__ }}"])
def test_a_broken_or_prying_template_does_not_pass(broken, template):
    (broken / "chat_template.jinja").write_text(template)
    with pytest.raises(Exception, match=r"expected|Expected|unsafe"):
        Chat.open(broken).text(Prompt("test", None, "x", "text", 9, False), 0)


def test_reading_words_and_pictures_takes_neither_torch_nor_transformers():
    code = (
        "import sys; import model_backend.inference.chat, model_backend.inference.patches;"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
