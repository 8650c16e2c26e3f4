"""Alembic's place: env.py says on what to run, versions/ what to do."""
