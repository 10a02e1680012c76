"""What stands among pictures and is none of them: what file servers, phones and photo programs leave behind."""

import re

# Whole names of files and folders. A name that begins with a dot is left out as well, and all that is below a folder.
_NAMES = re.compile(
    r"""
    \..+ | Thumbs\.db.* | ehthumbs(_vista)?\.db | desktop\.ini | \$RECYCLE\.BIN | RECYCLER | System\ Volume\ Information
    | Icon\r? | __MACOSX | Network\ Trash\ Folder | Temporary\ Items | TheVolumeSettingsFolder | lost\+found
    | @eaDir | @SynoResource | .+@Syno(EAStream|Resource) | \#recycle | \#snapshot | @tmp | @sharesnap  # Synology
    | @Recycle | @Recently-Snapshot | @__thumb | Picasa\.ini | ZbThumbnail\.info | _vti_cnf
    | .+\.lrdata | .+\.photoslibrary
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Endings of what never is a picture: edits and facts kept beside one, films of live photographs, half downloads, notes.
_ENDINGS = (
    *(".aae", ".xmp", ".thm", ".pp3", ".dop", ".json", ".csv", ".txt", ".md", ".html", ".log", ".db", ".ini", ".url"),
    *(".lnk", ".mov", ".mp4", ".m4v", ".lrv", ".3gp", ".avi", ".crdownload", ".part", ".partial", ".download", ".tmp"),
)


def kind(path: str) -> str | None:
    """Returns what makes a path of "/" clutter: the name in it, or its ending; None where it may be a picture.

    >>> kind("train/REAL/@eaDir/photo.jpg/SYNOFILE_THUMB_S.jpg"), kind("0001.AAE"), kind("0001.jpg")
    ('@eaDir', '.aae', None)
    """
    for name in path.split("/"):
        if _NAMES.fullmatch(name):
            return "._*" if name.startswith("._") else name.rstrip("\r")
    return next((ending for ending in _ENDINGS if path.lower().endswith(ending)), None)
