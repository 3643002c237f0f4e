"""Consent: people grant access to their calendar, have it checked, and take it back (docs/consent.md)."""
