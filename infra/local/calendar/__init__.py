"""The Calendar server: Google Calendar's API v3 as its contract says, on this machine, for development and tests."""
