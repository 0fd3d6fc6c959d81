"""Exit codes of the ``smart-cell`` command."""

OK = 0
NOT_AS_ORDERED = 1  # of simulate and run: an order did not end as it should
PROBLEMS = 1  # of check
UNREADABLE = 2  # input that can not be read, or wrong usage
FAILED = 3  # a process or device failed
INTERRUPTED = 130  # Ctrl-C
