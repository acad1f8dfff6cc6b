"""Principal components and pixels: against scikit-learn, and what they say of themselves."""

import pytest
import torch
from pytest import approx

from gan_cli import data, features
from gan_cli.features import channels


@pytest.fixture(scope="module")
def digits():
    return data.Digits().load().x


def test_principal_components_are_those_of_scikit_learn(digits):
    from sklearn.decomposition import PCA

    theirs = PCA(8, svd_solver="full").fit(digits.flatten(1).double() / 127.5 - 1)
    want = torch.as_tensor(theirs.transform(digits.flatten(1).double() / 127.5 - 1))
    found = features.pca(digits, 8)(digits)
    assert found.x.dtype == torch.float32 and found.logits is None
    same = (found.x * want).sum(0) > 0  # scikit-learn has another rule for the sign
    torch.testing.assert_close(found.x.double(), want * torch.where(same, 1.0, -1.0), rtol=1e-4, atol=1e-4)
    assert found.x.var(0).tolist() == approx(theirs.explained_variance_.tolist(), rel=1e-4)


def test_fewer_images_than_pixels_make_the_same_components_by_the_smaller_matrix(digits):
    few = digits[:100]  # of 256 pixels
    rows = few.flatten(1).double() / 127.5 - 1
    want = torch.linalg.svdvals(rows - rows.mean(0))
    found = features.pca(few, 99)(few).x
    assert found.shape == (100, 99)
    assert found.double().norm(dim=0)[:60].tolist() == approx(want[:60].tolist(), rel=1e-4)
    assert features.pca(few, 200)(few).x.shape == (100, 99)  # 100 points span no more


def test_the_largest_entry_of_each_direction_is_positive_so_that_the_sign_is_always_the_same(digits):
    space = features.pca(digits, 9)
    white = 255 * torch.eye(256, dtype=torch.uint8).view(256, 1, 16, 16)  # one pixel each
    directions = (space(white).x - space(torch.zeros_like(white)).x) / 2
    assert directions.norm(dim=0).tolist() == approx([1] * 9, rel=1e-4)
    assert (directions.gather(0, directions.abs().argmax(0, keepdim=True)) > 0).all()


def test_a_space_of_components_says_what_it_is(digits):
    space = features.pca(digits)
    assert (space.name, space.distance, space.classes) == ("pca-64", "pca_fd", None)
    assert space.preprocessing == "pixels of 1 x 16 x 16 to [-1, 1], 64 principal components of 1797 real images"
    assert space.digest == features.pca(digits).digest
    assert space.digest != features.pca(digits, 63).digest
    assert space.digest != features.pca(digits.flip(0)).digest


def test_not_more_images_are_fitted_than_memory_needs():
    x = torch.zeros(50_000, 1, 8, 8, dtype=torch.uint8)
    x[::2, 0, 0, 0] = 255
    space = features.pca(x, 1)
    assert "1 principal components of 2048" in space.preprocessing
    assert space(x[:2]).x.flatten().tolist() == approx([1, -1], abs=1e-2)  # half the way from black to white


@pytest.mark.parametrize(("n", "dims"), [(1, 4), (9, 0)])
def test_what_has_no_components_is_refused(n, dims):
    with pytest.raises(ValueError, match="principal components need"):
        features.pca(torch.zeros(n, 1, 8, 8, dtype=torch.uint8), dims)


def test_pixels_are_scaled_and_nothing_else():
    space = features.raw((3, 1, 2))
    x = torch.tensor([[0, 255], [51, 204], [102, 153]], dtype=torch.uint8).view(1, 3, 1, 2)
    assert space(x).x.tolist() == [approx([-1, 1, -0.6, 0.6, -0.2, 0.2])]
    assert (space.name, space.distance, space.classes) == ("raw", "raw_fd", None)
    assert space.digest != features.raw((3, 2, 1)).digest


def test_each_channel_is_read_by_itself():
    """A space whose logits are brightness in three steps."""

    def of(images):
        return images.float().flatten(1), -(
            images.float().mean((1, 2, 3))[:, None] - torch.tensor([0.0, 100, 200])
        ).abs()

    space = features.Embedding("grey", "0", "cfd", "none", 3, of, (1, 4, 4), part=2)
    x = torch.tensor([[0, 200, 100], [100, 100, 0]], dtype=torch.uint8)[:, :, None, None].expand(-1, -1, 4, 4)
    assert channels(space)(x).tolist() == [[0, 2, 1], [1, 1, 0]]
