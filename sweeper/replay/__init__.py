"""Replays searches on results that are known already: no training, no joules of its own."""
