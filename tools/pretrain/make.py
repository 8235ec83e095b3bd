"""Makes a bundled base model from nothing: writes its corpus with the problem generator, then pretrains.

    python tools/pretrain/make.py nano
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from pretrain import MODELS

ROOT = Path(__file__).parents[2]
CORPUS_SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--out", help="default: public/models/MODEL")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--spoilt", type=float)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    settings = MODELS[args.model]
    steps = args.steps or settings["steps"]
    spoilt = settings["spoilt"] if args.spoilt is None else args.spoilt

    corpus_command = ["npx", "tsx", "tools/problems/corpus.ts", "--level", settings["level"]]
    corpus_command += ["--count", str(steps * settings["batch_size"]), "--seed", str(CORPUS_SEED), "--spoilt", str(spoilt)]
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.jsonl"
        with corpus.open("w") as file:
            subprocess.run(corpus_command, cwd=ROOT, stdout=file, check=True)
        command = [sys.executable, str(Path(__file__).with_name("pretrain.py")), "--model", args.model]
        command += ["--corpus", str(corpus), "--corpus-command", " ".join(corpus_command)]
        command += ["--out", args.out or str(ROOT / "public" / "models" / args.model)]
        command += ["--steps", str(steps), "--threads", str(args.threads)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
