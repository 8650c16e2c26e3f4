"""Calls, both ways: what a dialog, its leg and its contact are to each other."""
