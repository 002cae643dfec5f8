"""Experiments for outbound AI call campaigns: from a YAML file to a verdict.

    An experiment assigns contacts to arms; each contact gets calls; calls report events; events become
    outcomes; outcomes are tallied per arm; tallies give a verdict; a verdict gives the next round.

| word | where it is |
|---|---|
| experiment | `engine.core.experiments`; its file is read by `engine.definitions.loading` |
| assigns | `engine.core.assignment`; done by `engine.steps.enroll` |
| contact | `engine.core.contacts`; kept by `engine.store.roster` |
| arm | `engine.core.treatments`: what everybody in it experiences |
| call | `engine.core.calls`, `engine.core.redial`; placed by `engine.steps.dispatch` through `engine.telephony` |
| rule | `engine.core.rules`, over the rows of `engine.regions`; asked by `engine.steps.ruling` |
| event | `engine.core.events`; heard by `engine.steps.receive`, kept by `engine.store.ledger` |
| outcome | `engine.core.outcomes`; kept and summed by `engine.store.outcomes` |
| tallied | `engine.core.metrics`, `engine.stats.tallies` |
| verdict | `engine.core.verdicts`, on `engine.stats`; reached by `engine.steps.look` |
| next round | `engine.core.rounds`; written by `engine.steps.rounds` |
"""
