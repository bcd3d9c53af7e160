"""Where golden data goes and how a case is written."""
import base64
import pathlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"


def case(label, tokens, positions, logits, nll):
    """logits [tokens][vocab]; kept at positions as base64 of little-endian float32."""
    rows = [base64.b64encode(np.asarray(logits[i]).astype("<f4").tobytes()).decode() for i in positions]
    return {"label": label, "tokens": list(tokens), "positions": list(positions), "logits": rows, "mean_nll": nll}
