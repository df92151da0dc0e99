"""Objectives and the pools that train them: ray_pool.py alone imports ray."""
