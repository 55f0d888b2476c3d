"""Ten mistakes: each is the one it is called, raises where PyTorch's rules say, and differs where algebra says."""

import math
import re

import pytest
import torch
from einops import rearrange
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.labs.bugs import CHANGES, SublayerSizes, apart, changed, compare, material, with_other_sizes
from engine.labs.bugs.checks import by_torch, checks_of, symptom
from engine.labs.bugs.mistakes import MISTAKES, difference, text_of
from engine.labs.bugs.programs_text import code
from engine.labs.bugs.sublayer import attention, inputs

USUAL = SublayerSizes(batch=3, length=5, source=4, heads=4, d_k=8, padding=2)
SPLIT, MASK, INVERTED, ROOT, PACK, SOFTMAX, SOURCE, MERGE, NORM, UNMOVED = range(10)

sizes = st.builds(
    SublayerSizes,
    st.integers(1, 5),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(1, 5),
    st.integers(4, 9),
    st.integers(0, 7),
)


def values(found, side):
    return {pair.name: getattr(pair, side).value for pair in found.pairs if getattr(pair, side)}


@settings(max_examples=20)
@given(sizes, st.booleans())
def test_the_right_program_is_torchs_layer_and_passes_every_check(chosen, crossed):
    stuff = material(chosen, crossed)
    output = attention(stuff.layer, stuff.x, stuff.memory, stuff.padding, stuff.future)
    torch.testing.assert_close(output, by_torch(stuff), atol=1e-5, rtol=1e-4)
    assert [check.name for check in checks_of(stuff, attention) if not check.holds] == []


@settings(max_examples=15)
@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 7))
def test_padding_ends_sentences_and_leaves_each_a_word(batch, length, most):
    _, _, padding = inputs(batch, length, length, 4, min(most, length - 1), 0)
    counts = padding.sum(dim=1).tolist()
    assert counts[0] == max(counts) == min(most, length - 1)
    assert batch == 1 or counts[-1] == 0
    assert not padding[:, 0].any()
    assert [row.tolist() for row in padding] == [sorted(row.tolist()) for row in padding]


@settings(max_examples=20)
@given(sizes)
def test_a_straight_split_is_wrong_unless_there_is_one_head_or_one_word(chosen):
    found = compare(SPLIT, chosen)
    assert (found.outcome == "right") == (chosen.heads == 1 or chosen.length == 1)
    query, heads = values(found, "wrong")["query"], values(found, "wrong")["query_heads"]
    assert torch.equal(heads.flatten(), query.flatten())
    right = values(found, "right")
    assert torch.equal(right["query_heads"], rearrange(right["query"], "b l (h d) -> b h l d", h=chosen.heads))
    if found.outcome == "wrong":
        assert found.pairs[found.first].name == "query_heads"


@settings(max_examples=20)
@given(sizes)
def test_a_mask_without_unsqueeze_raises_unless_broadcasting_allows_it_and_is_right_for_one_sentence(chosen):
    found = compare(MASK, chosen)
    batch, length = chosen.batch, chosen.length
    try:
        torch.broadcast_shapes((batch, length), (length, length))
    except RuntimeError:
        assert found.outcome == "raises"
        assert found.pairs[found.first].verdict == "raised"
    else:
        assert batch in (1, length) or length == 1
    if batch == 1:
        assert found.outcome == "right"
    if batch == length > 1 and min(chosen.padding, length - 1) > 1:
        # Padding of sentence b now hides keys from word b of every sentence.
        hidden = values(found, "wrong")["mask"]
        assert torch.equal(hidden, found.material.padding | found.material.future)
        assert found.outcome == "wrong"


@settings(max_examples=15)
@given(sizes)
def test_an_inverted_mask_gives_words_only_what_should_be_hidden(chosen):
    found = compare(INVERTED, chosen)
    weights, hidden = values(found, "wrong")["weights"], found.material.hidden.unsqueeze(1)
    assert found.outcome == "wrong"
    empty = ~hidden.any(dim=-1, keepdim=True).expand(-1, chosen.heads, -1, -1)
    assert torch.equal(weights.isnan().any(dim=-1, keepdim=True), empty)
    assert weights.nan_to_num(0.0)[~hidden.expand_as(weights)].count_nonzero() == 0


@settings(max_examples=15)
@given(sizes)
def test_dividing_by_the_root_of_d_model_makes_scores_smaller_by_the_root_of_the_heads(chosen):
    found = compare(ROOT, chosen)
    right, wrong = values(found, "right")["scaled"], values(found, "wrong")["scaled"]
    torch.testing.assert_close(wrong * math.sqrt(chosen.heads), right)
    if chosen.heads == 1:
        assert found.outcome == "right"
        assert found.first is None
    if chosen.heads > 1 and chosen.length > 2 and chosen.padding == 0:
        assert symptom(ROOT, chosen).headline == "wrong numbers, and nothing else"


@settings(max_examples=20)
@given(sizes)
def test_a_forgotten_contiguous_raises_where_view_needs_it(chosen):
    found = compare(PACK, chosen)
    moved = torch.zeros(chosen.batch, chosen.heads, chosen.length, chosen.d_k).permute(0, 2, 1, 3)
    if chosen.heads == 1 or chosen.length == 1:
        assert found.outcome == "right"
        assert found.difference == 0
        return
    with pytest.raises(RuntimeError) as raised:
        moved.view(chosen.batch, chosen.length, chosen.d_model)
    assert found.error == str(raised.value)
    assert found.pairs[found.first].name == "concat"


@settings(max_examples=15)
@given(sizes)
def test_a_softmax_over_the_queries_makes_columns_sum_to_1_and_hidden_ones_nan(chosen):
    found = compare(SOFTMAX, chosen)
    weights = values(found, "wrong")["weights"]
    columns = weights.sum(dim=-2)
    whole = found.material.hidden.all(dim=-2).unsqueeze(1).expand_as(columns)
    assert torch.equal(columns.isnan(), whole)
    torch.testing.assert_close(columns[~whole], torch.ones_like(columns[~whole]))
    if chosen.length == 1:
        assert found.outcome == "right"


@settings(max_examples=20)
@given(sizes)
def test_the_sources_length_raises_exactly_where_it_is_not_the_targets(chosen):
    found = compare(SOURCE, chosen)
    assert found.outcome == ("right" if chosen.source == chosen.length else "raises")
    if found.error:
        assert found.pairs[found.first].name == "query_cut"
        assert [pair.name for pair in found.pairs if pair.verdict == "same"] == ["query", "key", "value"]
    else:
        assert found.difference == 0


@settings(max_examples=15)
@given(sizes)
def test_a_merge_without_permute_reads_memory_as_it_lies(chosen):
    found = compare(MERGE, chosen)
    wrong = values(found, "wrong")
    assert torch.equal(wrong["concat"].flatten(), wrong["mixed"].flatten())
    assert (found.outcome == "right") == (chosen.heads == 1 or chosen.length == 1)


@settings(max_examples=15)
@given(sizes)
def test_without_a_permute_each_token_compares_its_own_heads_and_only_the_mask_may_object(chosen):
    found = compare(UNMOVED, chosen)
    wrong = values(found, "wrong")
    query, key = (wrong[name].view(chosen.batch, chosen.length, chosen.heads, chosen.d_k) for name in ("query", "key"))
    torch.testing.assert_close(wrong["scores"], torch.einsum("blhd,blgd->blhg", query, key))
    if chosen.heads > 1 and chosen.length > 1:
        assert found.pairs[found.first].name == "key_t"
        assert found.outcome == ("wrong" if chosen.heads == chosen.length else "raises")


def test_norm_before_is_what_torch_calls_norm_first():
    found = compare(NORM, USUAL)
    stuff = found.material
    normed = torch.nn.functional.layer_norm(stuff.x, (USUAL.d_model,))
    output = values(found, "wrong")["output"]
    torch.testing.assert_close(values(found, "wrong")["added"], stuff.x + output)
    torch.testing.assert_close(values(found, "wrong")["query"], stuff.layer.w_q(normed))
    assert found.pairs[found.first].name == "query"
    assert symptom(NORM, USUAL).headline == "not normalised"


@pytest.mark.parametrize("mistake", range(10))
def test_a_wrong_program_is_the_right_one_but_for_the_lines_of_the_diff(mistake):
    def lines(text):
        return [line.strip() for line in text.splitlines() if line.strip()]

    right, wrong = lines(text_of(None)), lines(text_of(MISTAKES[mistake]))
    diff = difference(MISTAKES[mistake]).splitlines()
    assert sorted(set(right) - set(wrong)) == sorted(line[2:] for line in diff if line.startswith("+"))
    assert sorted(set(wrong) - set(right)) == sorted(line[2:] for line in diff if line.startswith("-"))


@pytest.mark.parametrize("mistake", range(10))
def test_shape_comments_of_both_programs_are_true(mistake):
    for chosen in (USUAL, SublayerSizes(2, 2, 2, 3, 4, 1)):
        crossed = MISTAKES[mistake].crossed
        keys = chosen.source if crossed else chosen.length
        lengths = {"B": chosen.batch, "L": chosen.length, "L_k": keys, "H": chosen.heads, "d_k": chosen.d_k}
        known = {**lengths, "d_model": chosen.d_model, "1": 1}
        for pair in compare(mistake, chosen).pairs:
            for step in filter(None, (pair.right, pair.wrong)):
                assert [known[symbol] for symbol in step.axes if symbol] == list(step.shape) or step.name == "eq"


def test_before_the_first_difference_all_is_the_same_to_the_bit():
    for mistake in range(10):
        found = compare(mistake, USUAL)
        before = [pair for pair in found.pairs[: found.first] if pair.right and pair.wrong]
        assert all(torch.equal(pair.right.value, pair.wrong.value) for pair in before)
        assert found.pairs[found.first].is_wrong


def test_the_future_leaks_from_a_straight_split_and_from_a_straight_merge():
    for mistake in (SPLIT, MERGE, INVERTED, SOFTMAX):
        assert "the future leaks" in symptom(mistake, USUAL).headline
    for mistake in (ROOT, NORM):
        assert "the future leaks" not in symptom(mistake, USUAL).headline


def test_differences_count_infinities_and_nan():
    nan, inf = math.nan, math.inf
    assert apart(torch.tensor([1.0, nan, -inf]), torch.tensor([1.0, nan, -inf])) == (0, 0.0)
    assert apart(torch.tensor([1.0, 2.0, 0.0]), torch.tensor([1.5, 2.0, -3.0])) == (2, 3.0)
    assert apart(torch.tensor([1.0, 2.0]), torch.tensor([-inf, 2.0])) == (1, inf)
    assert math.isnan(apart(torch.tensor([1.0]), torch.tensor([nan]))[1])
    assert apart(torch.tensor([True, False]), torch.tensor([False, False])) == (1, 1.0)


@settings(max_examples=20)
@given(sizes, st.sampled_from(CHANGES))
def test_a_change_of_sizes_changes_one_size_and_says_it(chosen, change):
    says, other = changed(chosen, change)
    differing = [name for name in vars(chosen) if getattr(chosen, name) != getattr(other, name)]
    assert len(differing) == 1
    assert says
    if change == "batch = length":
        assert (other.batch == other.length) == (chosen.batch != chosen.length)


def test_other_sizes_are_run_and_not_looked_up():
    found = dict(with_other_sizes(MASK, USUAL))
    assert {says: one.outcome for says, one in found.items()} == {
        "one head": "raises",
        "one sentence": "right",
        "batch 5, length 5": "wrong",
        "one word": "raises",
        "length 4, 4 heads": "raises",
        "no padding": "raises",
    }


@pytest.mark.parametrize("mistake", range(10))
@pytest.mark.parametrize("chosen", [USUAL, SublayerSizes(4, 4, 4, 2, 4, 3)])
def test_the_code_prints_what_the_experiment_found(mistake, chosen, capsys):
    exec(code(mistake, chosen), {})
    printed, *others = capsys.readouterr().out.splitlines()
    found = compare(mistake, chosen)
    if found.error:
        assert printed == found.error
    else:
        said = float(re.fullmatch(r"largest difference (\S+)", printed)[1])
        assert said == pytest.approx(found.difference, rel=1e-3, abs=1e-9, nan_ok=True)
    for printed, (name, run) in zip(others, with_other_sizes(mistake, chosen), strict=True):
        label, _, said = printed.rpartition(": ")
        assert label == name
        if run.error:
            assert said == "raises"
        else:
            assert float(said) == pytest.approx(run.difference, rel=1e-2, abs=1e-6, nan_ok=True)
