"""What spans several fields of an experiment file, each problem at its place."""

from engine.definitions.arms import check_arms, check_shares, check_truth
from engine.definitions.crossing import check_design
from engine.definitions.drafts import Draft
from engine.definitions.offers import check_offers
from engine.definitions.people import check_people
from engine.definitions.plans import check_names, check_plans
from engine.definitions.regional import check_regional
from engine.definitions.times import check_times

CHECKS = (
    check_names, check_people, check_arms, check_design, check_shares, check_truth, check_times, check_offers,
    check_plans, check_regional,
)  # fmt: skip


def check_meaning(draft: Draft) -> None:
    """Asks every check; what they find is in the draft's findings."""
    for check in CHECKS:
        check(draft)
