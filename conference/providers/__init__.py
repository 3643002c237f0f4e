"""The providers Lockstep speaks to, one file each, behind the protocol of `conference.providers.protocol`."""
