"""Players: sound files and tones, given to the engine as samples."""

from collections.abc import Callable
from pathlib import Path

from ipc.messages import Refusal
from relay.api import Play, PlayerEnded, PlayTone, StopPlayer
from relay.engine import Engine
from relay.playing import tones
from relay.playing.soundfile import Samples, SoundFileError
from relay.playing.sounds import RATE, Sounds


class Players:
    def __init__(self, engine: Engine, tell: Callable[[PlayerEnded], None]) -> None:
        self._engine = engine
        self._tell = tell
        self._sounds = Sounds()
        self._wanted: dict[tuple[str, str], Play | PlayTone] = {}
        """By room and name: those that sound and those that are being read."""

    async def play(self, command: Play) -> None:
        """Returns once the player sounds, or was stopped before it did. Raises Refusal."""
        self._claim(command)
        try:
            samples = await self._sounds.get(Path(command.path))
        except (OSError, SoundFileError):
            self._give_up(command)
            raise Refusal("bad_prompt", "the sound file cannot be read") from None
        if self._wanted.get((command.room, command.player)) is command:
            # else it was stopped, and perhaps another has its name now
            self._start(command, samples, RATE, command.loop)

    def play_tone(self, command: PlayTone) -> None:
        """Raises Refusal."""
        try:
            cadence = tones.cadence_of(command.tone, command.country)
        except KeyError:
            raise Refusal("bad_prompt", "the tones of this country are not known") from None
        self._claim(command)
        self._start(command, tones.render(cadence), tones.RATE, tones.is_endless(command.tone))

    def close(self) -> None:
        """What is being decoded is not waited for."""
        self._sounds.close()

    def stop(self, command: StopPlayer) -> None:
        """Of one that is not there (any more) nothing happens."""
        self._wanted.pop((command.room, command.player), None)
        self._engine.remove_player(command.room, command.player)

    def ended(self, room: str, player: str) -> None:
        """The engine has played it to its end."""
        self._wanted.pop((room, player), None)
        self._tell(PlayerEnded(player, room))

    def room_ended(self, room: str) -> None:
        """The room has no leg any more; its players are gone with it."""
        self._wanted = {player: play for player, play in self._wanted.items() if player[0] != room}

    def _claim(self, command: Play | PlayTone) -> None:
        player = (command.room, command.player)
        if player in self._wanted:
            raise Refusal("exists", "the room has a player of this name")
        self._wanted[player] = command

    def _start(self, command: Play | PlayTone, samples: Samples, rate: int, loop: bool) -> None:
        try:
            self._engine.add_player(command.room, command.player, samples, rate, loop)
        except KeyError:
            self._give_up(command)
            raise Refusal("no_such_room", "the room has no leg any more") from None
        except ValueError:
            self._give_up(command)
            raise Refusal("exists", "the room has a leg of this name") from None

    def _give_up(self, command: Play | PlayTone) -> None:
        player = (command.room, command.player)
        if self._wanted.get(player) is command:
            del self._wanted[player]
