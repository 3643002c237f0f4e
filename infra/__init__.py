"""Where Lockstep stands: settings, wiring, and the adapters of each ground."""
