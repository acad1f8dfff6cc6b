"""Values that `gan-train` refuses, key by key: of a wrong type, out of range, or more than any machine holds."""

import pytest

FILES = {"file": "hello", "empty/": ""}

# The command line, the exit code, and how the message begins.
ROWS = [
    # at the top
    ("seed=abc", 2, "seed: expected a whole number; got 'abc'"),
    ("seed=1.5", 2, "seed: expected a whole number; got 1.5"),
    ("seed=-1", 2, "seed must be in [0, 2**63), got -1"),
    ("seed=1e3", 2, "seed: expected a whole number; got 1000.0"),
    ("seed=null", 2, "seed: expected a whole number; got None"),
    ("seed=nan", 2, "seed: expected a whole number; got nan"),
    ("seed=[]", 2, "seed: expected a whole number; got []"),
    ("seed={}", 2, "seed: expected a whole number; got {}"),
    ("seed=true", 2, "seed: expected a whole number; got True"),
    ("seed=''", 2, "seed: expected a whole number; got ''"),
    ("seed=12345678901234567890123", 2, "seed: expected a whole number below 2**63; got 12345678901234567890123"),
    ("seed=9223372036854775808", 2, "seed: expected a whole number below 2**63; got 9223372036854775808"),
    ("device=tpu", 2, "device: expected one of auto, cpu, cuda, cuda:<number>, mps; got 'tpu'"),
    ("device=cuda:99", 2, "device: 'cuda:99' asked for"),
    ("device=cuda:-1", 2, "device: expected one of auto, cpu, cuda, cuda:<number>, mps; got 'cuda:-1'"),
    ("device=cpu:3", 2, "device: expected one of auto, cpu, cuda, cuda:<number>, mps; got 'cpu:3'"),
    ("device=CPU", 2, "device: expected one of auto, cpu, cuda, cuda:<number>, mps; got 'CPU'"),
    ("device=", 2, "device: expected one of auto, cpu, cuda, cuda:<number>, mps; got ''"),
    ("device=null", 2, "device: expected text; got None"),
    # the loop
    ("train.batch_size=0", 2, "train.batch_size: must be positive, got 0"),
    ("train.batch_size=-4", 2, "train.batch_size: must be positive, got -4"),
    ("train.batch_size=64.5", 2, "train.batch_size: expected a whole number; got 64.5"),
    ("train.batch_size=1e3", 2, "train.batch_size: expected a whole number; got 1000.0"),
    ("train.batch_size=null", 2, "train.batch_size: expected a whole number; got None"),
    (
        "train.batch_size=1",
        2,
        "train.batch_size: batch norm needs more than 1 sample; use a larger batch, or another",
    ),
    ("train.batch_size=1000000000000", 2, "train.batch_size: 1,000,000,000,000 samples take"),
    ("train.steps=0", 2, "train.steps: must be positive, got 0"),
    ("train.steps=-1", 2, "train.steps: must be positive, got -1"),
    ("train.steps=1e3", 2, "train.steps: expected a whole number or null; got 1000.0"),
    (
        "train.steps=1000000000000000000000000000000",
        2,
        "train.steps: expected a whole number below 2**63; got 1000000000000000000000000000000",
    ),
    ("train.steps=9999999999", 2, "train.steps: must be at most 1,000,000,000, got 9999999999"),
    ("train.epochs=0", 2, "train.epochs: must be positive, got 0"),
    ("train.epochs=nan", 2, "train.epochs: expected a number or null; got nan"),
    ("train.epochs=1e30", 2, "train.epochs: that is 5.06e+31 steps; 1,000,000,000 are the most"),
    (
        "dataset=ring model=mlp train.epochs=3",
        2,
        "train.epochs: this data set is endless and has no epochs; use train.steps or",
    ),
    ("train.images=-1", 2, "train.images: must be positive, got -1"),
    ("train.d_steps=0", 2, "train.d_steps: must be positive, got 0"),
    ("train.d_steps=1000000000000", 2, "train.d_steps: must be at most 10,000, got 1000000000000"),
    ("train.g_steps=-1", 2, "train.g_steps: must be positive, got -1"),
    ("train.d_warmup_steps=-1", 2, "train.d_warmup_steps: must not be negative, got -1"),
    ("train.d_head_start=1000000000000", 2, "train.d_head_start: must be at most 1,000,000, got 1000000000000"),
    ("train.updates=both", 2, "train.updates: expected one of alternating, simultaneous; got 'both'"),
    (
        "train.updates=simultaneous train.d_steps=2",
        2,
        "train: updates=simultaneous moves both players once a step; got d_steps=2, g_steps=1,",
    ),
    ("train.fakes=old", 2, "train.fakes: expected one of fresh, reused; got 'old'"),
    ("train.ema_half_life_images=0", 2, "train.ema_half_life_images: must be positive or null, got 0"),
    (
        "train.ema_half_life_images=1e39",
        2,
        "train.ema_half_life_images: expected a number that 32 bits hold, from 1.2e-38 to",
    ),
    ("train.ema_ramp=-1", 2, "train.ema_ramp: must not be negative, got -1"),
    ("train.clip_grad_norm=0", 2, "train.clip_grad_norm: must be positive or null, got 0"),
    (
        "train.clip_grad_norm=1e-300",
        2,
        "train.clip_grad_norm: expected a number that 32 bits hold, from 1.2e-38 to 3.4e38; got",
    ),
    ("train.lr_schedule=warm", 2, "train.lr_schedule: expected one of constant, linear, cosine, exponential; got"),
    ("train.lr_final=0.5", 2, "train: lr_final=0.5 is where a schedule ends; lr_schedule is constant"),
    ("train.lr_schedule=exponential", 2, "train: lr_schedule=exponential never reaches 0; set lr_final"),
    ("train.momentum_final=0.7", 2, "train.momentum_final: Adam has no momentum to move from here; use optimizer=sgd"),
    ("train.momentum_final=1", 2, "train.momentum_final: must be in [0, 1) or null, got 1"),
    ("train.held_out=1", 2, "train.held_out: must be auto or at least 2 examples, got 1"),
    ("train.held_out=some", 2, "train.held_out: expected a whole number or one of auto; got 'some'"),
    (
        "train.held_out=2000",
        4,
        "the data set has 1797 examples, 2000 of them held out, fewer than one batch of 32 set",
    ),
    (
        "train.batch_size=1798",
        4,
        "the data set has 1797 examples, fewer than one batch of 1798 set train.batch_size to",
    ),
    ("train.threads=0", 2, "train.threads: must be auto or at least 1, got 0"),
    ("train.threads=1000000", 2, "train.threads: must be at most 1,024, got 1000000"),
    ("train.log_every=0", 2, "train.log_every: must be positive, got 0"),
    ("train.sample_every=-1", 2, "train.sample_every: must be positive, got -1"),
    ("train.checkpoint_every=0", 2, "train.checkpoint_every: must be positive, got 0"),
    ("train.keep=0", 2, "train.keep: must be positive or null, got 0"),
    ("train.keep=few", 2, "train.keep: expected a whole number or null; got 'few'"),
    ("train.samples=0", 2, "train.samples: must be positive, got 0"),
    ("train.samples=1000000000", 2, "train.samples: must be at most 10,000, got 1000000000"),
    ("train.stop_on=mode_collapse", 2, "train.stop_on: expected a list, each text; got 'mode_collapse'"),
    (
        "train.stop_on=[mode_colapse]",
        2,
        "train.stop_on: there is no alarm 'mode_colapse'; did you mean 'mode_collapse'?",
    ),
    # networks
    ("model=mlp model.width=0", 2, "model.width: must be at least 1, got 0"),
    ("model=mlp model.width=1000000000", 2, "2 problems in this config: model.generator: would have"),
    ("model=mlp model.width=1.5", 2, "model.width: expected a whole number; got 1.5"),
    ("model=mlp model.depth=-1", 2, "2 problems in this config: model.generator.depth: must be at least 0, got -1"),
    (
        "model=mlp model.depth=1000000000",
        2,
        "model: the networks described take more than 16,384 operations; make depth smaller",
    ),
    (
        "model=mlp model.generator.norm=instance",
        2,
        "model.generator: instance norm needs feature maps; an MLP has norm=batch, layer or none",
    ),
    ("model=mlp model.discriminator.dropout=2", 2, "model.discriminator.dropout: must be in [0, 1), got 2"),
    ("model=mlp model.pack=0", 2, "model.pack: must be at least 1 sample, got 0"),
    ("model=mlp model.pack=3", 2, "train.batch_size: 32 samples are no whole packs; take a multiple of model.pack=3"),
    (
        "model=mlp dataset=ring model.conditional=true",
        2,
        "model.conditional: Ring has no labels; use data with labels, or conditional=false",
    ),
    ("model.base_channels=0", 2, "model.base_channels: must be at least 1, got 0"),
    (
        "model.base_channels=100000000000000000000",
        2,
        "model.base_channels: expected a whole number below 2**63; got 100000000000000000000",
    ),
    (
        "model.base_channels=3000000 model.max_channels=null",
        2,
        "2 problems in this config: model.generator: would have",
    ),
    ("model.max_channels=1", 2, "model.max_channels: must be at least base_channels, got 1 and 32"),
    ("model.extra_layers=-1", 2, "model.extra_layers: must be at least 0, got -1"),
    (
        "model.generator.norm=group",
        2,
        "model.generator.norm: expected one of batch, layer, instance, none; got 'group'",
    ),
    (
        "model.generator.activation=swish",
        2,
        "model.generator.activation: expected one of relu, leaky_relu, elu, gelu, silu, tanh,",
    ),
    ("model.generator.shape=[1,2]", 2, "model.generator.shape: comes from the data set and cannot be set here"),
    ("model.kernel=3", 2, "model.kernel: nothing in this choice uses it; there are: base_channels, max_channels,"),
    ("model.spectral_norm=maybe", 2, "model.spectral_norm: expected true or false; got 'maybe'"),
    (
        "penalty=gp model.discriminator.norm=batch",
        2,
        "model.discriminator: batch norm mixes the samples of a batch, and this penalty needs",
    ),
    (
        "model=r3gan model.base_channels=7",
        2,
        "model: twice the channels of each feature map must be a multiple of group_channels=16;",
    ),
    ("model=r3gan model.blocks=0", 2, "model.blocks: must be at least 1, got 0"),
    (
        "model=resnet dataset.size=256",
        2,
        "model: ResNet needs square images of 16, 28, 32, 48, 64 or 128 pixels; the data set",
    ),
    ("model=dirac", 2, "model: the Dirac-GAN plays with one number, and the data give [1, 16, 16]; use"),
    ("dataset=ring", 2, "model: DCGAN makes images, and the data set gives points of 2 numbers; use model=mlp"),
    ("dataset.size=31", 2, "model: DCGAN needs square images of 8, 16, 28, 32, 64, 128 or 256 pixels; the data set"),
    # data
    ("dataset=folder", 2, "dataset.path: needs a value; give one with dataset.path=..."),
    (
        "dataset=folder dataset.path=",
        4,
        "no image in ''",
    ),
    ("dataset=folder dataset.path=nowhere", 4, "'nowhere' is not there; set dataset.path to a folder of images"),
    ("dataset=folder dataset.path=file", 4, "'file' is a file; set dataset.path to a folder of images"),
    ("dataset=folder dataset.path=empty", 4, "no image in 'empty'"),
    ("dataset=folder dataset.path=1", 2, "dataset.path: expected text; got 1"),
    (
        "dataset=array dataset.path=nowhere.npy",
        4,
        "'nowhere.npy' is not there; set dataset.path to a .npy, .npz, .pt, .pth",
    ),
    ("dataset=array dataset.path=file", 4, "'file' is none of .npy, .npz, .pt, .pth"),
    (
        "dataset=mnist dataset.root=nowhere dataset.download=false",
        4,
        "MNIST is not in 'nowhere/MNIST/raw' and dataset.download is false put there, plain or",
    ),
    ("dataset=mnist dataset.split=nosuch", 2, "dataset.split: expected one of train, test, all; got 'nosuch'"),
    ("dataset.size=0", 2, "dataset.size: must be at least 1, got 0"),
    ("dataset.size=1000000000 model=mlp", 2, "model: would have more weights than can be counted; make"),
    ("dataset.channels=2", 2, "dataset.channels: expected one of 1, 3; got 2"),
    ("dataset.classes=3", 2, "dataset.classes: expected a list, each a whole number or null; got 3"),
    ("dataset.classes=[10]", 2, "dataset.classes: must name some of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 got [10]"),
    ("dataset.classes=[]", 2, "dataset.classes: must name some of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 got []"),
    ("dataset.flip=maybe", 2, "dataset.flip: expected true or false; got 'maybe'"),
    ("dataset=gaussian model=mlp dataset.std=0", 2, "dataset.std: must be greater than 0, got 0"),
    ("dataset=gaussian model=mlp dataset.std=1e-30", 2, "dataset.std: must be in [1e-18, 1e18], got 1e-30"),
    (
        "dataset=gaussian model=mlp dataset.mean=inf",
        2,
        "dataset.mean: expected a number that 32 bits hold, from 1.2e-38 to 3.4e38; got inf",
    ),
    ("dataset=ring model=mlp dataset.modes=0", 2, "dataset.modes: must be at least 1, got 0"),
    (
        "dataset=ring model=mlp dataset.modes=1000000000000",
        2,
        "dataset.modes: must be at most 10,000 in all, got 1000000000000",
    ),
    (
        "dataset=ring model=mlp dataset.weights=[1]",
        2,
        "dataset.weights: must be one for each of the 8 centres, got 1",
    ),
    (
        "dataset=ring model=mlp dataset.shift=[1]",
        2,
        "dataset.shift: expected a list of 2: a number, a number; got [1]",
    ),
    (
        "dataset=grid model=mlp dataset.rows=100000 dataset.columns=100000",
        2,
        "dataset: rows times columns must be at most 10,000 in all, got 10000000000",
    ),
    (
        "dataset=spiral model=mlp dataset.arms=1000000000",
        2,
        "dataset: arms times 512 must be at most 10,000 in all, got 512000000000",
    ),
    # noise
    ("prior.dim=0", 2, "prior.dim: must be at least 1, got 0"),
    ("prior.dim=1000000000000", 2, "prior.dim: must be at most 1,048,576, got 1000000000000"),
    ("prior.dim=null", 2, "prior.dim: expected a whole number; got None"),
    ("prior=uniform prior.low=1 prior.high=0", 2, "prior.low: must be below high, got 1 and 0"),
    ("prior.low=1", 2, "prior.low: gan_cli.priors.Normal has no such argument; there are: dim"),
    # optimizers
    ("optimizer.lr=fast", 2, "optimizer.lr: expected a number; got 'fast'"),
    ("optimizer.lr=-1", 2, "optimizer: Invalid learning rate: -1"),
    ("optimizer.lr=0", 2, "optimizer.lr: must be greater than 0, got 0"),
    ("optimizer.lr=1e-400", 2, "optimizer.lr: must be greater than 0, got 0.0"),
    ("optimizer.lr=nan", 2, "optimizer.lr: expected a number; got nan"),
    ("optimizer.lr=inf", 2, "optimizer.lr: expected a number that 32 bits hold, from 1.2e-38 to 3.4e38; got inf"),
    ("optimizer.lr=1e39", 2, "optimizer.lr: expected a number that 32 bits hold, from 1.2e-38 to 3.4e38; got 1e+39"),
    ("optimizer.discriminator.lr=-1", 2, "optimizer.discriminator: Invalid learning rate: -1"),
    ("optimizer.betas=[0.5]", 2, "optimizer.betas: expected a list of 2: a number, a number; got [0.5]"),
    (
        "optimizer.betas=[0.5,0.9,0.9]",
        2,
        "optimizer.betas: expected a list of 2: a number, a number; got [0.5, 0.9, 0.9]",
    ),
    ("optimizer.betas=[0.5,2]", 2, "optimizer: Invalid beta parameter at index 1: 2.0"),
    ("optimizer.betas=0.5", 2, "optimizer.betas: expected a list of 2: a number, a number; got 0.5"),
    ("+optimizer.generator.eps=-1", 2, "optimizer.generator: Invalid epsilon value: -1"),
    (
        "+optimizer.momentum=0.5",
        2,
        "optimizer.momentum: nothing in this choice uses it; there are: lr, betas, generator,",
    ),
    ("optimizer=adamw optimizer.weight_decay=-1", 2, "optimizer: Invalid weight_decay value: -1"),
    ("optimizer=sgd optimizer.momentum=-1", 2, "optimizer: Invalid momentum value: -1"),
    (
        "optimizer=sgd optimizer.generator._target_=torch.optim.Adam",
        2,
        "optimizer.generator.momentum: torch.optim.Adam has no such argument; there are: lr,",
    ),
    # penalties, losses, aids, alarms
    ("penalty=gp penalty.weight=-1", 2, "penalty.weight: must not be negative, got -1"),
    (
        "penalty.gamma=1e39",
        2,
        "penalty.gamma: expected a number that 32 bits hold, from 1.2e-38 to 3.4e38; got 1e+39",
    ),
    ("penalty.every=0", 2, "penalty.every: must be at least 1 update of D, got 0"),
    (
        "penalty=none penalty.gamma=1",
        2,
        "penalty.gamma: gan_cli.penalties.NoPenalty has no such argument; it takes none",
    ),
    ("penalty=clip penalty.value=0", 2, "penalty.value: must be positive, got 0"),
    ("penalty=[r1,gp]", 2, "penalty: expected one choice, got [r1,gp] (one run each: penalty=r1,gp -m)"),
    ("loss=hinge loss.gp=10", 2, "loss.gp: gan_cli.losses.Hinge has no such argument; it takes none"),
    ("loss.real_label=1.5", 2, "loss.real_label: must be a probability in [0, 1], got 1.5"),
    ("loss.fake_label=1", 2, "loss.fake_label: must be below real_label, got 1 and 1.0"),
    ("loss=least_squares loss.real_label=0", 2, "loss.fake_label: must be below real_label, got 0.0 and 0"),
    ("aids.instance_noise=-1", 2, "aids.instance_noise: must not be negative, got -1"),
    ("aids.label_flips=0.5", 2, "aids.label_flips: must be in [0, 0.5), got 0.5: at a half D is told nothing"),
    ("aids.augment=translation", 2, "aids.augment: expected a list, each one of translation, cutout, colour; got"),
    (
        "aids.augment=[rotation]",
        2,
        "aids.augment: expected a list, each one of translation, cutout, colour; got ['rotation']",
    ),
    ("dataset=ring model=mlp aids.augment=[cutout]", 2, "aids.augment: is for images; the data set gives [2]"),
    ("aids.top_k=0", 2, "aids.top_k: must be a share in (0, 1], got 0"),
    ("health.rows=1", 2, "health.rows: must be at least 2, got 1"),
    ("health.sure=2", 2, "health.sure: must be in [0, 1], got 2"),
    ("health.worse=1", 2, "health.worse: must be more than 1, got 1"),
    ("health.row=3", 2, "health.row: gan_cli.health.Thresholds has no such argument; did you mean 'rows'?"),
    # several at once
]


def every_other(rows):
    """Each row composes a config, which takes time: half of them wait for `make slow`."""
    return [pytest.param(*row, id=row[0], marks=[pytest.mark.slow] * (i % 2)) for i, row in enumerate(rows)]


@pytest.mark.parametrize(("line", "code", "begins"), every_other(ROWS))
def test_a_value_that_cannot_be_is_refused_by_its_key(refused, line, code, begins):
    assert refused(line, code, FILES).startswith(begins)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "train.step=10 los=x optimizer.lrr=0.1 loss.real_label=1.5 train.batch_size=64.5 prior.dim=0 device=tpu "
            "dataset.size=31",
            ["los: ", "optimizer.lrr: ", "train.step: ", "train.batch_size: ", "prior.dim: ", "loss.real_label: ",
             "device: ", "model: DCGAN needs"],
        ),
        (
            "train.batch_size=0 train.samples=0 train.keep=0 train.stepz=1 seed=-1",
            ["train.batch_size: must", "train.samples: must", "train.keep: must", "train.stepz: ", "seed must"],
        ),
        (
            "health.rows=1 health.sure=2 health.row=1 aids.top_k=0 aids.label_flips=7",
            ["health.rows: must", "health.sure: must", "health.row: ", "aids.top_k: must", "aids.label_flips: must"],
        ),
        (
            "model=mlp model.width=0 model.depth=-1 model.discriminator.dropout=2",
            ["model.width: must", "model.generator.depth: must", "model.discriminator.depth: must", "dropout: must"],
        ),
    ],
)  # fmt: skip
def test_one_look_finds_all_mistakes(refused, line, told):
    message = refused(line, 2)
    assert message.startswith(f"{len(told)} problems in this config: ")
    assert [text for text in told if text not in message] == []


@pytest.mark.parametrize(
    "size", ["model.width=1000000000", "model.depth=1000000", "prior.dim=1000000 model.width=1000000"]
)
def test_what_is_too_large_is_told_with_what_makes_it_so(refused, size):
    key = size.split("=")[0].split(".")[1] if "prior" not in size else "width"
    assert f"make {key} smaller" in refused(f"model=mlp {size}", 2)
