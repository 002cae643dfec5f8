"""A standing from any call log."""

import json
from pathlib import Path

import pytest

from engine.errors import InputError, NotFound, ProblemsFound
from engine.steps.analyze import analyze


def make_log(folder: Path, text: str) -> Path:
    """A call log with these lines."""
    path = folder / "calls.csv"
    path.write_text(text, encoding="utf-8")
    return path


def make_rows(folder: Path, rows: list[str], header: str = "arm,converted,revenue,cost,before,tier") -> Path:
    """A log of contacts under the usual columns."""
    return make_log(folder, "\n".join([header, *rows]) + "\n")


def make_pair(folder: Path, people: int = 400) -> Path:
    """Two arms with a conversion of 10 % and 20 %, in two tiers."""
    rows = [
        f"{arm},{int(number % every == 0)},{number % 7},{1 + number % 3},{number % 7 + number % 2},"
        f"{'new' if number % 4 else 'old'}"
        for arm, every in (("control", 10), ("story", 5))
        for number in range(people)
    ]
    return make_rows(folder, rows)


def test_a_log_gives_a_standing(tmp_path):
    """Rate, mean and ratio of one file; the first metric decides."""
    found = analyze(
        make_pair(tmp_path), "arm", "control",
        ["converted=converted:rate", "revenue=revenue:mean", "cost_per_conversion=cost:ratio/converted"],
    )  # fmt: skip

    json.dumps(found, allow_nan=False)
    assert found["experiment"] == "calls"
    assert [(each["name"], each["kind"], each["role"]) for each in found["metrics"]] == [
        ("converted", "rate", "primary"),
        ("revenue", "mean", "secondary"),
        ("cost_per_conversion", "ratio", "secondary"),
    ]
    assert found["metrics"][0]["arms"][1] == {
        "arm": "story", "contacts": 400, "total": 80.0, "estimate": 0.2,
        "interval": pytest.approx([0.1638, 0.2420], abs=1e-4),
    }  # fmt: skip
    assert found["metrics"][2]["better"] == "lower"
    assert found["metrics"][2]["zh"] == "单个转化成本"
    assert (found["verdict"]["status"], found["verdict"]["arm"]) == ("winner", "story")
    assert found["metrics"][0]["denominator"] == "rows"


def test_nothing_in_a_file_proves_a_random_assignment(tmp_path):
    """An outside log is analyzed, and its reader is told what it cannot show."""
    found = analyze(make_pair(tmp_path), "arm", "control", ["converted=converted:rate"])

    assert any("assigned at random" in warning for warning in found["warnings"])
    assert any("Rows are taken for contacts" in warning for warning in found["warnings"])


def test_attempts_are_folded_into_contacts(tmp_path):
    """When a column names who, a contact counts once however often it was called."""
    rows = [
        f"{arm},{number},{attempt == 2 and number % 5 == 0}"
        for arm in ("a", "b")
        for number in range(50)
        for attempt in (1, 2)
    ]
    rows = [row.replace(",", f",{row[0]}", 1) for row in rows]
    path = make_rows(tmp_path, rows, header="arm,person,ok")

    found = analyze(path, "arm", "a", ["ok=ok:rate"], contact="person")

    assert found["metrics"][0]["denominator"] == "contacts"
    assert found["metrics"][0]["arms"][0]["contacts"] == 50
    assert found["metrics"][0]["arms"][0]["total"] == 10
    assert len(found["warnings"]) == 1


def test_segments_split_the_first_metric(tmp_path):
    """Each value of the segment's column has its arms, with p-values corrected over the segments."""
    found = analyze(make_pair(tmp_path), "arm", "control", ["converted=converted:rate"], segment="tier")["segments"][0]

    assert found["column"] == "tier"
    assert {each["value"] for each in found["values"]} | set(found["hidden"]) == {"new", "old"}
    assert found["exploratory"]


def test_a_covariate_stands_beside_the_plain_number(tmp_path):
    """What was known before the call makes the mean's range shorter, never a ratio's."""
    found = analyze(
        make_pair(tmp_path), "arm", "control", ["revenue=revenue:mean", "cpc=cost:ratio/converted"], covariate="before"
    )

    low, high = found["metrics"][0]["comparisons"][0]["interval"]
    adjusted = found["metrics"][0]["comparisons"][0]["adjusted"]
    assert adjusted["interval"][1] - adjusted["interval"][0] < high - low
    assert "adjusted" not in found["metrics"][1]["comparisons"][0]


def test_less_may_be_better(tmp_path):
    """A metric declared as lower-is-better turns a rise into a loss."""
    found = analyze(make_pair(tmp_path), "arm", "control", ["refused=converted:rate"], lower=["refused"])

    assert found["metrics"][0]["better"] == "lower"
    assert found["verdict"]["arms"] == {"story": "loser"}


def test_blank_cells_are_refused_or_counted_and_told(tmp_path):
    """A blank is never left out: everyone in the log is in the denominator."""
    path = make_rows(tmp_path, ["control,yes", "control,", "story,no", "story,yes"], header="arm,ok")

    with pytest.raises(ProblemsFound, match="blank in 1 rows"):
        analyze(path, "arm", "control", ["ok=ok:rate"])
    found = analyze(path, "arm", "control", ["ok=ok:rate"], missing="zero")

    assert any("Blank cells were counted as zero: ok (1)." in warning for warning in found["warnings"])
    assert found["metrics"][0]["arms"][0]["contacts"] == 2


def test_a_log_of_one_arm_has_nothing_to_compare(tmp_path):
    """The control alone is shown, and nothing is claimed."""
    found = analyze(make_rows(tmp_path, ["control,yes", "control,no"], header="arm,ok"), "arm", "control", ["ok=ok"])

    assert found["verdict"]["status"] == "not_enough_people"
    assert found["metrics"][0]["comparisons"] == []


@pytest.mark.parametrize(
    ("metrics", "options", "error", "words"),
    [
        ([], {}, InputError, "at least one metric"),
        (["converted"], {}, InputError, "NAME=COLUMN"),
        (["a=convertd:rate"], {}, ProblemsFound, "did you mean 'converted'"),
        (["a=converted:rate"], {"control": "contrl"}, NotFound, "did you mean 'control'"),
        (["a=converted:rate"], {"alpha": 0.0}, InputError, "alpha"),
    ],
)
def test_what_cannot_be_analyzed_is_refused(tmp_path, metrics, options, error, words):
    """The error names the place and the cure."""
    with pytest.raises(error, match=words):
        analyze(make_pair(tmp_path), "arm", metrics=metrics, **({"control": "control"} | options))


def test_numbers_agree_with_an_independent_implementation(tmp_path):
    """Wilson, Newcombe and the pooled test of statsmodels, on a log with unequal arms."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from statsmodels.stats.proportion import (
            confint_proportions_2indep,
            proportion_confint,
            test_proportions_2indep,
        )
    rows = ["a,yes"] * 37 + ["a,no"] * 263 + ["b,yes"] * 95 + ["b,no"] * 505
    metric = analyze(make_rows(tmp_path, rows, header="arm,ok"), "arm", "a", ["ok=ok:rate"])["metrics"][0]

    comparison = metric["comparisons"][0]
    assert metric["arms"][0]["interval"] == pytest.approx(proportion_confint(37, 300, method="wilson"), abs=1e-9)
    assert comparison["interval_newcombe"] == pytest.approx(
        confint_proportions_2indep(95, 600, 37, 300, method="newcomb"), abs=1e-9
    )
    assert comparison["p_value"] == pytest.approx(
        test_proportions_2indep(95, 600, 37, 300, method="score").pvalue, abs=1e-9
    )


def make_attempts(folder: Path, seed: int = 4, people: int = 400) -> tuple[Path, list[tuple[str, int, int]]]:
    """Attempts of people who differ in how often they are called and in how readily they answer: arm, who, answered."""
    import numpy as np

    random = np.random.default_rng(seed)
    rows = []
    for arm, lift in (("control", 0.0), ("story", 0.1)):
        for number in range(people):
            ready = random.beta(1, 3) + lift
            attempts = 1 + random.poisson(2 * (1 - ready) if ready < 1 else 0)
            rows += [(arm, number, int(random.uniform() < ready)) for _ in range(attempts)]
    lines = [f"{arm},{arm}{who},{'yes' if answered else 'no'}" for arm, who, answered in rows]
    random.shuffle(lines)
    return make_rows(folder, lines, header="arm,person,answered"), rows


def test_attempts_are_clustered_by_contact(tmp_path):
    """Per person, as by hand; per attempt, as statsmodels' cluster-robust least squares, which decides nothing."""
    import numpy as np
    import statsmodels.api as sm

    path, rows = make_attempts(tmp_path)
    found = analyze(path, "arm", "control", ["answered=answered:rate"], contact="person")
    per_person, per_attempt = found["metrics"]
    ever: dict[tuple[str, int], int] = {}
    for arm, who, answered in rows:
        ever[arm, who] = max(ever.get((arm, who), 0), answered)
    arms = np.array([arm == "story" for arm, _, _ in rows], dtype=float)
    answers = np.array([answered for _, _, answered in rows], dtype=float)
    groups = np.array([who + 1000 * (arm == "story") for arm, who, _ in rows])
    fit = sm.OLS(answers, sm.add_constant(arms)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}, use_t=False
    )

    for arm in per_person["arms"]:
        assert arm["total"] == sum(done for (home, _), done in ever.items() if home == arm["arm"])
        assert arm["contacts"] == 400
    assert (per_attempt["name"], per_attempt["role"]) == ("answered_per_attempt", "descriptive")
    assert (per_attempt["denominator"], per_attempt["kind"]) == ("attempts", "ratio")
    comparison = per_attempt["comparisons"][0]
    assert comparison["difference"] == pytest.approx(fit.params[1], rel=1e-9)
    low, high = comparison["interval"]
    assert (high - low) / 2 == pytest.approx(1.959964 * fit.bse[1], rel=0.005)
    assert found["metrics"][0]["role"] == "primary"


def test_attempts_taken_for_people_are_too_sure(tmp_path):
    """Over A/A logs, attempts counted as people cry wolf too often; clustered by contact they do not."""
    import numpy as np

    from engine.stats.rates import difference
    from engine.stats.ratios import ratio_difference
    from engine.stats.tallies import Tally

    random, naive, clustered, logs = np.random.default_rng(9), 0, 0, 200
    for _ in range(logs):
        arms = []
        for _ in range(2):
            ready = random.beta(0.5, 1.5, 200)
            attempts = 1 + random.poisson(3, 200)
            arms.append((random.binomial(attempts, ready), attempts))
        (x1, n1), (x0, n0) = arms
        naive += difference(treated=(x1.sum(), n1.sum()), control=(x0.sum(), n0.sum())).p_value < 0.05
        clustered += ratio_difference(Tally.of(x1, n1), Tally.of(x0, n0)).p_value < 0.05

    assert naive / logs > 0.15
    assert clustered / logs < 0.05 + 3 * (0.05 * 0.95 / logs) ** 0.5


def test_a_contact_in_two_arms_is_a_problem_with_its_count(tmp_path):
    """No tally could count such a contact once: the log is refused, and says how many there are."""
    path = make_rows(tmp_path, ["a,p1,yes", "b,p1,no", "a,p2,no", "b,p3,no"], header="arm,person,ok")

    with pytest.raises(ProblemsFound, match="1 contacts are in more than one arm"):
        analyze(path, "arm", "a", ["ok=ok:rate"], contact="person")


def test_blanks_of_attempts_are_told_once(tmp_path):
    """The number per attempt reads the same cells, and repeats no complaint about them."""
    path = make_rows(tmp_path, ["a,p1,yes", "a,p1,", "b,p3,no"], header="arm,person,ok")

    with pytest.raises(ProblemsFound) as refused:
        analyze(path, "arm", "a", ["ok=ok:rate"], contact="person")
    found = analyze(path, "arm", "a", ["ok=ok:rate"], contact="person", missing="zero")

    assert len(refused.value.problems) == 1
    assert any("ok (1)." in warning for warning in found["warnings"])
    assert found["metrics"][1]["arms"][0]["estimate"] == pytest.approx(0.5)


def make_mixture(folder: Path) -> Path:
    """Two arms that are alike in either tier, and hold other shares of the tiers."""
    rows = []
    for arm, old, new in (("control", 800, 200), ("story", 200, 800)):
        for tier, people, every in (("old", old, 20), ("new", new, 4)):
            rows += [f"{arm},{int(number % every == 0)},1,1,1,{tier}" for number in range(people)]
    return make_rows(folder, rows)


def test_arms_of_other_mixtures_are_told_and_compared_like_with_like(tmp_path):
    """Where chance did not deal the arms the segment shows it: a warning, and the lift within the segment's values."""
    found = analyze(make_mixture(tmp_path), "arm", "control", ["converted=converted:rate"], segment="tier")
    alike = analyze(make_pair(tmp_path), "arm", "control", ["converted=converted:rate"], segment="tier")
    comparison = found["metrics"][0]["comparisons"][0]

    assert comparison["difference"] == pytest.approx(0.12)
    assert comparison["stratified"]["difference"] == pytest.approx(0.0, abs=1e-9)
    assert any("by tier" in warning and "control 20%, story 80%" in warning for warning in found["warnings"])
    assert not any("mixtures" in warning for warning in alike["warnings"])


def test_a_covariate_of_words_is_pointed_to_the_segment(tmp_path):
    """Months and tiers are no numbers; the error says where words belong."""
    with pytest.raises(ProblemsFound, match="a column of words is for --segment"):
        analyze(make_pair(tmp_path), "arm", "control", ["converted=converted:rate"], covariate="tier")
