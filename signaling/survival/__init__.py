"""What outlives the control plane's process, and how a new one takes it over."""
