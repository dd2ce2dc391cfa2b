"""Servers and peers that several kinds of tests need."""
