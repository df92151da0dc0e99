"""Sweep file in, frozen configuration out."""
