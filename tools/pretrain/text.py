"""The text a problem is turned into, and how a completion is graded (the same rules as the lab's src/tasks)."""

import json
import math

TRIGGER = "\nTherefore, the answer is: "
EOS = "<|endoftext|>"


def prompt_of(question: str) -> str:
    return f"Question:\n{question}\nAnswer reasoning:\n"


def target_of(cot: str, value: str) -> str:
    """Reasoning and answer; the EOS token is appended as an id."""
    return f"{cot}{TRIGGER}{value}"


def extract(completion: str) -> float | None:
    """The text after the last trigger as a float; None where there is none."""
    if "Therefore, the answer is:" not in completion:
        return None
    try:
        value = float(completion.split("Therefore, the answer is:")[-1].strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def is_correct(completion: str, answer: float) -> bool:
    value = extract(completion)
    return value is not None and abs(value - answer) <= 0.01


def read_problems(path: str) -> list[dict]:
    """ReFT-format rows (item_id, question, answer_cot, answer_value)."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read_jsonl(path: str) -> list[dict]:
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]
