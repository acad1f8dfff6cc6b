"""Sweeps: `gan-train -m`, several runs from one line."""
