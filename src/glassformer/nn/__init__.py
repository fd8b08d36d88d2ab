"""The torch twin: the parts of a Transformer as modules that learn, and published weights in them.

model = nn.load("folder")               # a folder that `transformers` has written
model = nn.from_hugging_face(config, state_dict)
"""

from glassformer.nn.architecture import Architecture
from glassformer.nn.families.original import original
from glassformer.nn.loading import build, from_hugging_face, load
from glassformer.nn.published import architecture

__all__ = ["Architecture", "architecture", "build", "from_hugging_face", "load", "original"]
