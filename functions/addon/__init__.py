"""The Workspace add-on over HTTP: one module for each thing that Google Workspace asks of it.

Authority: https://developers.google.com/workspace/add-ons/guides/alternate-runtimes
"""
