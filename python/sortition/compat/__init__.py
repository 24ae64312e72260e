"""The names of other SDKs over sortition's clients, so that a program changes one import."""
