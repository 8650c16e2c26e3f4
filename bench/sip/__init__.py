"""Load on the control plane: SIP dialogs at a rate that no test caller with sound of its own would reach."""
