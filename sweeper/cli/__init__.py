"""The command line: parse, compose, print, exit code."""
