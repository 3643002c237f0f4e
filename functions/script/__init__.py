"""Apps Script's installable triggers and services in Python: `from functions import script`.

Authority: https://developers.google.com/apps-script/reference/script
"""
