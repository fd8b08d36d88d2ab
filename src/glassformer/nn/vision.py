"""The vision Transformer: the same blocks, on the patches of an image."""

import torch
from jaxtyping import Float

from glassformer.nn.architecture import Architecture
from glassformer.nn.stack import Stack


class VisionTransformer(torch.nn.Module):
    """Cuts an image into patches, reads them as an encoder reads words, and scores labels.

    Args:
        architecture: Its sizes and choices.
        seed: Decides the initial weights; torch's global generator stays as it was.

    Raises:
        ValueError: If the architecture is not one of images.

    Source: Dosovitskiy et al. 2021.
    """

    def __init__(self, architecture: Architecture, seed: int = 0) -> None:
        super().__init__()
        a = self.architecture = architecture
        if not a.image_size:
            raise ValueError(f"expected an architecture of images, got {a}")
        with torch.random.fork_rng(devices=()):
            torch.default_generator.manual_seed(seed)
            self.patch = torch.nn.Conv2d(a.channels, a.width, a.patch_size, a.patch_size)
            spread = 0.4 * a.width**-0.5
            self.first = torch.nn.Parameter(torch.randn(a.width) * spread)
            count = (a.image_size // a.patch_size) ** 2
            self.position = torch.nn.Parameter(torch.randn(1 + count, a.width) * spread)
            self.stack = Stack(a, a.layers, causal=False)
            if a.pooler:
                self.pooler = torch.nn.Linear(a.width, a.width)
            if a.labels:
                self.classifier = torch.nn.Linear(a.width, a.labels)

    def forward(self, images: Float[torch.Tensor, "B C Y X"]) -> Float[torch.Tensor, "..."]:
        """Return the score of each label, (B, labels); a model without labels returns its vectors.

        Raises:
            ValueError: If the images are not of the size and the colours that the model reads, or
                not of finite numbers of the model's type.
        """
        x = self.vectors(images)
        return self.classifier(x[:, 0]) if self.architecture.labels else x

    def vectors(self, images: Float[torch.Tensor, "B C Y X"]) -> Float[torch.Tensor, "B T D"]:
        """Return the vector of the whole image, which is the first, and of each patch."""
        return self.stack(self.embed(images))

    def embed(self, images: Float[torch.Tensor, "B C Y X"]) -> Float[torch.Tensor, "B T D"]:
        """Return what enters the first block: a learned vector, then one for each patch."""
        a = self.architecture
        expected, dtype = (a.channels, a.image_size, a.image_size), self.patch.weight.dtype
        if not isinstance(images, torch.Tensor) or images.dtype != dtype:
            came = getattr(images, "dtype", type(images).__name__)
            raise ValueError(f"expected images as a tensor of {dtype}, got {came}")
        if images.ndim != 4 or tuple(images.shape[1:]) != expected or not len(images):
            raise ValueError(
                f"expected images (B, C, Y, X) with C, Y, X = {expected}, "
                f"got shape {tuple(images.shape)}"
            )
        if not images.isfinite().all():
            raise ValueError("expected finite numbers in images, got NaN or infinity")
        patches = self.patch(images).flatten(2).transpose(1, 2)
        first = self.first.expand(len(images), 1, -1)
        return torch.cat([first, patches], dim=1) + self.position
