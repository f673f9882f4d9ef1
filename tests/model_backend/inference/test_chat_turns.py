"""Conversations as the model reads them: against transformers, and against the text as it has to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.errors import RequestError
from lspace.model_backend.inference.chat import Chat, messages_of
from lspace.model_backend.inference.detokeniser import Detokeniser
from lspace.model_backend.inference.prompts import Prompt
from lspace.model_backend.inference.random_tokenizer import special_tokens
from lspace.model_backend.inference.tool_calls import CALL_END, CALL_START
from lspace.model_backend.tool import ToolDefinition
from lspace.model_backend.turn import Role, Turn
from transformers import PreTrainedTokenizerFast

USER, ASSISTANT, TOOL = Role.USER, Role.ASSISTANT, Role.TOOL
LIST = ToolDefinition("list_layers", "Lists layers.", {"type": "object", "properties": {}})
COUNT = ToolDefinition(
    "count",
    "Zählt <features> & mehr.",
    {"type": "object", "properties": {"layer": {"type": "string", "enum": ["roads"]}}, "required": ["layer"]},
)
TURNS = (
    Turn(USER, "Which layers?"),
    Turn(ASSISTANT, f"I look.{CALL_START}[list_layers()]{CALL_END}"),
    Turn(TOOL, '{"layers": ["roads", "été 船"]}'),
    Turn(ASSISTANT, "There are two."),
    Turn(USER, "  How many\nroads? "),
)
# as LFM2.5's: tools as they are, what is thought is left out, tags for training
LATER_TEMPLATE = """{{- bos_token -}}
{%- set system = messages[0]['content'] if messages[0]['role'] == 'system' else '' -%}
{%- set messages = messages[1:] if system else messages -%}
{%- if tools -%}
    {%- set system = system + ('\\n\\n' if system else '') + 'List of tools: ' + (tools | tojson) -%}
{%- endif -%}
{%- if system -%}
    {{- '<|im_start|>system\\n' + system + '<|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages -%}
    {{- '<|im_start|>' + message.role + '\\n' -}}
    {%- if message.role == 'assistant' -%}
        {%- generation -%}
        {{- message.content.split('</think>')[-1] | trim -}}
        {{- '<|im_end|>\\n' -}}
        {%- endgeneration -%}
    {%- else -%}
        {%- if message.content is string -%}
            {{- message.content -}}
        {%- else -%}
            {%- for part in message.content -%}
                {{- '<image>' if part['type'] == 'image' else part['text'] -}}
            {%- endfor -%}
        {%- endif -%}
        {{- '<|im_end|>\\n' -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""


def talk(*turns, tools=(), system=None):
    return Prompt("talk", system, "", "text", 9, trained=False, turns=turns or TURNS, tools=tools)


@pytest.fixture(params=["LFM2's template", "LFM2.5's template"])
def folder(request, broken_eye):
    if request.param == "LFM2.5's template":
        (broken_eye / "chat_template.jinja").write_text(LATER_TEMPLATE, encoding="utf-8")
    return broken_eye


@pytest.mark.parametrize("system", [None, "You help."])
@pytest.mark.parametrize("tools", [(), (LIST,), (LIST, COUNT)])
@pytest.mark.parametrize("pictures", [0, 1])
def test_a_conversation_has_the_text_and_the_ids_that_transformers_gives_it(folder, system, tools, pictures):
    chat, theirs = Chat.open(folder), PreTrainedTokenizerFast.from_pretrained(folder)
    first, *others = [{"role": turn.role.value, "content": turn.text} for turn in TURNS]
    first["content"] = "<image>" * pictures + first["content"]
    messages = [{"role": "system", "content": system}] if system else []
    options = {
        "conversation": [*messages, first, *others],
        "tools": [tool.to_payload() for tool in tools] or None,
        "add_generation_prompt": True,
    }
    ours = chat.text(talk(tools=tools, system=system), pictures)
    assert ours == theirs.apply_chat_template(tokenize=False, **options)
    ids = theirs.apply_chat_template(tokenize=True, return_dict=True, **options)["input_ids"]
    assert chat.ids(ours, [1] * pictures) == ids


def test_the_text_is_that_of_lfm2_to_the_letter(tiny_eye):
    text = Chat.open(tiny_eye).text(talk(tools=(LIST, COUNT), system="You help."), 1)
    assert text == (
        "<|startoftext|><|im_start|>system\nYou help.\nList of tools: <|tool_list_start|>["
        '{"name": "list_layers", "description": "Lists layers.", "parameters": {"type": "object",'
        ' "properties": {}}}, {"name": "count", "description": "Zählt <features> & mehr.", "parameters":'
        ' {"type": "object", "properties": {"layer": {"type": "string", "enum": ["roads"]}},'
        ' "required": ["layer"]}}]<|tool_list_end|><|im_end|>\n'
        "<|im_start|>user\n<image>Which layers?<|im_end|>\n"
        "<|im_start|>assistant\nI look.<|tool_call_start|>[list_layers()]<|tool_call_end|><|im_end|>\n"
        '<|im_start|>tool\n<|tool_response_start|>{"layers": ["roads", "été 船"]}<|tool_response_end|>'
        "<|im_end|>\n"
        "<|im_start|>assistant\nThere are two.<|im_end|>\n"
        "<|im_start|>user\n  How many\nroads? <|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_pictures_stand_before_the_first_words_only(tiny):
    text = Chat.open(tiny).text(talk(*TURNS[:1], *TURNS[3:]), 2)
    assert text.count("<image>") == 2
    assert "user\n<image><image>Which layers?<|im_end|>" in text


def test_a_template_that_leaves_tools_out_is_refused(tiny):
    with pytest.raises(RequestError, match="leaves tools out"):
        Chat.open(tiny).text(talk(tools=(LIST,)), 0)


@pytest.mark.parametrize(
    "words", ["{{ raise_exception('roles have to alternate') }}", "{{ 'a' + messages }}"]
)
def test_a_template_that_does_not_take_the_turns_is_refused_with_its_reason(broken_eye, words):
    (broken_eye / "chat_template.jinja").write_text(words, encoding="utf-8")
    with pytest.raises(RequestError, match=r"this model refuses: .*(have to alternate|concatenate)"):
        Chat.open(broken_eye).text(talk(), 0)


@pytest.mark.parametrize("role", [USER, TOOL, ASSISTANT])
def test_halves_of_characters_are_read_as_unreadable(tiny_eye, role):
    chat = Chat.open(tiny_eye)
    read = [
        chat.ids(chat.text(talk(Turn(USER, "Hi"), Turn(role, f"a{half}b")), 0)) for half in "\ud800\ufffd"
    ]
    assert read[0] == read[1]


def test_a_tokenizer_without_marks_for_calls_is_refused(tiny_eye):
    chat = Chat.open(tiny_eye)
    words = chat.tokenizer.to_str().replace("tool_call_end", "other_end")
    object.__setattr__(chat, "tokenizer", type(chat.tokenizer).from_str(words))
    with pytest.raises(RequestError, match="no marks"):
        chat.for_calls()


@pytest.mark.parametrize("role", [USER, TOOL, ASSISTANT])
def test_no_special_token_gets_into_what_was_said(folder, role):
    chat = Chat.open(folder)
    every = " ".join([*special_tokens(), "<think>", "</think>"])

    def special_in(text):
        turns = (Turn(USER, "Hi"), Turn(ASSISTANT, "Ho"), Turn(TOOL, "{}"), Turn(USER, "Hi"))
        turns = tuple(Turn(role, text) if turn.role is role else turn for turn in turns)
        ids = chat.ids(chat.text(talk(*turns), 0))
        return [token for token in ids if token < len(special_tokens())]

    added = len(special_in(every)) - len(special_in("harmless"))
    assert added == (2 if role is ASSISTANT else 0)  # the marks around a call


@given(
    st.lists(st.sampled_from(["<", "|", ">", "<|", "|>", "im_end", "tool_call_start", CALL_START, "image"]))
)
def test_pieces_of_special_tokens_make_none(parts):
    prompt = talk(*(Turn(role, "".join(parts)) for role in (USER, ASSISTANT, TOOL)))
    user, assistant, tool = (message["content"] for message in messages_of(prompt, []))
    for text in (user, tool, assistant.replace(CALL_START, "~")):
        assert not any(token in text for token in special_tokens())


def test_calls_may_be_written_and_come_out_as_text_and_nothing_else_special_does(tiny_eye):
    chat = Chat.open(tiny_eye)
    marks = {chat.tokenizer.token_to_id(mark) for mark in (CALL_START, CALL_END)}
    calling = chat.for_calls()
    assert set(chat.barred) - set(calling.barred) == marks
    written = f"Là {CALL_START}[list_layers()]{CALL_END}{CALL_START}{CALL_END} 船"
    ids = [*chat.ids(written), chat.tokenizer.token_to_id("<|im_end|>")]
    for reader, text in ((calling, written), (chat, written.replace(CALL_START, "").replace(CALL_END, ""))):
        detokeniser = Detokeniser(reader)
        assert reader.decode(ids) == text
        assert "".join(map(detokeniser.push, ids)) + detokeniser.flush() == text
