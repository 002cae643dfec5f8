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
