"""Space, grid, samplers, pruners: the only importer of optuna."""
