/** Stands for an image library that transformers.js imports at its start and these measurements never call. */
export default {};
