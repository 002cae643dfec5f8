"""A factorial round on its page."""

from typing import Any

from dashboards.pages.crossing import compared_with, crossing_of
from dashboards.pages.results import results_page
from dashboards.rendering.languages import words
from engine.core.cells import Cells
from tests.core.test_crossed import make_cells, make_standing
from tests.dashboards.makers import Steps, make_client, make_results

ONE = "/experiments/gift-first-2026-11"


def shown(cells: Cells, **changes: Any) -> dict[str, Any]:
    """The standing of a round as a page gets it."""
    return make_standing(cells) | {"smallest_useful_lift": 0.01} | changes


def test_lifts_stand_variable_by_variable_on_one_scale() -> None:
    """Each variable has its verdict, its picture and its sentence; the one picture of all arms gives way to them."""
    page = results_page(make_results(shown(make_cells({"gift": 0.04, "box": 0.03}))), words("en"))
    assert page.lift is None
    assert page.crossing is not None
    assert [one.variable for one in page.crossing.variables] == ["script", "incentive", "path"]
    assert [one.word for one in page.crossing.variables] == ["Winner", "Winner", "Not enough people yet"]
    assert all('role="img"' in str(one.picture) for one in page.crossing.variables)
    zero = {
        str(one.picture).split('class="zero"')[0].split('x1="')[-1].split("%")[0] for one in page.crossing.variables
    }
    assert len(zero) == 1
    chosen = page.crossing.combination
    assert chosen is not None
    assert chosen.arms == (("gift", "script"), ("box", "incentive"))


def test_the_headline_counts_the_people_of_the_arm_s_own_variable() -> None:
    """The control of a level is its variable's control level, not the mean over variables."""
    standing = shown(make_cells({"gift": 0.04, "box": 0.03}))
    page = results_page(make_results(standing), words("en"))
    assert page.headline is not None
    assert (page.headline.arm, page.headline.control_people) == ("gift", compared_with(standing, "gift"))
    assert page.headline.people == page.headline.control_people


def test_a_pair_that_does_not_add_up_is_marked() -> None:
    """Only what holds after correction over all pairs is called so, in a word and not by color alone."""
    crossing = crossing_of(
        shown(make_cells({"gift": 0.05, "box": 0.05}, 2000, {("gift", "box"): -0.07})),
        results_page(make_results(shown(make_cells({}))), words("en")).primary, words("en"), blank=False,
    )  # fmt: skip
    assert crossing is not None
    assert [pair.arms for pair in crossing.pairs if pair.strong] == ["gift + box"]
    assert crossing.combination is not None
    assert crossing.combination.warnings


def test_a_data_problem_blanks_the_whole_part() -> None:
    """Where the data cannot be trusted nothing of the combinations is shown."""
    standing = shown(make_cells({"gift": 0.04}))
    standing["balance"][0] |= {"ok": False}
    assert results_page(make_results(standing), words("en")).crossing is None


def test_the_page_says_it_in_both_languages(steps: Steps) -> None:
    """The parts of a factorial round are there in English and in Chinese, with warnings where two spoil each other."""
    steps.found = make_results(shown(make_cells({"gift": 0.05, "box": 0.05}, 2000, {("gift", "box"): -0.07})))
    client = make_client(open=True)
    english = client.get(ONE).text
    chinese = client.get(f"{ONE}?lang=zh-CN").text
    for said in ("The combination to confirm", "Variable by variable", "does not add up", "do less together"):
        assert said in english
    for said in ("待证实的组合", "逐个变量", "不能相加", "同时使用时比两者相加少"):
        assert said in chinese
