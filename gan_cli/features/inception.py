"""Inception as published on 2015-12-05: the one space whose Fréchet distance is the FID (Heusel et al. 2017)."""

import hashlib
import io
import os
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import torch
from torch import Tensor

from gan_cli.errors import DataError
from gan_cli.features.space import Embedding

# Of torch-fidelity's file and of pytorch-fid's, which are the same bytes.
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
BYTES = 95_628_359
SILENCE = 30.0  # seconds without a byte before a download is given up
WIDTH = 60  # characters of a path or of somebody else's message in one line


def inception(
    weights: Path | None = None, device: str = "cpu", say: Callable[[str], None] = lambda _: None
) -> Embedding:
    """The 2048 features of its last pooling, through torch-fidelity's network; logits are the 1008 without bias, of
    which the Inception score is taken.

    Nothing is loaded but the published file: of other weights the distance is not the FID, and who wrote them could
    have written anything. The digest is the file's.

    Args:
        weights: the published file; None looks where torch keeps downloads, and else downloads it there (96 MB).
        say: gets a line before a download.

    Raises:
        DataError: there is no such file, or it is another one, or it cannot be downloaded.
    """
    data = _published(_read(weights), weights) if weights is not None else _found(say)
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3  # seconds to import

    # torch-fidelity unpickles what it gets, whatever that is: it gets plain tensors that we wrote.
    plain = io.BytesIO()
    torch.save(torch.load(io.BytesIO(data), map_location="cpu", weights_only=True), plain)
    plain.seek(0)
    with torch.random.fork_rng(devices=[]):  # it is made with random weights first
        layers = ["2048", "logits_unbiased"]
        net = FeatureExtractorInceptionV3("inception", layers, feature_extractor_weights_path=plain).to(device)

    def of(images: Tensor) -> tuple[Tensor, Tensor]:
        if images.shape[1] not in (1, 3):
            raise DataError(f"Inception takes grey or RGB images, got {images.shape[1]} channels")
        features, logits = net(images.expand(-1, 3, -1, -1))
        return features, logits

    return Embedding(
        name="inception-2015-12-05",
        digest=hashlib.sha256(data).hexdigest(),
        distance="fid",
        preprocessing="grey repeated as RGB; bilinear to 299 x 299 as TensorFlow 1 does it, without antialiasing",
        classes=None,
        of=of,
        part=256 if device.startswith("cuda") else 32,  # images of 299 x 299
        device=device,
    )


def _found(say: Callable[[str], None]) -> bytes:
    """The published file where torch keeps downloads; downloaded into there if it is not."""
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3 as URL

    place = Path(torch.hub.get_dir(), "checkpoints", URL.rsplit("/", 1)[-1])
    if place.is_file():
        return _published(_read(place), place)
    say(f"downloading Inception's weights, {BYTES / 1e6:.0f} MB, to {place}")
    try:
        with urlopen(URL, timeout=SILENCE) as answer:
            data: bytes = answer.read(BYTES + 1)
    except (OSError, HTTPException) as error:
        raise DataError(
            f"Inception's weights are not there and cannot be downloaded: {str(error)[:WIDTH]}\n"
            f"put this file ({BYTES / 1e6:.0f} MB)\n  {URL}\ninto\n  {place.parent}\nor give the path of a copy"
        ) from error
    _published(data, None)
    with suppress(OSError):  # then it is downloaded again next time
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = place.with_name(f".tmp-{place.name}-{os.getpid()}")
        try:
            unfinished.write_bytes(data)
            os.replace(unfinished, place)
        finally:
            unfinished.unlink(missing_ok=True)
    return data


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise DataError(f"Inception's weights: {_short(path)} {'is no file' if path.exists() else 'is not there'}")
        with path.open("rb") as file:
            return file.read(BYTES + 1)
    except OSError as error:
        raise DataError(f"Inception's weights: {_short(path)} cannot be read: {error.strerror}") from error


def _published(data: bytes, path: Path | None) -> bytes:
    """The bytes themselves, if they are the published ones."""
    found = hashlib.sha256(data).hexdigest()
    if found == SHA256:
        return data
    size = f"{len(data):,} bytes" if len(data) <= BYTES else f"more than {BYTES:,} bytes"
    what = f"cut off: {size} of {BYTES:,}" if len(data) < BYTES else f"another file: {size}, SHA-256 {found[:16]}..."
    raise DataError(
        f"Inception's weights: {'the download' if path is None else _short(path)} is {what}\n"
        f"expected weights-inception-2015-12-05-{SHA256[:8]}.pth as torch-fidelity publishes it, SHA-256\n  {SHA256}\n"
        "replace it, or remove it to have it downloaded"
    )


def _short(path: Path) -> str:
    text = repr(str(path))
    return text if len(text) <= WIDTH else f"...{text[-WIDTH:]}"
