"""Whole models, built from what their architecture says: one stack of blocks, or two."""

import torch
from jaxtyping import Bool, Float, Int

from glassformer.nn.architecture import Architecture
from glassformer.nn.cache import Cache
from glassformer.nn.embedding import TextEmbedding
from glassformer.nn.head import TokenHead
from glassformer.nn.stack import Stack


class Transformer(torch.nn.Module):
    """A model of one stack: an encoder, such as BERT, or a decoder, such as GPT-2 and Llama.

    Args:
        architecture: Its sizes and choices.
        seed: Decides the initial weights; torch's global generator stays as it was.

    Raises:
        ValueError: If the architecture has two stacks, or is one of images.
    """

    def __init__(self, architecture: Architecture, seed: int = 0) -> None:
        super().__init__()
        a = self.architecture = architecture
        if a.kind == "encoder-decoder" or a.image_size:
            raise ValueError(f"expected an encoder or a decoder of texts, got {a}")
        with torch.random.fork_rng(devices=()):
            torch.default_generator.manual_seed(seed)
            self.embedding = TextEmbedding(a)
            self.stack = Stack(a, a.layers, causal=a.kind == "decoder")
            self.head = TokenHead(a)
            if a.pooler:
                self.pooler = torch.nn.Linear(a.width, a.width)
            if a.labels:
                self.classifier = torch.nn.Linear(a.width, a.labels)

    def forward(
        self,
        ids: Int[torch.Tensor, "B T"],
        mask: Bool[torch.Tensor, "B T"] | None = None,
        *,
        positions: Int[torch.Tensor, "B T"] | None = None,
        token_types: Int[torch.Tensor, "B T"] | None = None,
    ) -> Float[torch.Tensor, "B T V"]:
        """Return the logits at each position; a model without a head returns its vectors.

        Args:
            ids: The texts.
            mask: True where there is a token, False where there is padding, on either side.
            positions: Where each token stands; 0, 1, 2, ... if not given, padding counted.
            token_types: The segment of each token; all 0 if not given.

        Raises:
            ValueError: If a text is empty or too long, or an id is outside the vocabulary.
        """
        x = self.vectors(ids, mask, positions=positions, token_types=token_types)
        return self.head(x, self.embedding.token.weight)

    def vectors(
        self,
        ids: Int[torch.Tensor, "B T"],
        mask: Bool[torch.Tensor, "B T"] | None = None,
        *,
        positions: Int[torch.Tensor, "B T"] | None = None,
        token_types: Int[torch.Tensor, "B T"] | None = None,
    ) -> Float[torch.Tensor, "B T D"]:
        """Return the vector of each token after the last block, of which the head makes logits."""
        x = self.embedding(ids, positions=positions, token_types=token_types)
        return self.stack(x, mask, positions=positions)

    def step(
        self, ids: Int[torch.Tensor, "B T"], cache: Cache | None = None
    ) -> tuple[Float[torch.Tensor, "B T V"], Cache]:
        """Return the logits of tokens that follow those in the cache, and the cache with them.

        Raises:
            ValueError: If the model is an encoder, the text becomes too long, or the cache is of
                another model or batch.
        """
        if self.architecture.kind != "decoder":
            raise ValueError(f"expected a decoder, got {self.architecture.kind!r}")
        x = self.embedding(ids, start=0 if cache is None else cache.length)
        x, cache = self.stack.step(x, cache)
        return self.head(x, self.embedding.token.weight), cache


class EncoderDecoder(torch.nn.Module):
    """A model of two stacks, as the original and T5: one reads, the other writes.

    Args:
        architecture: Its sizes and choices.
        seed: Decides the initial weights; torch's global generator stays as it was.

    Raises:
        ValueError: If the architecture has one stack.
    """

    def __init__(self, architecture: Architecture, seed: int = 0) -> None:
        super().__init__()
        a = self.architecture = architecture
        if a.kind != "encoder-decoder":
            raise ValueError(f"expected an encoder-decoder, got {a}")
        with torch.random.fork_rng(devices=()):
            torch.default_generator.manual_seed(seed)
            self.embedding = TextEmbedding(a)
            self.encoder = Stack(a, a.layers, causal=False)
            self.decoder = Stack(a, a.decoder_layers, causal=True, cross=True)
            self.head = TokenHead(a)

    def forward(
        self,
        ids: Int[torch.Tensor, "B S"],
        decoder_ids: Int[torch.Tensor, "B T"],
        mask: Bool[torch.Tensor, "B S"] | None = None,
        decoder_mask: Bool[torch.Tensor, "B T"] | None = None,
    ) -> Float[torch.Tensor, "B T V"]:
        """Score every token as the one that is written after each position.

        Args:
            ids: The texts to read.
            decoder_ids: What is written so far, after a token that begins it.
            mask: True where a text has a token, False where it has padding.
            decoder_mask: The same for what is written.

        Raises:
            ValueError: If a text is empty or too long, or an id is outside the vocabulary.
        """
        source = self.read(ids, mask)
        x = self.decoder(self.embedding(decoder_ids), decoder_mask, source=source, source_mask=mask)
        return self.head(x, self.embedding.token.weight)

    def read(
        self, ids: Int[torch.Tensor, "B S"], mask: Bool[torch.Tensor, "B S"] | None = None
    ) -> Float[torch.Tensor, "B S D"]:
        """Return what the encoder makes of the texts: read once, looked at by every step."""
        return self.encoder(self.embedding(ids), mask)

    def step(
        self,
        decoder_ids: Int[torch.Tensor, "B T"],
        cache: Cache | None = None,
        *,
        source: Float[torch.Tensor, "B S D"] | None = None,
        source_mask: Bool[torch.Tensor, "B S"] | None = None,
    ) -> tuple[Float[torch.Tensor, "B T V"], Cache]:
        """Return the logits of tokens that follow those in the cache, and the cache with them.

        The first step is given the source; the cache keeps what the others need of it.

        Raises:
            ValueError: If neither a cache nor a source is given, or both, or one does not fit.
        """
        if cache is None and source is None:
            raise ValueError("expected a source at the first step, got neither source nor cache")
        x = self.embedding(decoder_ids, start=0 if cache is None else cache.length)
        x, cache = self.decoder.step(x, cache, source=source, source_mask=source_mask)
        return self.head(x, self.embedding.token.weight), cache
