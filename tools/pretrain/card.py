"""The model card of a bundled base model."""

from pathlib import Path

CARD = """---
license: mit
library_name: transformers
pipeline_tag: text-generation
---

# reft-lab {model}

A base model for the lab's own grade-school word problems, level `{level}`: Llama architecture,
{parameters:,} parameters, byte-level BPE of {vocab_size} tokens with single digits. It is middling on purpose,
so that fine-tuning has something to do. It knows nothing but these stories.

## How well it does before fine-tuning

On the {n} validation problems of `public/problems/{level}`, none of which was in its pretraining text:

| | |
|---|---|
| accuracy at temperature 1 ({samples} samples a problem) | {sampled} % |
| pass@{samples} at temperature 1 | {passed} % |
| greedy accuracy | {greedy} % |

Graded as ReFT does: the number after the last "Therefore, the answer is:", within 0.01.

## How it was made

- By this project, from scratch, with PyTorch on a CPU (`tools/pretrain/pretrain.py`, torch {torch}, {threads} thread, {minutes} minutes).
- Text: {problems:,} fresh problems of the generator in `tools/problems`, one pass, {tokens:,} tokens
  (mean {mean_tokens_a_problem} a problem, longest {longest_problem}). A share of the solutions is spoilt on purpose
  (a wrong operation, a wrong number, a forgotten last step, a slip). Every bundled problem is left out,
  by its text and by its template with the same numbers.
- Corpus: `{corpus}`
- Loss on completion tokens only; batches of {batch_size} problems, {steps} steps; Muon for the matrices of the layers
  (learning rate {muon_learning_rate}), AdamW for embedding and norms ({learning_rate}), 100 steps of warm-up, then
  falling linearly to 5 % at step {schedule_steps}; seed {seed}.{finish}
- The whole log is in `pretraining.json`.

## Text it expects

Prompt `Question:\\n{{question}}\\nAnswer reasoning:\\n`, then the steps, a line each, then
`\\nTherefore, the answer is: {{number}}` and `<|endoftext|>`. Prompt and target are tokenized apart.

Licence: MIT, like the project.
"""


FINISH = """ It was stopped at step {steps},
  where it is middling, and finished with {finish_steps} steps in which the learning rate falls from 40 % to 2 % of its peak."""


def write_card(path: Path, made: dict) -> None:
    figures = made["validation"]
    text = CARD.format(
        **made,
        **{key: figures[key] for key in ("n", "samples", "greedy", "sampled")},
        passed=figures[f"pass_at_{figures['samples']}"],
        minutes=max(1, round(made["seconds"] / 60)),
        problems=(made["steps"] + made["finish_steps"]) * made["batch_size"],
        finish=FINISH.format(**made) if made["finish_steps"] else "",
    )
    path.write_text(text, encoding="utf-8")
