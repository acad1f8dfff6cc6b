"""Command lines that `gan-train` refuses: how settings, choices, options, sweeps and resumes are written."""

import pytest

# The command line, the exit code, and how the message begins.
ROWS = [
    # keys and choices
    ("los=nonsaturating", 2, "los: no such key; did you mean 'loss'?"),
    ("+losss=foo", 2, "losss: no such key; did you mean 'loss'?"),
    ("loss=nonsaturatin", 2, "loss: there is no choice 'nonsaturatin'; did you mean 'nonsaturating'?"),
    ("loss=", 2, "loss: there is no choice ''; there are: hinge, least_squares, minimax, nonsaturating,"),
    ("loss=[wgan,hinge]", 2, "loss: expected one choice, got [wgan,hinge] (one run each: loss=wgan,hinge -m)"),
    ("loss=wgan_gp,hinge", 2, "loss: has several values, wgan_gp,hinge; add --multirun (-m) for a run of each"),
    (
        "model=../loss/wgan_gp",
        2,
        "model: expected the name of a choice, got '../loss/wgan_gp'; there are: dcgan, dcgan5x5,",
    ),
    (
        "model=/etc/passwd",
        2,
        "model: expected the name of a choice, got '/etc/passwd'; there are: dcgan, dcgan5x5,",
    ),
    ("experiment=../train", 2, "experiment: expected the name of a choice, got '../train'; there are:"),
    ("experiment=dirac", 2, "experiment: there is no choice 'dirac'; did you mean 'dirac/r1'?"),
    (
        "experiment/dirac=nosuch",
        2,
        "experiment: there is no choice 'dirac/nosuch'; did you mean 'dirac/nonsaturating'?",
    ),
    ("loss@model=hinge", 2, "'loss@model=hinge' names a package; choices have their places here: write loss=..."),
    ("+loss=hinge", 2, "loss: has a choice already; write loss=hinge, without a +"),
    ("loss/=hinge", 2, "loss: expected the name of a choice, got '/hinge'; did you mean 'hinge'?"),
    ("lss/x=hinge", 2, "'lss/x=hinge' names no group; did you mean 'loss'?"),
    ("loss", 2, "'loss' has no value; write loss=...; there are: hinge, least_squares, minimax,"),
    ("outputs/latest", 2, "'outputs/latest' has no value; write outputs/latest=..., such as seed=1"),
    ("seed", 2, "'seed' has no value; write seed=..., such as seed=1"),
    ("=1", 2, "'=1' has no key; write key=value, such as seed=1"),
    ("==", 2, "'==' has no key in front of the '='; write key=value, such as seed=1"),
    ("~=1", 2, "'~=1' has no key; write key=value, such as seed=1"),
    ("+=1", 2, "'+=1' has no key; write key=value, such as seed=1"),
    ("''", 2, "an argument is empty; leave it out, or look at the variable that it comes from"),
    ("' '", 2, "an argument is empty; leave it out, or look at the variable that it comes from"),
    ("'a b=1'", 2, "'a b=1' cannot be read; write key=value, and text with special characters in two pairs"),
    ("'seed=1 seed=2'", 2, "'seed=1 seed=2' cannot be read; write key=value, and text with special characters in"),
    ("seed==1", 2, "'seed==1' cannot be read; write key=value, and text with special characters in two"),
    ("seed=[1", 2, "'seed=[1' cannot be read; write key=value, and text with special characters in two"),
    ("'seed=\"'", 2, "'seed=\"' cannot be read; write key=value, and text with special characters in two pairs"),
    ("seed=1,", 2, "'seed=1,' cannot be read; write key=value, and text with special characters in two"),
    ("seed=1 seed=2", 2, "seed: is given twice: seed=1 and seed=2; leave one out"),
    ("loss=hinge loss=hinge", 2, "loss: is given twice: loss=hinge and loss=hinge; leave one out"),
    ("seed=1 ++seed=2", 2, "seed: is given twice: seed=1 and ++seed=2; leave one out"),
    (
        "train.steps=10 train.epochs=2",
        2,
        "train: say how long with one of steps, epochs and images; got steps=10, epochs=2",
    ),
    ("~optimizer", 2, "optimizer: is missing; choose one with optimizer=... (gan-train --help lists them)"),
    ("~loss", 2, "loss: is missing; choose one with loss=... (gan-train --help lists them)"),
    ("~seed=3", 2, "Could not delete from config. The value of 'seed' is 0 and not 3."),
    ("~nosuch", 2, "Could not delete from config. 'nosuch' does not exist."),
    ("~train.steps", 2, "train: say how long with one of steps, epochs and images; got none of them"),
    ("+seed=1", 2, "Could not append to config. An item is already at 'seed'. Either remove + prefix:"),
    ("optimizer.lrr=0.1", 2, "optimizer.lrr: nothing in this choice uses it; did you mean 'lr'?"),
    ("+optimizer.lrr=0.1", 2, "optimizer.lrr: nothing in this choice uses it; did you mean 'lr'?"),
    ("+model.foo.bar=1", 2, "model.foo: nothing in this choice uses it; there are: base_channels, max_channels,"),
    ("model.generator=3", 2, "model.generator: expected a node with a _target_, got 3"),
    ("model=3", 2, "model: there is no choice '3'; there are: dcgan, dcgan5x5, dirac,"),
    ("model=null", 2, "model: expected the name of a choice, got None; there are: dcgan,"),
    ("seed.x=1", 2, "seed: expected a whole number; got {'x': 1}"),
    ("train.x.y.z=1", 2, "train.x: gan_cli.settings.TrainConfig has no such argument; there are: steps, epochs,"),
    ("_target_=x", 2, "_target_: no such key; there are: seed, device,"),
    ("defaults=x", 2, "defaults: no such key; there are: seed, device,"),
    ("hydra=x", 2, "hydra: Hydra has no such setting; there are: run, sweep, job, launcher, sweeper,"),
    # interpolations
    ("seed=${nosuch}", 2, "seed: Interpolation key 'nosuch' not found"),
    (
        "seed=${oc.env:NOSUCH}",
        2,
        "seed: KeyError raised while resolving interpolation: \"Environment variable 'NOSUCH' not",
    ),
    ("seed=${oc.env:HOME}", 2, "seed: expected a whole number; got '"),
    ("seed=${seed}", 2, "seed: Recursive interpolation detected"),
    ("'seed=${seed'", 2, "'seed=${seed' cannot be read; write key=value, and text with special characters in two"),
    ("seed=${oc.nosuch:1}", 2, "seed: Unsupported interpolation type oc.nosuch"),
    ("loss=${nosuch}", 2, "Error resolving interpolation '${nosuch}', possible interpolation keys: experiment,"),
    ("train=${loss}", 2, "In 'train': Could not find 'train/nonsaturating' Available options in 'train': default"),
    ("'seed=???'", 2, "seed: expected a whole number; got '???'"),
    ("'loss=???'", 2, "loss: there is no choice '???'; there are: hinge, least_squares, minimax,"),
    # targets
    ("loss._target_=os.system", 2, "loss._target_: 'os.system' is a builtin_function_or_method and not a class"),
    ("loss._target_=", 2, "loss._target_: '' is not a dotted name such as gan_cli.losses.Hinge"),
    ("loss._target_=..", 2, "loss._target_: '..' is not a dotted name such as gan_cli.losses.Hinge"),
    ("loss._target_=gan_cli.losses", 2, "loss._target_: 'gan_cli.losses' is a module and not a class"),
    (
        "loss._target_=gan_cli.losses.torch.os.system",
        2,
        "loss._target_: 'gan_cli.losses.torch.os.system' is a builtin_function_or_method and not",
    ),
    ("loss._partial_=true", 2, "loss._partial_: must be false here, got True"),
    ("prior._partial_=true", 2, "prior._partial_: must be false here, got True"),
    (
        "+loss._args_=[1,2]",
        2,
        "loss._args_: gan_cli.losses.NonSaturating has no such argument; there are: real_label,",
    ),
    ("loss._recursive_=maybe", 2, "loss._recursive_: expected one of True, False; got 'maybe'"),
    ("loss._convert_=nosuch", 2, "loss._convert_: expected one of none, partial, object, all; got 'nosuch'"),
    ("optimizer.generator._partial_=false", 2, "optimizer.generator._partial_: must be true here, got False"),
    (
        "penalty=none penalty._target_=gan_cli.losses.Hinge",
        2,
        "penalty._target_: 'gan_cli.losses.Hinge' makes no gan_cli.penalties.Penalty",
    ),
    # hydra
    ("hydra.run.dir=/proc/x", 5, "/proc/x: No such file or directory"),
    ("hydra.run.dir=", 2, "hydra.run.dir: expected a directory, such as outputs/mine; got ''"),
    ("hydra.run.dir=[a]", 2, "Error merging override hydra.run.dir=[a] Cannot convert 'list' to string: '['a']'"),
    ("hydra.run.dir=${nosuch}", 2, "Interpolation key 'nosuch' not found"),
    ("hydra.sweep.dir=/proc/x seed=0,1 -m", 5, "/proc/x: No such file or directory"),
    (
        "hydra.sweep.subdir=same seed=0,1 -m",
        2,
        "hydra.sweep.subdir: every run needs a place of its own; use ${hydra:job.num} in it",
    ),
    ("hydra.nosuch=1", 2, "hydra.nosuch: Hydra has no such setting; there are: run, sweep, job, launcher, sweeper,"),
    (
        "hydra.runtime.output_dir=x",
        2,
        "hydra.runtime.output_dir: Hydra has no such setting; did you mean 'output_subdir'?",
    ),
    ("hydra.mode=XX", 2, "Error merging override hydra.mode=XX Invalid value 'XX', expected one of [RUN, MULTIRUN]"),
    (
        "hydra.job.chdir=true",
        2,
        "hydra.job.chdir: paths on the command line would mean something else in there; leave it",
    ),
    ("hydra.job.num=x", 2, "Error merging override hydra.job.num=x Value 'x' of type 'str' could not be converted"),
    ("hydra.job.env_copy=[NOSUCH]", 2, "Hydra cannot run this command line: KeyError: 'NOSUCH'; look at"),
    ("hydra.verbose={a:1}", 2, "Hydra cannot run this command line: AssertionError"),
    ("hydra/launcher=nosuch", 2, "In 'hydra/config': Could not find 'hydra/launcher/nosuch' Available options in"),
    ("hydra/sweeper=nosuch", 2, "In 'hydra/config': Could not find 'hydra/sweeper/nosuch' Available options in"),
    (
        "hydra/job_logging=nosuch",
        2,
        "In 'hydra/config': Could not find 'hydra/job_logging/nosuch' Available options in",
    ),
    ("hydra/nosuch=x", 2, "Could not override 'hydra/nosuch'. To append to your config use +hydra/nosuch=x Key"),
    ("hydra.callbacks.x=1", 2, "Could not override 'hydra.callbacks.x'. To append to your config use"),
    (
        "hydra.launcher._target_=os.system -m",
        2,
        "hydra.launcher._target_: 'os.system' is no plug-in of Hydra's; choose one with hydra/launcher=...",
    ),
    ("hydra.searchpath=[nowhere]", 2, "hydra.searchpath: there is no directory 'nowhere'"),
    ("hydra.searchpath=[xyz://a]", 2, "hydra.searchpath: 'xyz://a' is neither a directory, file://... nor pkg://..."),
    ("hydra.searchpath=nowhere", 2, "hydra.searchpath must be a list of strings. Got: nowhere"),
    # flags
    ("--seed=1", 2, "--seed=1: there is no such option; settings have no dashes, such as seed=value;"),
    ("--lr 3", 2, "--lr: there is no such option; settings have no dashes, such as lr=value; options:"),
    ("-x", 2, "-x: there is no such option; settings have no dashes, such as x=value; options: --help,"),
    ("-", 2, "-: there is no such option; settings have no dashes, such as key=value; options:"),
    ("--config-name nosuch", 2, "Cannot find primary config 'nosuch'. Check that it's in your config search path."),
    (
        "--config-name ../train",
        2,
        "Cannot find primary config '../train'. Check that it's in your config search path.",
    ),
    ("--config-name=", 2, "--config-name needs a value"),
    ("--config-name", 2, "--config-name needs a value"),
    ("--config-dir nowhere", 2, "--config-dir nowhere: expected a directory of configs, and it is not there"),
    ("--config-dir", 2, "--config-dir needs a value"),
    ("--config-dir=", 2, "--config-dir needs a value"),
    (
        "--config-path nowhere",
        2,
        "Primary config module 'gan_cli.cli.nowhere' not found. Check that it's correct and",
    ),
    ("--multirun --cfg job", 2, "--multirun --cfg: one of them at a time"),
    ("--run -m", 2, "--run -m: one of them at a time"),
    ("--cfg", 2, "--cfg needs a value; there are: job, hydra, all"),
    ("--cfg nosuch", 2, "--cfg nosuch: there is no such thing to show; there are: job, hydra, all"),
    ("--cfg job --package nosuch", 2, "package 'nosuch' not found in config"),
    ("--package x", 2, "--package goes with --cfg"),
    ("--resolve", 2, "--resolve goes with --cfg"),
    ("--cfg job --resolve seed=${nosuch}", 2, "Interpolation key 'nosuch' not found"),
    ("--info nosuch", 2, "--info nosuch: there is no such thing to show; there are: all, config, defaults,"),
    ("-sc", 2, "-sc: expected install=SHELL or uninstall=SHELL; shells: bash, zsh, fish"),
    ("-sc install=nosuch", 2, "-sc: expected install=SHELL or uninstall=SHELL; shells: bash, zsh, fish"),
    ("-sc query=bash", 2, "-sc query=bash is what Tab calls; you want install=bash"),
    ("--version=3", 2, "--version=3: --version takes no value"),
    ("--multirun=3", 2, "--multirun=3: --multirun takes no value"),
    ("-mm", 2, "-mm: there is no such option; settings have no dashes, such as mm=value; options:"),
    ("--experimental-rerun x.pickle", 2, "--experimental-rerun runs a pickle; resume a run with resume=DIRECTORY"),
    # sweeps
    ("-m seed=range(0)", 2, "seed: its sweep has no value, so there would be no run; give one at least"),
    ("-m seed=range(0,1,0)", 2, "seed: its sweep has no value, so there would be no run; give one at least"),
    ("-m seed=range(10000000)", 2, "these values make 10,000,000 runs; a sweep has 10,000 at most"),
    ("-m seed=1,1", 2, "seed: has 1 twice, and both would be the same run; leave one out"),
    ("-m loss=hinge,minimax,hinge", 2, "loss: has hinge twice, and both would be the same run; leave one out"),
    (
        "-m loss=wgan_gp,nosuch,hinge",
        2,
        "loss: there is no choice 'nosuch'; there are: hinge, least_squares, minimax,",
    ),
    ("-m loss=glob(nosuch*)", 2, "loss: its sweep has no value, so there would be no run; give one at least"),
    ("-m seed=choice()", 2, "'seed=choice()' cannot be read; write key=value, and text with special characters in"),
    (
        "-m seed=interval(0,1)",
        2,
        "seed: interval() is for a search, hydra/sweeper=optuna; list values here",
    ),
    ("-m seed=nosuch(1)", 2, "'seed=nosuch(1)' cannot be read; write key=value, and text with special characters in"),
    ("-m 1,2", 2, "'1,2' has no value; write 1,2=..., such as seed=1"),
    ("seed=range(3)", 2, "seed: has several values, range(3); add --multirun (-m) for a run of each"),
    (
        "-m seed=range(200) optimizer.lr=choice(1e-3,1e-4) train.batch_size=range(1,99)",
        2,
        "these values make 39,200 runs; a sweep has 10,000 at most",
    ),
    ("-m hydra.run.dir=a,b", 2, "Sweeping over Hydra's configuration is not supported : 'hydra.run.dir=a,b'"),
    (
        "-m seed=0,1 model=../loss/hinge,mlp",
        2,
        "model: expected the name of a choice, got '../loss/hinge'; there are: dcgan, dcgan5x5,",
    ),
    # resume
    ("resume=maybe", 5, "resume: there is no directory 'maybe'; give a run directory, such as outputs/latest"),
    ("resume=", 2, "resume needs a run directory, such as resume=outputs/latest"),
    ("resume=' '", 2, "resume needs a run directory, such as resume=outputs/latest"),
    ("resume=1", 2, "resume: expected text or null; got 1"),
    ("resume=true", 2, "resume: expected text or null; got True"),
    ("resume=[a]", 2, "resume: expected text or null; got ['a']"),
    ("resume=.", 5, "resume: '.' holds no run (no config.yaml); gan-runs lists the runs there are"),
    (
        "resume=nowhere dry_run=maybe trust=2",
        2,
        "2 problems in this config: dry_run: expected true or false; got 'maybe' trust: expected",
    ),
    (
        "resume=~nosuchuser",
        2,
        "'resume=~nosuchuser' cannot be read; write key=value, and text with special characters",
    ),
    ("dry_run=maybe", 2, "dry_run: expected true or false; got 'maybe'"),
    ("trust=maybe", 2, "trust: expected true or false; got 'maybe'"),
]

# What takes no quotes to write here, or none that a shell understands.
ODD = [
    (["seed=" + "x" * 10_000], "seed: expected a whole number; got 'xxxxxxxx"),
    (["seed=" + "9" * 10_000], "'seed=99999999"),
    (["device=" + "x" * 5_000], "device: expected one of auto, cpu, cuda, cuda:<number>, mps; got 'xxx"),
    (["loss=" + "x" * 5_000], "loss: there is no choice 'xxxxx"),
    (["x" * 10_000 + "=1"], "'xxxxxxxxxxx"),
    (["a." * 300 + "b=1"], "'a.a.a.a.a.a.a.a"),
    (["seed=" + "[" * 200], "'seed=[[[[[[[[[["),
    (["seed=" + "[" * 200 + "]" * 200], ""),
    (["seed=" + "[" * 1_500 + "]" * 1_500], "'seed=[[[[[[[[[["),
    (["hydra.run.dir=" + "x/" * 3_000], "x/x/x/x/x/x/x/"),
    (["hydra.run.dir='a\x1b[31mb'"], "hydra.run.dir: expected a directory, such as outputs/mine; got 'a\\x1b[31mb'"),
    (["seed=\x1b[31mred"], "'seed=\\x1b[31mred' cannot be read"),
    (["se\x1bed=1"], "'se\\x1bed=1' cannot be read"),
    (["device='a\nb'"], "device: expected one of auto, cpu, cuda, cuda:<number>, mps; got 'a\\nb'"),
    (["device='\x1b[31m'"], "device: expected one of auto, cpu, cuda, cuda:<number>, mps; got '\\x1b[31m'"),
    (["device='[bold]x[/bold]'"], "device: expected one of auto, cpu, cuda, cuda:<number>, mps; got '[bold]x[/bold]'"),
    (["seed='\udcff'"], "seed: expected a whole number; got '\\udcff'"),
    (["loss=\udcff"], "'loss=\\udcff' cannot be read"),
    (["seed=é"], "'seed=é' cannot be read"),
    (["sé=1"], "'sé=1' cannot be read"),
    (["seed=１"], "'seed=１' cannot be read"),
    ([f"k{i}=1" for i in range(60)], "60 problems in this config: k0: no such key"),
]


# Each row composes a config, which takes time: half of them wait for `make slow`.
HALVED = [pytest.param(*row, id=row[0], marks=[pytest.mark.slow] * (i % 2)) for i, row in enumerate(ROWS)]


@pytest.mark.parametrize(("line", "code", "begins"), HALVED)
def test_a_line_that_is_wrong_is_refused_in_words_that_help(refused, line, code, begins):
    assert refused(line, code).startswith(begins)


@pytest.mark.parametrize(("arguments", "begins"), ODD, ids=[arguments[0][:12] for arguments, _ in ODD])
def test_an_argument_that_nobody_types_is_refused_all_the_same(refused, arguments, begins):
    code = 5 if arguments[0].startswith("hydra.run.dir=x") else 2
    assert refused(arguments, code).startswith(begins)


def test_many_mistakes_are_counted_and_the_first_ones_told(refused):
    message = refused([f"train.k{i}=1" for i in range(60)], 2)
    assert message.startswith("60 problems in this config: train.k0: ")
    assert "more" in message


def test_mistakes_of_the_line_and_of_its_config_are_told_together(refused):
    message = refused("loss=nosuch train.step=10 seed=abc prior.dim=1 prior.dim=2", 2)
    assert message.startswith("4 problems in this config: loss: there is no choice 'nosuch'; there are: hinge,")
    for told in ("prior.dim: is given twice", "train.step: ", "did you mean 'steps'?", "seed: expected a whole number"):
        assert told in message


@pytest.mark.parametrize("flag", ["--seed=1", "--lr"])
def test_a_setting_with_dashes_is_shown_without(refused, flag):
    assert f"settings have no dashes, such as {flag.strip('-').split('=')[0]}=value" in refused(f"{flag} 3", 2)
