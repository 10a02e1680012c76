"""What stands among pictures and is none of them: what file servers, phones and photo programs leave behind."""

import functools
import re

# Whole names of files and folders, whatever their case, for browsers too. A name that begins with a dot is left out as
# well, and all that is below a folder.
NAMES = "|".join(
    [
        *(r"\..+", r"Thumbs\.db.*", r"ehthumbs(_vista)?\.db", r"desktop\.ini", r"\$RECYCLE\.BIN", "RECYCLER"),
        *("System Volume Information", r"Icon\r", "__MACOSX", "Network Trash Folder", "Temporary Items"),
        *("TheVolumeSettingsFolder", r"lost\+found"),
        *("@eaDir", "@SynoResource", ".+@Syno(EAStream|Resource)", "#recycle", "#snapshot", "@tmp", "@sharesnap"),
        *("@Recycle", "@Recently-Snapshot", "@__thumb", r"Picasa\.ini", r"ZbThumbnail\.info", "_vti_cnf"),
        *(r".+\.lrdata", r".+\.photoslibrary"),
    ]
)
_NAMES = re.compile(NAMES, re.IGNORECASE)
# Those that a folder may have only because a person looked into it, in the macOS Finder or the Windows Explorer.
_OF_VIEWERS = re.compile(r"\.DS_Store|\._.*|\.localized|Icon\r|Thumbs\.db|desktop\.ini", re.IGNORECASE)
# Endings of what never is a picture: edits and facts kept beside one, films of live photographs, half downloads, notes.
_ENDINGS = (
    *(".aae", ".xmp", ".thm", ".pp3", ".dop", ".json", ".csv", ".txt", ".md", ".html", ".log", ".db", ".ini", ".url"),
    *(".lnk", ".mov", ".mp4", ".m4v", ".lrv", ".3gp", ".avi", ".crdownload", ".part", ".partial", ".download", ".tmp"),
)


def kind(path: str) -> str | None:
    """Returns what makes a file's path of "/" clutter: the name in it, or its ending; None where it may be a picture.

    >>> kind("train/REAL/@eaDir/photo.jpg/SYNOFILE_THUMB_S.jpg"), kind("0001.AAE"), kind("0001.jpg")
    ('@eaDir', '.aae', None)
    """
    folder, _, name = path.rpartition("/")
    if found := kind_of_folder(folder) or _kind_of_name(name):
        return found
    name = name.lower()
    return next(ending for ending in _ENDINGS if name.endswith(ending)) if name.endswith(_ENDINGS) else None


def is_of_a_viewer(name: str) -> bool:
    """Returns whether the Finder or the Explorer writes a file of this name into a folder that a person looks into."""
    return bool(_OF_VIEWERS.fullmatch(name))


@functools.lru_cache(maxsize=4096)  # a folder has many files
def kind_of_folder(path: str) -> str | None:
    """Returns the name that makes a folder clutter, its own or one above it; None where it may hold pictures.

    >>> kind_of_folder("train/@eaDir"), kind_of_folder("frames/clip1.mp4")
    ('@eaDir', None)
    """
    return next((found for name in path.split("/") if (found := _kind_of_name(name))), None)


def _kind_of_name(name: str) -> str | None:
    if not _NAMES.fullmatch(name):
        return None
    return "._*" if name.startswith("._") else name.rstrip("\r")
