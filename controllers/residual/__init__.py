"""Learners of what the nominal model does not know, behind one protocol."""
