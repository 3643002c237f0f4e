"""Adapters to Google: the Calendar client and the checking of Google-style identity tokens."""
