"""Google's authorization server for the Calendar server: who a token speaks for and what it may do."""
