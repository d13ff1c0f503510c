"""What lies in a folder of migrations and is never run, in words."""

from __future__ import annotations

from chatops import formatting
from chatops.migrations.source import Folder

MOST_UNDOING = 5


def folder_notes(folder: Folder) -> list[str]:
    """What lies in a folder and is never run."""
    found = [f"left out: {one.name}, which undoes {one.partner}" for one in folder.undoing[:MOST_UNDOING]]
    if len(folder.undoing) > MOST_UNDOING:
        more = len(folder.undoing) - MOST_UNDOING
        told = formatting.plural(more, "more file that undoes another", "more files that undo others")
        found.append(f"left out: {told}")
    if folder.left_alone:
        found.append(f"ignored (no number): {', '.join(folder.left_alone)}")
    return [formatting.visible(line) for line in found]
