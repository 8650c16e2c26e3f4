"""Session descriptions: what is offered and answered of a leg's audio (RFC 3264). Pure."""
