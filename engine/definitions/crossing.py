"""The factorial design: which variables can be drawn for each contact, and which combinations are never drawn."""

from engine.core.assignment import BLOCK_LIMIT
from engine.core.combinations import CONTROL
from engine.core.factorial import MOST_TIED, comparable, decks, options, tied, ties
from engine.definitions.drafts import Draft
from engine.definitions.findings import shown
from engine.definitions.places import Trail


def check_design(draft: Draft) -> None:
    """A factorial round draws two variables or more, by chance, in combinations that can be compared."""
    experiment, findings = draft.experiment, draft.findings
    if not findings.clean(("design",)):
        return
    if not experiment.is_factorial:
        if experiment.exclude and "exclude" in draft.data:
            message = "only a factorial round draws combinations; write `design: factorial`, or take this out"
            findings.at_key(("exclude",), message)
        return
    if "shares" in draft.data:
        message = "the levels of a variable have equal shares in a factorial round; take this out"
        findings.at_key(("shares",), message)
    if experiment.confirms is not None:
        message = "a confirming round sets one combination against the control; take `design: factorial` out"
        findings.at_value(("design",), message)
        return
    if experiment.pace.waves != "off" and findings.clean(("pace", "waves")):
        message = "a factorial round is called in one stream, because every contact serves every variable; write off"
        findings.at_value(("pace", "waves"), message)
    _check_variables(draft)
    whole = [_is_sound(draft, place) for place in range(len(experiment.exclude))]
    if all(whole) and findings.clean(("arms",), ("exclude",)):
        _check_ties(draft)


def _check_variables(draft: Draft) -> None:
    experiment, findings = draft.experiment, draft.findings
    for arm in experiment.levels.get("audience", ()):
        if findings.clean(("arms", arm)):
            message = (
                "changes audience, which nobody can be dealt; compare packs of people in an experiment of their own"
            )
            findings.at_key(("arms", arm), message)
    if len(experiment.levels) == 1 and findings.clean(("arms",)):
        message = "a factorial round draws two variables at least, and the arms change only one; take this out"
        findings.at_value(("design",), message)


def _is_sound(draft: Draft, place: int) -> bool:
    """Notes what is wrong with one exclusion by itself; returns whether nothing is."""
    findings, experiment = draft.findings, draft.experiment
    excluded, trail = experiment.exclude[place], ("exclude", place)
    if not findings.clean(trail):
        return False
    wrong = [variable for variable, arm in excluded.items() if not _is_level(draft, trail, variable, arm)]
    if wrong:
        return False
    if len(excluded) < 2:
        findings.at_value(trail, "an exclusion names two variables at least; to test no such level, leave its arm out")
    elif all(arm == CONTROL for arm in excluded.values()):
        findings.at_value(trail, "this excludes what people get today, with which everything is compared")
    elif excluded in experiment.exclude[:place]:
        findings.at_value(trail, "this combination stands here twice")
    else:
        return True
    return False


def _is_level(draft: Draft, trail: Trail, variable: str, arm: str) -> bool:
    findings, experiment = draft.findings, draft.experiment
    if variable not in experiment.levels:
        if findings.clean(("arms",)):
            message = f"no arm changes {shown(variable)}{findings.near(variable, experiment.levels)}"
            findings.at_key((*trail, variable), message, about=trail)
        return False
    known = options(experiment, variable)
    if arm in known:
        return True
    meant = [name for name in known if getattr(experiment.treatments[name], variable) == arm]
    hint = f"; did you mean {meant[0]!r}, the arm of it?" if meant else findings.near(arm, known)
    findings.at_value((*trail, variable), f"{shown(arm)} is no arm that changes {variable}{hint}")
    return False


def _check_ties(draft: Draft) -> None:
    """What exclusions tie together can be dealt in one block, and leaves every level something to compare."""
    experiment, findings = draft.experiment, draft.findings
    for group in ties(experiment):
        if len(group) > 1 and tied(experiment, group) > MOST_TIED:
            findings.at_key(("exclude",), f"ties {', '.join(group)} together, in too many combinations to be dealt")
            return
    for deck in decks(experiment):
        if len(deck.variables) > 1 and len(deck.shares) > BLOCK_LIMIT:
            findings.at_key(
                ("exclude",),
                f"ties {', '.join(deck.variables)} together in {len(deck.shares):,} combinations; a block has at most "
                f"{BLOCK_LIMIT}: exclude less, or take an arm out",
            )
        for variable in deck.variables:
            if not comparable(experiment, deck, variable):
                findings.at_key(("exclude",), f"leaves nowhere to compare all levels of {variable} side by side")
