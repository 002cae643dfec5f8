"""Numbers in, numbers out: what tallies say about arms.

Nothing here knows of calls, contacts' names or databases. Every function takes counts or
tallies, refuses what cannot be with a `ValueError` that names the argument, and returns
plain numbers. Modules import numpy and scipy inside the functions that need them, so that
importing this package costs nothing.

    estimates      a value with its range and p-value; a lift before its level is chosen
    tallies        an arm's count, total and squares; tallies add
    rates          one rate, two rates, many at once, strata
    exact          Clopper-Pearson and Boschloo for small samples
    means          Welch; a cap on what one contact can weigh
    ratios         cost per conversion and its like: delta method, Fieller
    adjust         a covariate or strata known before the call make ranges shorter
    logistic       several covariates at once: the lift standardized over everybody
    multiplicity   many arms, many metrics
    families       all arms of all metrics against their controls, in a few large steps
    trend          arms that stand in an order
    survival       how long conversions take: Kaplan-Meier, log-rank, what is still to come
    pooling        one effect from many experiments, and past winners drawn toward it
    homogeneity    are many the same: rates over arms, lifts over segments
    balance        did every arm get its share
    power          how many people a question needs
    anytime        the race of two odds, safe at every look; harm
    sameness       an arm that differs by less than a margin, to either side
    group          a few looks, fixed beforehand: bounds, power, chances to stop
    after_stopping what an effect is worth once a planned look ended the experiment
    beliefs        probability of being best, expected loss
    after_win      what a winner's lift is worth once it has been picked for being high

Beneath them: `arguments` (what may be asked), `normal`, `roots`, `fitted`, `score` (the tests of rates),
`spending` and `walk` (the designs of `group`, and the walk they bound), `odds`, `harm`, `bets` (the race's
evidence), `race_plans` and `lanes` (a race's plan, and many races at once), `ranges` (the race, inverted).
"""
