"""The recorder as the control plane sees it, and what is asked of recordings."""
