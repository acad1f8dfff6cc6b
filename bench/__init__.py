"""What proves the speed: measured by hand with `python -m bench <what>`, never by a timed test."""
