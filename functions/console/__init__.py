"""The pages on which people see their calendar and its meetings side by side, and change events by hand."""
