"""The ``smart-cell`` command."""
