interface Props {
  text: string;
  /** Token strings in order; empty shows the plain text. */
  tokens: readonly string[];
  /** Whether these tokens carry loss. */
  loss?: boolean;
}

/** Text cut into its tokens, line breaks kept and marked. */
export function TokenText({ text, tokens, loss = false }: Props) {
  if (tokens.length === 0) return <span className="token-text mono">{text}</span>;
  return (
    <span className={loss ? 'token-text mono loss' : 'token-text mono'}>
      {tokens.map((token, i) => (
        <span key={i} className={i % 2 === 0 ? 'token' : 'token odd'}>
          {token.replaceAll('\n', '\u21b5\n')}
        </span>
      ))}
    </span>
  );
}
