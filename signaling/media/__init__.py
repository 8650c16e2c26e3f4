"""The relay workers as the control plane sees them, and what is spoken on calls."""
