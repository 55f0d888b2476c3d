"""What passes from the encoder to the decoder, and what a cache saves: shapes, identity and counts, held to theory."""

import pytest
import torch

from engine import decode
from engine.labs.encoder_to_decoder import another, code, crossing, handed_over
from engine.labs.encoder_to_decoder.one_text import CONFIG, understood
from engine.runtime.forward import build_model
from engine.text.char_tokenizer import CHARACTERS, SPECIALS, UNKNOWN, ids
from engine.text.tokenizer import BEGIN


@pytest.mark.parametrize(("text", "read", "layer"), [("21 November 2026", 4, 1), ("x", 0, 0), ("11/3/1987", 10, 0)])
def test_queries_are_projected_from_the_decoder_and_keys_and_values_from_the_memory(text, read, layer):
    found = crossing(text, read, layer)
    cross = build_model(CONFIG).decoder.layers[layer].cross_attention
    source, target = len(text) + 2, read + 1
    assert (len(found.source), len(found.target)) == (source, target)
    assert tuple(found.query.shape) == (1, 4, target, 16)
    assert tuple(found.key.shape) == tuple(found.value.shape) == (1, 4, source, 16)
    assert tuple(found.weights.shape) == (1, 4, target, source)
    for projection, rows, heads in (
        (cross.w_q, found.asking, found.query),
        (cross.w_k, found.memory, found.key),
        (cross.w_v, found.memory, found.value),
    ):
        torch.testing.assert_close(projection(rows).unflatten(-1, (4, 16)).transpose(1, 2), heads)
    one_hot = torch.eye(source).expand(1, 4, -1, -1)
    whole = torch.nn.functional.scaled_dot_product_attention(found.query, found.key, one_hot)
    torch.testing.assert_close(found.weights, whole)
    assert found.longer == ((1, 4, target + 1, 16), (1, 4, source, 16), (1, 4, source, 16))


@pytest.mark.parametrize("layer", [0, 1])
def test_both_self_attentions_take_queries_and_keys_from_their_own_rows(layer):
    text, read = "21 November 2026", 4
    weights = crossing(text, read, layer)
    model = build_model(CONFIG)
    inputs: dict[str, torch.Tensor] = {}
    for part in ("encoder", "decoder"):
        attention = getattr(model, part).layers[layer].self_attention
        attention.register_forward_hook(lambda module, given, output, part=part: inputs.update({part: given[0]}))
    batch = understood(text)
    written = ids(decode(text, CONFIG).text[:read])
    with torch.no_grad():
        model(torch.tensor(batch.source_ids), torch.tensor([[BEGIN, *written]]))
    for part, drawn, causal in (
        ("encoder", weights.encoder_weights, False),
        ("decoder", weights.decoder_weights, True),
    ):
        attention, rows = getattr(model, part).layers[layer].self_attention, inputs[part]
        query, key = (
            projection(rows).unflatten(-1, (4, 16)).transpose(1, 2) for projection in (attention.w_q, attention.w_k)
        )
        one_hot = torch.eye(rows.size(1)).expand(1, 4, -1, -1)
        expected = torch.nn.functional.scaled_dot_product_attention(query, key, one_hot, is_causal=causal)
        torch.testing.assert_close(drawn, expected)


@pytest.mark.parametrize(("text", "place"), [("21 November 2026", 0), ("11/3/1987", 2), ("2026년 11월 21일", 4)])
def test_with_the_old_memory_a_changed_source_changes_nothing(text, place):
    found = handed_over(text, place, 5)
    model = build_model(CONFIG)
    answer = decode(text, CONFIG, model=model).text
    source = torch.tensor(understood(text).source_ids)
    with torch.no_grad():
        usual = model(source, torch.tensor([[BEGIN, *ids(answer[:5])]]))
    assert torch.equal(found.usual, usual)
    assert found.same
    assert found.differences[1] == 0
    assert found.differences[0] > 0
    assert found.answers[0] == found.answers[2] == answer
    changed = [old != new for old, new in zip(found.source, found.changed, strict=True)]
    assert changed == [token == place + 1 for token in range(len(changed))]


def test_no_gradient_reaches_the_encoder_but_through_the_memory():
    # What the hook shows by equality, autograd shows by the graph: cut at the memory, and nothing leads to the source.
    model = build_model(CONFIG)
    model.source_embedding.table.weight.requires_grad_()
    cut = model.encoder.register_forward_hook(lambda module, given, output: output.detach())
    source, target = torch.tensor(understood("21 November 2026").source_ids), torch.tensor([[BEGIN, 6]])
    assert not model(source, target).requires_grad
    cut.remove()
    assert model(source, target).requires_grad


def test_the_changed_character_is_the_next_of_its_kind_and_never_the_same():
    assert (another(ids("2")[0]), another(ids("9")[0]), another(ids("y")[0])) == ids("30A")
    assert another(UNKNOWN) == ids("0")[0]
    known = range(len(SPECIALS), len(SPECIALS) + len(CHARACTERS))
    assert sorted(map(another, known)) == list(known)


@pytest.mark.parametrize(("source", "target"), [(18, 5), (3, 1), (42, 16)])
def test_the_code_prints_the_shapes_of_the_experiment_and_a_difference_of_rounding(source, target, capsys):
    exec(code(source, target, 4, 16), {})
    *shapes, difference = capsys.readouterr().out.splitlines()
    assert shapes == [
        f"weights (1, 4, {source}, {source}) (1, 4, {target}, {target}) (1, 4, {target}, {source})",
        f"cross-attention (1, 4, {target}, 16) (1, 4, {source}, 16) (1, 4, {source}, 16)",
        f"scores (1, 4, {target}, {source})",
        f"last step (1, 4, 1, 16) (1, 4, {target}, 16)",
    ]
    assert float(difference.removeprefix("largest difference ")) < 1e-5
