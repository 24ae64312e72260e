"""Fetching settings, keeping them up to date and reporting on them; the same for every platform."""
