"""The one import of TensorFlow and Keras: quiet, without a home, and without what it does not need."""

import json
import subprocess
import sys

SCRIPT = """
import json, os, sys
from pathlib import Path
from mnist_core.backend import keras, tf
unneeded = [name for name in ("pandas", "sklearn") if name in sys.modules]
import numpy as np
import pandas, sklearn.base
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
known = sys.modules["pandas"] is pandas and sys.modules["sklearn"] is sklearn
files = [str(one) for one in Path(os.environ["HOME"]).rglob("*")]
print(json.dumps({"unneeded": unneeded, "known": known, "files": files}))
"""


def test_a_start_says_nothing_writes_nothing_and_leaves_out_what_it_does_not_need(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {"unneeded": [], "known": True, "files": []}
    assert done.stderr == ""


def test_what_is_there_already_stays():
    script = "import pandas, sys; from mnist_core import backend; assert sys.modules['pandas'] is pandas; print('done')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"
