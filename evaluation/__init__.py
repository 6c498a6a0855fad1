"""Suites, metrics and reports that measure what the cores do."""
