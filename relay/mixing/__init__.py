"""The sound of all legs in a tick: who hears whom, sums, encoders. Pure."""
