"""The torch twin: the parts of a Transformer as modules that learn, and published weights in them.

model = nn.load("folder")               # a folder that `transformers` has written
model = nn.from_hugging_face(config, state_dict)
nn.parameter_count(config), nn.flops(config, T)   # without building it
"""

from glassformer.nn.architecture import Architecture
from glassformer.nn.families.original import original
from glassformer.nn.loading import build, from_hugging_face, load
from glassformer.nn.published import architecture
from glassformer.nn.sizes import flops, parameter_count, parameters_by_part

__all__ = [
    "Architecture",
    "architecture",
    "build",
    "flops",
    "from_hugging_face",
    "load",
    "original",
    "parameter_count",
    "parameters_by_part",
]
