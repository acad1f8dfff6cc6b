"""Searches: `gan-train -m hydra/sweeper=optuna`, a sweep whose jobs Optuna chooses by what came of those before."""
