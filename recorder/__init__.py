"""Keeps sound: takes the taps of every relay worker, spools them encrypted, finalizes, delivers and reads back."""
