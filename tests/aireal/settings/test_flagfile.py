"""aireal.settings.flagfile: flagfiles in and out."""

import dataclasses
import re

import pytest

from aireal.errors import UserError
from aireal.machine import package_folder
from aireal.settings import flagfile
from aireal.settings.config import Config

# Every field with another value than its default; together they are a possible run.
OTHER = Config(
    source="/data/my pictures=all, #1.zip",
    builder_config="any",
    fake="ai, dall-e #3",
    real="0",
    columns="path=file name",
    pair="stem",
    damaged="leave_out",
    prepared_dir="/data/prepared",
    beam_pipeline_options="direct_num_workers=2,runner=DirectRunner",
    cluster="192.0.2.1:5000,192.0.2.2:5000",
    task=1,
    cache="none",
    validation_fraction=0.123456789012345,
    leave_out="sdxl,dalle 3",
    train_fraction=0.5,
    reading="windows",
    windows=3,
    views=5,
    resave="all",
    resave_scale=0.5,
    resave_quality=70,
    image_size=48,
    aspect_ratio="center_crop",
    batch_size=13,
    augment_flip=True,
    augment_shift_pixels=2,
    augment_cutout_pixels=5,
    augment_jpeg_quality=30,
    augment_noise=0.1,
    augment_blur=1.5,
    augment_resample=0.375,
    augment_brightness=0.1,
    augment_contrast=0.2,
    augment_gamma=0.3,
    augment_saturation=0.4,
    augment_grey=True,
    augment_sharpen=0.5,
    augment_specks=0.06,
    augment_turn=True,
    augment_share=tuple(0.08 + number / 1000 for number in range(12)),
    stem_filters=6,
    stem_kernel_size=3,
    stem_stride=4,
    filters=(8, 16),
    convolutions=(2, 3),
    kernel_size=5,
    separable=True,
    residual=True,
    squeeze_excitation=3,
    normalization="batch",
    activation="silu",
    downsampling="average",
    head="average",
    dense_units=(),
    mirror_average=True,
    conv_dropout=0.1,
    dense_dropout=0.2,
    l2=1e-7,
    initial_weights="robust",
    learn_from="conv2",
    epochs=3,
    optimizer="lion",
    learning_rate=0.1 + 0.2,
    weight_decay=0.05,
    label_smoothing=0.01,
    object_weight=0.25,
    schedule="cosine",
    warmup_epochs=0.5,
    precision="bfloat16",
    strategy="mirrored",
    monitor="val_auc",
    keep="best",
    early_stopping_epochs=4,
    tensorboard=True,
    seed=2**31 - 1,
    risk=0.02,
    risk_confidence=0.9,
    evaluate="validation",
)


def test_the_other_config_differs_from_the_default_in_every_field():
    same = [field.name for field in dataclasses.fields(Config) if getattr(OTHER, field.name) == field.default]
    assert same == []


@pytest.mark.parametrize("config", [Config(), OTHER], ids=["default", "other"])
def test_a_written_flagfile_is_read_as_the_same_config(tmp_path, config):
    path = tmp_path / "flags.cfg"
    path.write_text(flagfile.dumps(config, workdir="runs/a"))
    assert flagfile.load(path) == config


@pytest.mark.parametrize("config", [Config(), OTHER], ids=["default", "other"])
def test_a_written_flagfile_makes_the_same_config_on_the_command_line(tmp_path, parsed, config):
    path = tmp_path / "flags.cfg"
    path.write_text(flagfile.dumps(config, workdir="runs/a"))
    assert parsed(f"--flagfile={path}") == config


@pytest.mark.parametrize(
    "name", [" a ", '"a"', "'a'", "a #b", "--a=b", "a,b", "a\\n\\", "\u3000a\u3000", "$a%s{}*", "~a"]
)
def test_any_name_comes_back_from_a_flagfile(tmp_path, parsed, name):
    config = Config(source=f"/data/{name}", prepared_dir=f"/{name}")
    path = tmp_path / f"{name.replace('/', '')}.cfg"
    path.write_text(flagfile.dumps(config, workdir=f"runs/{name}"), encoding="utf-8")
    assert flagfile.load(path) == parsed(f"--flagfile={path}") == config


def test_the_network_of_a_run_that_is_trained_on_comes_before_all_that_is_given(tmp_path, parsed):
    (tmp_path / "flags.cfg").write_text(flagfile.dumps(OTHER))
    (tmp_path / "more.cfg").write_text(f"--initial_weights={tmp_path}\n--epochs=9\n")
    for given in (["--initial_weights=robust", f"--initial_weights={tmp_path}"], [f"--flagfile={tmp_path}/more.cfg"]):
        found = parsed("--dense_units=4", *given)
        kept = {name for name in Config.of_network() if getattr(found, name) == getattr(OTHER, name)}
        assert {*Config.of_network()} - kept == {"dense_units"}
        assert (found.dense_units, found.initial_weights) == ((4,), str(tmp_path))
        assert found.optimizer == Config.optimizer
        assert found.learn_from == Config.learn_from
    assert parsed("--initial_weights", "robust").filters == (48, 96, 192)
    assert parsed("--initial_weights=robust", "--initial_weights=") == Config()


def test_a_flagfile_that_says_all_outlives_the_run_that_it_began_with(tmp_path, parsed):
    config = dataclasses.replace(OTHER, initial_weights=str(tmp_path / "gone"))
    (tmp_path / "flags.cfg").write_text(flagfile.dumps(config))
    assert parsed(f"--flagfile={tmp_path / 'flags.cfg'}") == config


def test_a_program_that_knows_no_initial_weights_says_so_itself():
    argv = ["predict", "--initial_weights=robust"]
    assert flagfile.expand(argv, trains_on=False) == argv


def test_a_folder_without_a_run_is_no_network_to_train_on(tmp_path):
    with pytest.raises(UserError, match=r"is no run folder, which has a flags\.cfg, nor .* accurate or robust"):
        flagfile.expand(["train", f"--initial_weights={tmp_path}"])


def test_behind_two_dashes_all_are_names():
    assert flagfile.expand(["train", "--", "--flagfile=x"]) == ["train", "--", "--flagfile=x"]


def test_a_written_flagfile_has_every_value_under_its_group():
    text = flagfile.dumps(Config(), workdir="runs/a")
    assert text.startswith("--workdir=runs/a\n")
    for field in dataclasses.fields(Config):
        assert len(re.findall(rf"^--{field.name}=", text, re.MULTILINE)) == 1
    groups = list(dict.fromkeys(field.metadata["group"] for field in dataclasses.fields(Config)))
    assert re.findall(r"^# (.+)$", text, re.MULTILINE) == groups


@pytest.mark.parametrize("line", ["--momentum=0.9", "--nomirror_average=3"])
def test_a_flag_that_this_version_does_not_know_is_refused_on_reading(tmp_path, line):
    path = tmp_path / "flags.cfg"
    path.write_text(f"--epochs=3\n{line}\n")
    with pytest.raises(UserError, match=r"flags\.cfg.*m(omentum|irror).*Another version"):
        flagfile.load(path)


@pytest.mark.parametrize("lines", [0, 5, 20, -1], ids=["empty", "cut early", "cut in the middle", "cut at its end"])
def test_a_file_that_is_not_whole_is_refused(tmp_path, lines):
    path = tmp_path / "flags.cfg"
    path.write_text("\n".join(flagfile.dumps(OTHER).splitlines()[:lines]))
    with pytest.raises(UserError, match=r"flags\.cfg is damaged: it says nothing of .*--evaluate"):
        flagfile.load(path)


@pytest.mark.parametrize("name", sorted(path.name for path in (package_folder() / "aireal/configs").glob("*.cfg")))
def test_a_shipped_flagfile_is_found_from_another_folder(parsed, name):
    relative = f"aireal/configs/{name}"
    assert parsed(f"--flagfile={relative}") == flagfile.recipe(package_folder() / relative)


def test_a_recipe_is_found_by_its_name_and_takes_changes(tmp_path, monkeypatch):
    fast = flagfile.recipe("fast")
    assert fast == flagfile.recipe(package_folder() / "aireal/configs/fast.cfg")
    assert flagfile.recipe("fast", source="demo", seed=3) == dataclasses.replace(fast, source="demo", seed=3)
    monkeypatch.chdir(tmp_path)
    assert flagfile.recipe("aireal/configs/fast.cfg") == fast
    (tmp_path / "mine.cfg").write_text("--flagfile=aireal/configs/fast.cfg\n--epochs=9\n")
    assert flagfile.recipe(tmp_path / "mine.cfg") == dataclasses.replace(fast, epochs=9)


def test_what_is_no_recipe_is_refused_with_those_there_are():
    with pytest.raises(UserError, match=r"--flagfile=fats: no such file, .* aireal/configs/fast\.cfg"):
        flagfile.recipe("fats")
    with pytest.raises(UserError, match="--epochs=0 is too small"):
        flagfile.recipe("fast", epochs=0)


def test_a_flagfile_of_the_current_folder_comes_before_the_shipped_one(parsed):
    path = parsed.folder / "aireal" / "configs" / "demo.cfg"
    path.parent.mkdir(parents=True)
    path.write_text("--epochs=77\n")
    assert parsed("--flagfile=aireal/configs/demo.cfg") == Config(epochs=77)


def test_flagfiles_compose_and_what_comes_later_wins(parsed):
    (parsed.folder / "inner.cfg").write_text("# inner\n--epochs=2\n--batch_size=8\n--seed=5\n")
    (parsed.folder / "outer.cfg").write_text("--epochs=1\n--flagfile=inner.cfg\n\n// outer again\n--batch_size=16\n")
    assert parsed("--flagfile=outer.cfg") == Config(epochs=2, batch_size=16, seed=5)
    assert parsed("--flagfile=outer.cfg", "--epochs=9") == Config(epochs=9, batch_size=16, seed=5)
    assert parsed("--seed=1", "--flagfile", "outer.cfg").seed == 5


def test_a_byte_order_mark_is_none_of_the_flags(parsed):
    (parsed.folder / "bom.cfg").write_bytes(b"\xef\xbb\xbf--epochs=7\r\n--seed=2\r\n")
    assert parsed("--flagfile=bom.cfg") == Config(epochs=7, seed=2)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("mine  # my pictures", "mine"),
        ("mine#1", "mine#1"),
        ('"mine"', "mine"),
        ('"my #1"   # the first', "my #1"),
        ("'my #1'", "my #1"),
        (r'"a \"b\" \\ \u00e9"', 'a "b" \\ é'),
    ],
)
def test_comments_and_quotes_are_no_part_of_a_value(parsed, line, value):
    (parsed.folder / "mine.cfg").write_text(f"--source={line}\n--augment_flip # yes\n")
    assert parsed("--flagfile=mine.cfg") == Config(source=str(parsed.folder / value), augment_flip=True)


@pytest.mark.parametrize("line", ['"mine', '"mine" yours', r'"C:\mine"'])
def test_quotes_that_are_not_closed_are_refused(tmp_path, line):
    path = tmp_path / "mine.cfg"
    path.write_text(f"--source={line}\n")
    with pytest.raises(UserError, match="in double quotes, which have to be closed"):
        flagfile.recipe(path)


def test_an_inner_flagfile_is_found_beside_the_outer(parsed):
    (parsed.folder / "sub").mkdir()
    (parsed.folder / "sub/inner.cfg").write_text("--epochs=7\n")
    (parsed.folder / "sub/outer.cfg").write_text("--flagfile=inner.cfg\n--seed=2\n")
    assert parsed("--flagfile=sub/outer.cfg") == Config(epochs=7, seed=2)
