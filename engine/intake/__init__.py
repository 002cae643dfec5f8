"""Outside files in: contacts, call logs and conversions, and tables out.

files        what a file is: CSV or Parquet, its encoding, delimiter and columns
rows         any such file as batches of rows, in flat memory
phones       what people write in a phone column, as E.164 with kind and time zones
times        what people write in a time column, as an instant
rejects      what cannot be used, with its line, reason and cure
contacts     rows as contacts
conversions  rows as conversions
tables       whole columns at once: the analytic engine, and tables written as CSV or Parquet
calllogs     a call log as tallies, in one query
"""
