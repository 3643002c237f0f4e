"""The acceptance story: a person at the calendar, the whole product in between, the provider's meetings at the end."""
