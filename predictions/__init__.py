"""A claim → the runs it needs → a verdict. The command line and the report live here."""
