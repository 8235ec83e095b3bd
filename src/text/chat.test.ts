import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ChatTemplate, type ChatMessage } from './chat';
import { encodeProblem } from './prompt';
import { Tokenizer } from './tokenizer';

// Oracle: transformers' apply_chat_template, by tools/goldens/text_files.py.
const GOLDENS = join(import.meta.dirname, 'goldens');
const json = (path: string): unknown => JSON.parse(readFileSync(join(GOLDENS, path), 'utf8'));

interface Conversation {
  messages: ChatMessage[];
  add_generation_prompt: boolean;
  text: string;
  ids: number[];
}

const chats = readdirSync(GOLDENS, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => [name, (json(`${name}/golden.json`) as { chat?: Conversation[] }).chat ?? []] as const)
  .filter(([, chat]) => chat.length > 0);

const open = (name: string): Tokenizer =>
  Tokenizer.fromJson(json(`${name}/tokenizer.json`), json(`${name}/tokenizer_config.json`));

test('there are conversations of several families', () => expect(chats.length).toBeGreaterThanOrEqual(4));

describe.each(chats)('%s writes conversations as transformers does', (name, chat) => {
  const tokenizer = open(name);

  test.each(chat.map((each, i) => [i, each] as const))(
    'conversation %i',
    (_, { messages, add_generation_prompt, text, ids }) => {
      const rendered = tokenizer.chat?.render(messages, add_generation_prompt);
      expect(rendered).toBe(text);
      expect(tokenizer.encode(text)).toEqual(ids);
    },
  );

  test('a problem is asked as a user’s turn and ends as the model’s turn does', () => {
    const asked = tokenizer.asChat();
    expect(tokenizer.asChat()).toBe(asked);
    const question = chat.find(
      ({ messages, add_generation_prompt }) => messages.length === 1 && add_generation_prompt,
    );
    const content = question?.messages[0]?.content ?? '';
    const { tokens, promptLength } = encodeProblem(asked, content, '5');
    expect(tokens.slice(0, promptLength)).toEqual(question?.ids);
    const [end] = asked.tokenStrings(tokens.slice(-1));
    expect(tokenizer.chat?.ending().startsWith(end ?? '?')).toBe(true);
    expect(asked.eosIds).toEqual(expect.arrayContaining(tokenizer.eosIds));
    expect(asked.decode(tokens.slice(promptLength))).toBe('5');
  });
});

describe('a template', () => {
  const messages: ChatMessage[] = [{ role: 'user', content: 'hi' }];

  test('comes from its own file first, else the config’s, of several the default', () => {
    const config = { chat_template: [{ name: 'tools', template: 'T' }, { name: 'default', template: '{{ bos_token }}D' }], bos_token: { content: '<s>' } }; // prettier-ignore
    expect(ChatTemplate.fromConfig(config)?.render(messages, false)).toBe('<s>D');
    expect(ChatTemplate.fromConfig(config, 'F')?.render(messages, false)).toBe('F');
    expect(ChatTemplate.fromConfig({})).toBeUndefined();
  });

  test('that cannot be read, refuses, or is missing is said in a sentence', () => {
    expect(() => ChatTemplate.fromConfig({ chat_template: '{% for %}' })).toThrow(
      /chat template cannot be used/,
    );
    const strict = ChatTemplate.fromConfig({ chat_template: "{{ raise_exception('no system') }}" });
    expect(() => strict?.render(messages, true)).toThrow(/no system.*chat_template to false/);
    expect(() => open('gpt2').asChat()).toThrow(/no chat template/);
  });
});
