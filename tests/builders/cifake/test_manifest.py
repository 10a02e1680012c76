"""builders.cifake.manifest: pictures by a list."""

import pytest

from builders.cifake import manifest, sources
from builders.cifake.layout import USUAL, Naming, Place, SourceError


@pytest.fixture
def listed(tmp_path):
    """Returns a function that reads a list of such a text."""

    def read(text, naming=USUAL, name="labels.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        return manifest.places(tmp_path / name, naming)

    return read


def test_columns_are_known_by_their_usual_names(listed):
    text = "File,LABEL,generator,prompt,x\nfake/a.png,ai,sd,7,\n./b/../b.jpg,Real,,,\n"
    expected = {
        "fake/a.png": Place("train/FAKE/fake/a.png", "sd", "7"),
        "b.jpg": Place("train/REAL/b.jpg"),
    }
    assert listed(text) == (expected, False)
    assert listed(text.replace(",", ";")) == (expected, False)
    assert listed(text.replace(",", "\t"), name="labels.tsv") == (expected, False)


def test_columns_and_classes_can_be_named(listed):
    text = "picture,is_ai,part,who\na.png,1,train,x\nb.png,0,val,y\nc.png,1,Test,\n"
    naming = Naming("1", "0", "path=picture,label=is_ai,split=part,group=who", "stem")
    assert listed(text, naming) == (
        {
            "a.png": Place("train/FAKE/a.png", "x", "a"),
            "b.png": Place("validation/REAL/b.png", "y", "b"),
            "c.png": Place("test/FAKE/c.png", "", "c"),
        },
        True,
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a.png,ai\n", "has no column path. Say what it is called: --columns=path=NAME, one of a.png, ai."),
        ("path,kind\na.png,ai\n", "has no column label. Say what it is called: --columns=label=NAME"),
        ("path,label\na.png,1\n", "line 2: the label '1' is neither FAKE nor REAL by any usual name; say which it is"),
        ("path,label\na.png,\n", "line 2: the label '' is neither FAKE nor REAL by any usual name; every picture"),
        ("path,label\n,ai\n", "line 2 names no file"),
        ("path,label\na\0.png,ai\n", "line 2 names no file"),
        ('path,label,caption\na.png,ai,"x\nb.png,ai,y\n', "unexpected end of data"),
        ("path,label,label\na.png,ai,real\n", "has the column label twice. Rename one."),
        ("path,label\na.png,ai\n./a.png,ai\n", "line 3: a.png stands there twice"),
        ("path,label,split\na.png,ai,train\nb.png,ai,\n", "line 3: of the rows some name a split and others none"),
        ("path,label,split\na.png,ai,most\n", "line 2: the split 'most' is none of train, validation and test"),
        ("", "has no column path"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, complaint, listed):
    with pytest.raises(SourceError) as error:
        listed(text)
    assert complaint in str(error.value)


def test_other_bytes_are_no_table(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"path,label\n\xff\xfe")
    with pytest.raises(SourceError, match="cannot be read as a table in UTF-8"):
        manifest.places(tmp_path / "labels.csv", USUAL)


def test_a_list_is_a_source(picture, write, tmp_path):
    text = "path,label\n" + "".join(f"p/{number}.jpg,{label}\n" for number, label in enumerate(["ai", "real"] * 2))
    folder = write({f"p/{number}.jpg": picture(number) for number in range(4)} | {"all.csv": text.encode()})
    sources.check(folder / "all.csv")
    found = sources.Collection(folder / "all.csv")
    assert {place.path: load() for place, load in found.pictures()} == {
        f"train/{label}/p/{number}.jpg": picture(number) for number, label in enumerate(["FAKE", "REAL"] * 2)
    }
    before = sources.fingerprint(folder / "all.csv")
    (folder / "p/0.jpg").write_bytes(b"other")
    assert sources.fingerprint(folder / "all.csv") != before
    (folder / "p/0.jpg").unlink()  # which reading it will tell
    assert sources.fingerprint(folder / "all.csv") != before
    assert not sources.is_cifake(folder / "all.csv")


def test_windows_separators_are_understood(picture, write):
    folder = write({"p/0.jpg": picture(0), "all.csv": b"path,label\np\\0.jpg,ai\n"})
    assert list(manifest.places(folder / "all.csv", USUAL)[0]) == ["p/0.jpg"]
