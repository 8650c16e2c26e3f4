"""The errors that end a command of the user.

StartError              one line that says what to do; exit status 2
├── ConfigError         the configuration file, an option or an environment variable
├── FolderError         the data directory
└── PortError           an address that cannot be listened on
"""


class StartError(Exception):
    """Telephonist cannot start; the message says what to do."""


class ConfigError(StartError):
    """The configuration cannot be used."""


class FolderError(StartError):
    """The data directory cannot be used."""


class PortError(StartError):
    """An address and port cannot be listened on."""
