"""The command line: one module per group of verbs. Each parses words, calls one step and prints.

app        the command `ringlab` with every group in it
ending     how a command ends: its exit status, a bug's report
opening    the workspace and the time of a command
words      options that several commands have
numbers    percentages, lifts and pairs as people write them
printing   text, tables, JSON, notes and progress
figures    a standing as text
page       a standing as a self-contained HTML page
draining   Ctrl-C and SIGTERM, taken at the end of the work in hand

authoring  init, check, schema
campaign   plan, start, run, next
reading    status, results
control    pause, resume, stop
arithmetic compare, analyze, power
people     contacts        refusing  suppress        converting  conversions
library    scripts         providers adapters        storage     database
access     access tokens   serving   serve           playing     demo, simulate

Whatever is slow to import is imported inside the command that needs it: `ringlab --help` loads none of it.
"""
