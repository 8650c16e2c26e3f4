"""The control plane: SIP, softphones, the contact centre, HTTP. Decides; touches no audio."""
