"""What is so at a place in a chain, and which links are possible there."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ("Link", "Situation")


@dataclass(frozen=True)
class Situation:
    """What is so where the next link comes.

    Attributes:
        main: this is the main thread, where Python runs signal handlers.
        loop: an event loop runs in this thread.
        portal: this thread is a portal's, or one waits for it. It must not be blocked by waiting for
            another thread that makes calls: that is what a coroutine that blocks its loop comes to.
        collecting: a collection is in progress, and so no other one can be made.
        storm: a timer interrupts the main thread all the time.
        daemonic: this is a worker of a pool, which may not have child processes.
        forked: this process was forked; multiprocessing would take its parent's fork server for its own.
    """

    main: bool = True
    loop: bool = False
    portal: bool = False
    collecting: bool = False
    storm: bool = False
    daemonic: bool = False
    forked: bool = False


@dataclass(frozen=True)
class Link:
    """What a link needs of the situation, and what it makes of it; None leaves a thing as it is.

    Attributes:
        weight: how often it is chosen; what starts processes takes its time.
        needs: what has to be so, by attribute of :class:`Situation`.
        gives: what is so inside.
    """

    weight: int
    needs: tuple[tuple[str, bool], ...] = ()
    gives: tuple[tuple[str, bool], ...] = ()

    def is_possible(self, situation: Situation) -> bool:
        """Whether the situation allows it."""
        return all(getattr(situation, name) is wanted for name, wanted in self.needs)

    def inside(self, situation: Situation) -> Situation:
        """Return the situation inside the link."""
        return Situation(**{**vars(situation), **dict(self.gives)})
