"""A page runs as in a fresh interpreter, whatever ran before it."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
READS = """
```python
import matplotlib.pyplot as plt
import numpy as np
import torch
from glassformer.attention.scaled_dot_product import scaled_dot_product_attention

print(np.array([1 / 3]), torch.initial_seed() == 7, torch.ones(1).dtype, torch.is_grad_enabled())
print(plt.rcParams["font.size"])
try:
    scaled_dot_product_attention(np.ones((2, 4)), np.ones((3, 4)), np.ones((5, 4)))
except ValueError as error:
    print("our own error")
```
"""
CHANGES = """
```python
import warnings

np.set_printoptions(precision=1)
np.seterr(all="ignore")
torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
plt.rcParams["font.size"] = 40
warnings.simplefilter("ignore")
```
"""
OUTPUT = """
```output
[0.33333333] False torch.float32 True
10.0
our own error
```
"""


def test_pages_in_one_process_do_not_see_each_other(tmp_path: Path) -> None:
    """Each of three pages changes all settings that we know of, and finds none changed."""
    (tmp_path / "docs").mkdir()
    for name in ("conftest.py", "mkdocs.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("one", "two", "three"):
        (tmp_path / "docs" / f"{name}.md").write_text(f"# A\n{READS}{OUTPUT}{CHANGES}")
    command = [sys.executable, "-m", "pytest", "-q", "docs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "9 passed" in done.stdout, done.stdout
