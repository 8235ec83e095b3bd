/**
 * The Python that runs programs of P-CoT, inside the interpreter. `run_program(code)` gives what `solution()` returned
 * as text — repr(float(value)), or the text itself — and None for any failure: it does not compile, raises, returns
 * nothing or something that is no number. Programs see math, and sympy where it is loaded; they may import what
 * arithmetic needs and nothing that reaches out of the interpreter.
 * Source: the Python executor of ReFT's reference code (arXiv:2401.08967).
 */
export const HARNESS = `
import builtins, contextlib, io, math, sys

IMPORTABLE = {
    "math", "cmath", "sympy", "mpmath", "fractions", "decimal", "statistics", "itertools", "functools", "operator",
    "collections", "datetime", "calendar", "random", "re", "string", "numbers", "heapq", "bisect", "typing", "time",
}

def guarded_import(name, globals=None, locals=None, fromlist=(), level=0):
    if name.partition(".")[0] not in IMPORTABLE:
        raise ImportError(f"{name} cannot be imported by a program")
    return __import__(name, globals, locals, fromlist, level)

def run_program(code):
    names = dict(vars(builtins), __import__=guarded_import)
    for name in ("open", "input", "breakpoint"):
        names.pop(name, None)
    scope = {"__builtins__": names, "__name__": "program", "math": math}
    if "sympy" in sys.modules:
        scope["sympy"] = sys.modules["sympy"]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(code, "program", "exec"), scope)
            value = scope["solution"]()
            return value if isinstance(value, str) else repr(float(value))
    except BaseException:
        return None
`;

/** Whether a program asks for sympy, which is loaded only then. */
export function wantsSympy(program: string): boolean {
  return /\bsympy\b/.test(program);
}
