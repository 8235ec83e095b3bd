/** Said when a program asks for sympy and it cannot be loaded. */
export const NO_SYMPY =
  'A program imports sympy, and sympy could not be loaded: it comes from the network (cdn.jsdelivr.net), which cannot be reached. Programs that need sympy count as failed; all others run as usual.';
