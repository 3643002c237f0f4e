"""The doors: a module for each kind of caller, imported where its first request comes."""
