"""From a closed spool to a sound and its manifest, in a process of its own."""
