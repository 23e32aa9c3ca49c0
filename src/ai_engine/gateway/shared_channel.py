"""One answer for several clients: each follows it from its beginning."""

from __future__ import annotations

from ai_engine.gateway.channel import AnswerChannel

__all__ = ["SharedChannel"]


class SharedChannel(AnswerChannel):
    """An answer that is recorded; each follower gets all of it, from the first frame on.

    The provider is not slowed down for a slow client: others may read, and the whole is bounded anyway.
    """

    def __init__(self) -> None:
        super().__init__()
        self._record: list[bytes] = []
        self._followers: list[AnswerChannel] = []

    @property
    def recorded(self) -> bytes:
        """All that has come."""
        return b"".join(self._record)

    def follow(self) -> AnswerChannel:
        """Return a channel of one's own for the whole answer."""
        follower = AnswerChannel()
        for frame in self._record:
            follower.put(frame)
        if self.is_closed:
            follower.error = self.error
            follower.close()
        else:
            self._followers.append(follower)
        return follower

    def put(self, frame: bytes) -> None:
        """Add a frame."""
        if not frame:
            return
        self.has_begun = True
        self._record.append(frame)
        for follower in self._followers:
            follower.put(frame)

    def close(self) -> None:
        """Add nothing more."""
        super().close()
        followers, self._followers = self._followers, []
        for follower in followers:
            follower.error = self.error
            follower.close()

    async def room(self) -> None:
        """Wait for nothing."""
