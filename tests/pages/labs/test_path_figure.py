"""The figure of path lengths: what it draws is what was counted."""

import re

from engine.labs.long_range.paths import word_paths
from pages.ui.labs.long_range.path_figure import paths_html
from tests.pages.labs.opened import lab, revealed


def test_every_step_between_two_words_is_an_arc_and_every_word_on_the_way_is_filled():
    n, d = 9, 4
    figures = dict(re.findall(r'data-kind="(\w+)"(.*?)</figure>', paths_html(word_paths(n, d), n, d), re.DOTALL))
    assert list(figures) == ["attention", "convolution", "rnn", "bottleneck"]
    for name, path in word_paths(n, d).items():
        figure, stops = figures[name], {0, *path.positions}
        assert f"<b>{path.steps} step" in figure
        assert figure.count('<i style="left') == len(stops) - 1
        assert figure.count('<u class="way"') == len(stops)
        assert figure.count("<u") == max(n, path.positions[-1] + 1)
        assert f"{path.carried} " in figure
        [share] = re.findall(r'<i style="width: ([\d.]+)%"', figure)
        assert abs(float(share) - 100 * path.carried / (n * d)) < 0.01
    assert "<b>1 step</b>" in figures["attention"]
    assert "<b>4 steps</b>" in figures["convolution"]
    assert "<b>9 steps</b>" in figures["rnn"]
    assert "<b>10 steps</b>" in figures["bottleneck"]


def test_the_figure_follows_the_sliders_of_the_lab():
    for n, d in ((6, 5), (24, 16)):
        app = revealed(lab("long_range", length=n, d=d))
        assert paths_html(word_paths(n, d), n, d) in [html.proto.body for html in app.get("html")]
