"""Outside files in: contacts, call logs and conversions, and tables out.

    files        what a file is: CSV or Parquet, its encoding, delimiter and columns
    rows         any such file as batches of rows, in flat memory
    rejects      what cannot be used, with its line, reason and cure
    tables       whole columns at once: the analytic engine, and tables written as CSV or Parquet
    phones       what people write in a phone column, as E.164 with kind and time zones
    times        what people write in a time column, as an instant
    seen         which identities a file has named already
    tiers        how much a contact has been worth, by recency, frequency and money
    contacts     rows as contacts
    conversions  rows as conversions
    calllogs     a call log as tallies: logfiles opens it, logmetrics says what is asked,
                 logcells what a cell means, logqueries asks

Its modules load the analytic engine and the numbering plans: import them where they are needed.
"""
