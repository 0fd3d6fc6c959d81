"""What a run leaves behind: the event log, the report, and progress while it runs."""
