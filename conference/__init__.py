"""What Lockstep decides: events, meetings, the links between them, and what to do when they differ."""
