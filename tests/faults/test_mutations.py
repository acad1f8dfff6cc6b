"""The list of mutations goes with the code; whether each is caught takes ten minutes: `make mutations`."""

from faults.mutations import ROOT, misfits


def test_every_mutation_still_has_its_place_in_the_code():
    assert misfits(ROOT) == []
